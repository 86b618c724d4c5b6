"""Draw the strip on the front page: five moments of one seeded GAN, and V* falling to -log 4.

`python book/extension/hero.py` writes `book/assets/hero-*.png` anew (a minute).

D* and V* are computed on square cells (the outermost reach to infinity), not from samples: the
data's share of a cell is exact, and G's is the share of 360,000 evenly spread z that land there.
Cells hide what is finer than they are, which lowers V*; counting adds noise, which raises it: good
to the eye, not to the last digit. D* fades to 1/2 in cells that hold less than 2e-5 of either mass.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke
from PIL import Image

from ganbook import data, losses, models, plots, theory, train

MOMENTS, PHONE = (0, 60, 150, 400, 3000), (0, 150, 3000)  # steps shown
CURVE = sorted({*MOMENTS, *np.unique(np.geomspace(5, MOMENTS[-1], 40).astype(int)).tolist()})
SIGMA, EDGE, CELLS, NOISE = 0.1, 1.6, 80, 0.3
RING = data.ring(std=SIGMA)
SCALE = math.sqrt(0.5 + SIGMA**2)  # root mean square of a coordinate: the nets see points / SCALE


def cells_of_data() -> torch.Tensor:
    """The data's exact mass in each cell, shape (CELLS, CELLS), y first."""
    edges = torch.linspace(-EDGE, EDGE, CELLS + 1, dtype=torch.float64)
    edges[0], edges[-1] = -math.inf, math.inf
    share = torch.special.ndtr((edges - RING.means[..., None]) / SIGMA).diff(dim=-1)
    return torch.einsum("ky,kx->yx", share[:, 1], share[:, 0]) / len(RING.means)


def cells_of(G) -> torch.Tensor:
    """The mass of p_g in each cell, from a 600 x 600 lattice of normal quantiles."""
    line = torch.special.ndtri((torch.arange(600, dtype=torch.float64) + 0.5) / 600).float()
    with torch.no_grad():
        x = SCALE * G(NOISE * torch.cartesian_prod(line, line))
    column, row = ((x + EDGE) / (2 * EDGE) * CELLS).clamp(0, CELLS - 1).long().T
    return torch.bincount(row * CELLS + column, minlength=CELLS**2).double().view(CELLS, -1) / len(
        x
    )


def train_and_watch():
    """One run: V* at each step of CURVE; the verdict and 150 fakes at each of MOMENTS."""
    real, values, pictures, gamma = cells_of_data(), [], {}, [0.1]
    z = NOISE * torch.randn(150, 2, generator=torch.Generator().manual_seed(1))

    def watch(run):
        gamma[0] = 0.1 * 0.01 ** (run.step / MOMENTS[-1])
        if run.step in CURVE:
            fake = cells_of(run.ema)
            values.append(theory.criterion(real.flatten(), fake.flatten()).item())
            verdict = theory.optimal_discriminator(real + 2e-5, fake + 2e-5)  # fades to ½
            pictures[run.step] = (
                verdict.numpy(),
                SCALE * run.ema(z).detach().numpy(),
            )

    generator = torch.Generator().manual_seed(0)
    G = models.MLP((2, 64, 64, 64, 2), skip=True, generator=generator)
    D = models.MLP((2, 64, 64, 64, 1), generator=generator)
    how = {
        "batch_size": 256,
        "d_steps": 5,
        "lr": (1e-3, 4e-3),
        "ema": 0.99,
        "progress": False,
    }
    how["schedule"] = lambda progress: 0.5 * (1 + math.cos(math.pi * progress))
    how["noise"] = lambda n, generator: NOISE * torch.randn(n, 2, generator=generator)
    how["penalty"] = lambda D, real, fake: losses.r1(D, real, gamma[0])
    draw = lambda n, generator: RING.sample(n, generator) / SCALE  # noqa: E731
    rules = {"steps": MOMENTS[-1], "generator": generator, "callback": watch}
    train.fit(G, D, draw, losses.NON_SATURATING, **rules, **how)
    return values, pictures


def strip(values, pictures, mode: str, moments, width: float, height: float) -> plt.Figure:
    """Pictures over a curve, its time stretched so that each moment lies under its picture."""
    ink, n, gap = plots.PALETTE[mode], len(moments), 0.1 / width
    colours = LinearSegmentedColormap.from_list("verdict", [ink[f"d{i}"] for i in range(9)])
    ring = {"edgecolors": ink["paper"], "linewidths": 0.5}
    side, top = (1 - gap * (n - 1)) / n, 1 - 0.24 / height
    tall, lefts = side * width / height, [i * (side + gap) for i in range(n)]
    figure = plt.figure(figsize=(width, height), facecolor=ink["paper"])
    for left, step in zip(lefts, moments, strict=True):
        name = f"{step:,}" if step else "step 0"
        figure.text(left, top + 0.05 / height, name, color=ink["muted"])
        ax = figure.add_axes([left, top - tall, side, tall], xticks=[], yticks=[], frame_on=False)
        box = {"extent": [-EDGE, EDGE] * 2, "origin": "lower", "vmin": 0, "vmax": 1}
        ax.imshow(
            pictures[step][0],
            cmap=colours,
            alpha=0.7,
            interpolation="bilinear",
            **box,
        )
        points = RING.sample(150, torch.Generator().manual_seed(2)).numpy()
        ax.scatter(*points.T, s=13, color=ink["data"], **ring)
        ax.scatter(*pictures[step][1].T, s=17, color=ink["gen"], marker="D", **ring)
        ax.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))
    ax = figure.add_axes([0, 0, 1, top - tall - 0.08 / height], frame_on=False)
    ax.set(xlim=(0, 1), ylim=(-1.5, 0.09), xticks=[], yticks=[])
    middles, floor = [left + side / 2 for left in lefts], -math.log(4)
    x = [0, *np.interp(np.log1p(CURVE), np.log1p(moments), middles), 1]
    y = [values[0], *values, values[-1]]
    ax.fill_between(x, y, floor, color=ink["gen"], alpha=0.16, linewidth=0)
    ax.plot(x, y, dashes=(3, 2), color=ink["value"], linewidth=2)
    ax.axhline(floor, color=ink["value"], linestyle=":", linewidth=1.4)
    halo = {
        "weight": "bold",
        "path_effects": [withStroke(linewidth=3, foreground=ink["paper"])],
    }
    ax.text(0.012, -0.12, "V*", va="top", color=ink["value"], **halo)
    ax.text(0.012, floor + 0.06, "−log 4", va="bottom", color=ink["value"], **halo)
    gap_name = "2·JSD: what G has still to learn" if n > 3 else "2·JSD"
    ax.text(0.2, -0.95, gap_name, va="center", color=ink["gen"], **halo)
    return figure


def main() -> None:
    """Train once, draw four pictures of few colours."""
    torch.set_num_threads(1)
    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9.5})
    run = train_and_watch()
    for mode in ("light", "dark"):
        for name, shape in {
            "": (MOMENTS, 9.36, 2.95),
            "-phone": (PHONE, 3.9, 2.5),
        }.items():
            path = Path(__file__).parents[1] / "assets" / f"hero-{mode}{name}.png"
            strip(*run, mode, *shape).savefig(path, dpi=200)
            picture = Image.open(path).convert("RGB").quantize(160, dither=Image.Dither.NONE)
            picture.save(path, optimize=True)


if __name__ == "__main__":
    main()
