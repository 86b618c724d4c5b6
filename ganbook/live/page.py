"""A live figure as HTML: for the pages of the book, and for a notebook with a kernel."""

import html
import io
import json
import os

import matplotlib.pyplot as plt
from IPython.display import HTML

from ganbook.live import (
    descent,
    dirac,
    files,
    game1d,
    game2d,
    latent,
    police,
    saddle,
    saturation,
    wasm,
)
from ganbook.plots import PALETTE, STYLE

# Each module has TITLE, ALT and CAPTION; options(**given), which checks what an author wrote;
# scripts(**settings), script by file name; and still(), a figure for where no script runs. It may
# have instead(): HTML that lets the reader play there, too.
FIGURES = {
    "game2d": game2d,
    "saddle": saddle,
    "dirac": dirac,
    "descent": descent,
    "game1d": game1d,
    "police": police,
    "saturation": saturation,
    "latent": latent,
}


def palette_css() -> str:
    """The palette as CSS variables `--gb-<name>`: light, dark, and light again on paper."""

    def block(selector: str, colours: dict[str, str]) -> str:
        return selector + "{" + "".join(f"--gb-{k}:{v};" for k, v in colours.items()) + "}"

    light, dark = PALETTE["light"], PALETTE["dark"]
    return "\n".join(
        [
            block(":root,html[data-theme=light]", light),
            block("html[data-theme=dark]", dark),
            "@media print{" + block("html[data-theme]", light) + "}\n",
        ]
    )


def figure(name: str):
    """The module of a figure.

    Raises:
        ValueError: for an unknown name; lists the figures.
    """
    if name not in FIGURES:
        raise ValueError(f"expected a live figure among {sorted(FIGURES)}; got {name!r}")
    return FIGURES[name]


def split(options: dict) -> tuple[dict, int | None]:
    """The options of the figure itself, and the height of its panel in pixels, if given.

    Raises:
        ValueError: for a height that is no whole number of at least 200 pixels.
    """
    rest = dict(options)
    height = rest.pop("height", None)
    if height is not None and not (str(height).isdecimal() and int(height) >= 200):
        raise ValueError(f"expected a height of at least 200 pixels; got {height!r}")
    return rest, None if height is None else int(height)


def scripts(name: str, options: dict) -> dict[str, str]:
    """The scripts that a figure needs, by file name, in order; the first is common to all."""
    settings = figure(name).options(**split(options)[0])
    common = "\n".join(
        [
            files.text("engine.js"),
            f'ganbook.wasm = "{wasm.encoded()}";',
            files.text("figure.js"),
        ]
    )
    return {"figure.js": common, **figure(name).scripts(**settings)}


def style() -> str:
    """The style sheet of all live figures."""
    return files.text("figure.css")


def tag(name: str, options: dict) -> str:
    """The bare tag that a notebook holds in its committed outputs; the book's build fills it."""
    figure(name).options(**split(options)[0])  # fail now, not at the build
    data = html.escape(json.dumps(options, sort_keys=True))
    return f'<div class="gb-live" data-figure="{name}" data-given="{data}"></div>'


def element(name: str, options: dict, picture: str) -> str:
    """The element that the script fills, with a picture for where there is none.

    Args:
        name: of the figure.
        options: as the author wrote them.
        picture: address of the picture.
    """
    module = figure(name)
    rest, height = split(options)
    limit = "" if height is None else f' style="--gb-height: {height}px"'
    data = html.escape(json.dumps(module.options(**rest), sort_keys=True))
    paper = module.instead() if hasattr(module, "instead") else ""
    if paper:
        about = f'role="group" aria-label="{html.escape(module.TITLE)}, on paper"'
        paper = f'<div class="gb-still gb-scroll" tabindex="0" {about}>{paper}</div>'
    return (
        f'<div class="gb-live" role="group" aria-label="{html.escape(module.TITLE)}" '
        f'data-live="{name}" data-options="{data}"{limit}>'
        f'<img class="gb-still" src="{picture}" alt="{html.escape(module.ALT)}">'
        f'<p class="gb-still">Here you can play; that needs JavaScript.</p>{paper}</div>'
    )


def picture(name: str) -> bytes:
    """The picture of a figure where no script runs, as PNG."""
    raw = io.BytesIO()
    with plt.rc_context(STYLE):
        drawn = figure(name).still()
        drawn.savefig(raw, format="png", metadata={"Software": None})
    plt.close(drawn)
    return raw.getvalue()


def show(name: str, **options) -> HTML:
    """A live figure in a notebook: it trains in the browser, not in the kernel.

    When GANBOOK_PLAIN is set, as it is when the book is made, this is a bare tag that the build
    fills; otherwise a frame that holds the whole figure.

    Args:
        name: of the figure, e.g. ``"game2d"``.
        options: its options, e.g. ``loss="relativistic"``, and ``height``, of the frame in pixels.

    Raises:
        ValueError: for an unknown figure, option or value; says what is possible.
    """
    if "GANBOOK_PLAIN" in os.environ:
        return HTML(tag(name, options))
    rest, height = split(options)
    # a script's text may not hold the tag that would end it
    code = "\n".join(scripts(name, rest).values()).replace("</", "<\\/")
    page = (
        f"<!doctype html><html data-theme=light><meta charset=utf-8><title>{name}</title>"
        f"<style>{palette_css()}{style()}body{{margin:8px;font-family:system-ui,sans-serif}}</style>"
        f"{element(name, rest, '')}<script>{code}</script>"
    )
    frame = f'style="width: 100%; height: {height or 1000}px; border: 0"'
    # within a div, or IPython warns that a bare frame should be its IFrame, which takes no page
    inner = f'<iframe title="{name}" srcdoc="{html.escape(page)}" {frame}></iframe>'
    return HTML(f"<div>{inner}</div>")
