"""Controls: real ipywidgets with a kernel, the same figure with a plain slider in the book."""

import base64
import hashlib
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
from IPython.display import HTML
from matplotlib.figure import Figure

MAX_FRAMES = 24  # a page keeps every frame: more would make it heavy

# Frames, sliders and their labels are matched by position; the page needs nothing else.
SCRIPT = """(function (root) {
  const frames = root.querySelectorAll("img"), sliders = root.querySelectorAll("input");
  const play = root.querySelector("button"), still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0;
  function show() {
    let index = 0;
    sliders.forEach((slider) => {
      const labels = JSON.parse(slider.dataset.labels), text = labels[+slider.value];
      index = index * labels.length + +slider.value;
      slider.setAttribute("aria-valuetext", text);
      slider.parentNode.querySelector("output").textContent = text;
    });
    frames.forEach((frame, i) => { frame.hidden = i !== index; });
  }
  function stop() { clearInterval(timer); timer = 0; play.textContent = "Play"; }
  function step() {
    const slider = sliders[0], last = slider.value === slider.max;
    slider.value = last ? 0 : +slider.value + 1;
    show();
    if (timer && slider.value === slider.max) stop();
  }
  sliders.forEach((slider) => slider.addEventListener("input", () => {
    if (timer) stop();
    show();
  }));
  if (play) play.addEventListener("click", () => {
    if (timer) return stop();
    if (still.matches) return step();
    play.textContent = "Pause";
    timer = setInterval(step, 700);
    step();
  });
  show();
})(document.getElementById("ID"));"""


def explore(
    draw: Callable[..., Figure], *, alt: Callable[..., str], **axes: Sequence
) -> "HTML | object":
    """A figure with a slider for each of its parameters.

    With a kernel the sliders are ipywidgets and `draw` runs anew at each move. When the environment
    variable GANBOOK_PLAIN is set, as it is when the book is made, every frame is drawn once and a
    slider of plain HTML chooses among them, with neither kernel nor network.

    Args:
        draw: takes one keyword for each axis, returns a matplotlib figure.
        alt: takes the same keywords, returns the frame's description for those who don't see it.
        axes: the values of each parameter, e.g. ``step=[0, 10, 100]``; underscores in the name
            show as spaces. At most 24 frames in all.

    Raises:
        ValueError: without axes, with an empty one, or with too many frames.
    """
    values = {name: list(choices) for name, choices in axes.items()}
    if not values or not all(values.values()):
        raise ValueError(f"expected at least one axis, none of them empty; got {values}")
    points = [
        dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())
    ]
    if len(points) > MAX_FRAMES:
        raise ValueError(f"expected at most {MAX_FRAMES} frames; the axes give {len(points)}")
    return plain(draw, alt, values, points) if "GANBOOK_PLAIN" in os.environ else live(draw, values)


def live(draw, values):
    """The form for a running kernel: ipywidgets."""
    import ipywidgets
    from IPython.display import display

    def redraw(**point):
        figure = draw(**point)
        display(figure)
        plt.close(figure)

    sliders = {
        name: ipywidgets.SelectionSlider(options=choices, description=name.replace("_", " "))
        for name, choices in values.items()
    }
    output = ipywidgets.interactive_output(redraw, sliders)
    return ipywidgets.VBox([*sliders.values(), output])


def plain(draw, alt, values, points) -> HTML:
    """The form for a page: every frame, native sliders, a few lines of script."""
    frames = []
    for point in points:
        figure = draw(**point)
        frames.append(to_png(figure))
        plt.close(figure)
    texts = [alt(**point) for point in points]
    # An id made from words, not from pixels: those may differ from one processor to the next.
    name = "explore-" + hashlib.sha256(repr((values, texts)).encode()).hexdigest()[:10]
    controls = '<button type="button" class="gb-play">Play</button>' if len(values) == 1 else ""
    for axis, choices in values.items():
        labels = html.escape(json.dumps([str(choice) for choice in choices]))
        controls += (
            f"<label>{html.escape(axis.replace('_', ' '))} "
            f'<input type="range" min="0" max="{len(choices) - 1}" value="0" '
            f'data-labels="{labels}"> <output>{html.escape(str(choices[0]))}</output></label>'
        )
    images = "".join(
        f'<img {"hidden " if i else ""}alt="{html.escape(text)}" '
        f'src="data:image/png;base64,{base64.b64encode(frame).decode()}">'
        for i, (text, frame) in enumerate(zip(texts, frames, strict=True))
    )
    return HTML(
        f'<div class="gb-explore" id="{name}"><div class="gb-controls">{controls}</div>{images}'
        f"</div><script>{SCRIPT.replace('ID', name)}</script>"
    )


def to_png(figure: Figure, dpi: int = 144) -> bytes:
    """The figure as a PNG of at most 64 colours, the same bytes every time."""
    from PIL import Image

    raw = io.BytesIO()
    # No tight box: all frames must have one size, or the page jumps.
    figure.savefig(raw, format="png", dpi=dpi, bbox_inches=figure.bbox_inches)
    picture = Image.open(raw).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    small = io.BytesIO()
    picture.save(small, format="png", optimize=True)
    return small.getvalue()
