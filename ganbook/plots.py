"""Figures in one look: arrays and an ax in, the ax out.

`PALETTE` is the one source of every colour in the project: matplotlib reads it here and the book's
style sheet is printed from it at build time. A colour is a thing: blue is data, orange is G and its
fakes, violet is D, slate is the value of the game. Learned is solid, optimal dashed, bounds dotted.
"""

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# name: (light, dark)
COLOURS = {
    "data": ("#1a6fc4", "#5aa8f0"),
    "gen": ("#b84a00", "#ff9d57"),
    "disc": ("#4f1a8c", "#e6d7ff"),
    "value": ("#4b5566", "#a3b0c2"),
    "ok": ("#1a7434", "#5fcb82"),
    "warn": ("#a3123c", "#ff8fa3"),
    "link": ("#08697a", "#56c5d8"),
    "focus": ("#08697a", "#56c5d8"),
    "ink": ("#222832", "#e6e9ee"),
    "muted": ("#5a6475", "#a3adbb"),
    "hair": ("#7f8999", "#6b7788"),
    "line": ("#d5d9e0", "#39424f"),
    "paper": ("#ffffff", "#14181e"),
    "surface": ("#f6f7f9", "#1c222b"),
    # D(x) as a colour, from 0 (fake) over 1/2 to 1 (real)
    "d0": ("#9d4608", "#f49665"),
    "d1": ("#bd6e43", "#bf764f"),
    "d2": ("#d59879", "#8d583c"),
    "d3": ("#eac4b1", "#5c3c2b"),
    "d4": ("#f5f5f4", "#26282c"),
    "d5": ("#b5d1ee", "#2e4760"),
    "d6": ("#7faddc", "#416a94"),
    "d7": ("#4a89c8", "#568fc9"),
    "d8": ("#0265af", "#6fb6fe"),
}
PALETTE = {
    "light": {name: light for name, (light, _) in COLOURS.items()},
    "dark": {name: dark for name, (_, dark) in COLOURS.items()},
}
INK = PALETTE["light"]  # figures are drawn on white; in dark mode the page shows them as a card
VERDICT = LinearSegmentedColormap.from_list("gb_d", [INK[f"d{i}"] for i in range(9)])
STYLE = {
    "figure.figsize": (6.88, 3.2),
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.04,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "mathtext.fontset": "cm",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK["ink"],
    "axes.labelcolor": INK["muted"],
    "axes.edgecolor": INK["hair"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": INK["line"],
    "grid.linewidth": 0.8,
    "xtick.color": INK["muted"],
    "ytick.color": INK["muted"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 2,
    "lines.dashed_pattern": (3, 2),
    "lines.dotted_pattern": (1, 1.5),
    "legend.frameon": False,
    "axes.prop_cycle": cycler(color=[INK[name] for name in ("data", "gen", "disc", "value")]),
}


def use_style() -> None:
    """Switch matplotlib to the book's look; in a notebook also to sharp, reproducible PNGs."""
    plt.rcParams.update(STYLE)
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ModuleNotFoundError:  # no notebook, nothing to set
        return
    set_matplotlib_formats("retina", metadata={"Software": None})


def label(ax: Axes, x: float, y: float, text: str, colour: str, **options):
    """Write `text` next to a curve in the colour of what it names, with a halo of paper."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground=INK["paper"])]
    style = {"color": INK[colour], "weight": "bold", "path_effects": halo, **options}
    return ax.text(x, y, text, **style)


def hill(ax: Axes, x, height, colour: str, name: str = "", dash: str = "-") -> Axes:
    """A density as a filled curve.

    Args:
        ax: where to draw.
        x, height: shape (n,).
        colour: a name of `COLOURS`.
        name: label set at the top of the hill.
        dash: matplotlib line style.
    """
    x, height = np.asarray(x), np.asarray(height)
    ax.fill_between(x, height, color=INK[colour], alpha=0.16, linewidth=0)
    ax.plot(x, height, dash, color=INK[colour])
    if name:
        top = height.argmax()
        label(ax, x[top], 1.05 * height[top], name, colour, ha="center", va="bottom")
    return ax


def verdict(ax: Axes, x, d, best=None) -> Axes:
    """A discriminator's probabilities on a line: D solid, D* dashed, one half dotted.

    Args:
        ax: where to draw.
        x: positions, shape (n,).
        d: learned probabilities, shape (n,), or None.
        best: D*, shape (n,), NaN where it is undefined, or None.
    """
    ax.axhline(0.5, color=INK["hair"], linestyle=":", linewidth=1)
    if best is not None:
        ax.plot(x, best, "--", color=INK["disc"])
    if d is not None:
        ax.plot(x, d, color=INK["disc"])
    ax.set(ylim=(-0.04, 1.04), yticks=(0, 0.5, 1), yticklabels=("0", "½", "1"))
    return ax


def fan(ax: Axes, x, runs, colour: str) -> Axes:
    """Many runs as thin lines with their median on top: `runs` has shape (S, n)."""
    runs = np.asarray(runs)
    ax.plot(x, runs.T, color=INK[colour], linewidth=0.8, alpha=0.4)
    ax.plot(x, np.median(runs, 0), color=INK[colour])
    return ax


def pictures(images, columns: int = 16, *, width: float = 6.88) -> Figure:
    """Square grey pictures in rows, dark ink on paper.

    Args:
        images: shape (N, side²), from -1 to 1; N a multiple of `columns`.
        columns: pictures in a row.
        width: of the figure, in inches.
    """
    images = np.asarray(images)
    side = round(images.shape[1] ** 0.5)
    if len(images) % columns or side**2 != images.shape[1]:
        raise ValueError(f"expected (a multiple of {columns}, side²); got shape {images.shape}")
    rows = len(images) // columns
    sheet = images.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, -1)
    figure = plt.figure(figsize=(width, width * rows / columns))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(-sheet, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return figure
