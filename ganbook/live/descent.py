"""`descent`: p_g is a histogram that the reader draws; D is optimal at every step."""

import functools
import math

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganbook import plots, theory
from ganbook.live import files
from ganbook.live.compile import translate

BINS = 12
GEOMETRIES = {
    "mirror": "mirror: multiply, normalise",
    "softmax": "softmax: step in the logits",
    "projected": "projected: step, then project",
}
HUMPS = [1, 3, 6, 4, 2, 1, 1, 2, 5, 6, 3, 1]
STARTS = {  # heights of data and of p_g
    "humps": (HUMPS, [6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1]),
    "missed": (HUMPS, [3, 5, 8, 5, 3, 1, 0.2, 0.02, 2e-3, 2e-3, 2e-3, 0.02]),
    "thin": ([1] * 11 + [0.002], [1] * 11 + [4]),
}

TITLE = "Descent with the best D"
CAPTION = (
    "**Draw the orange bars, choose how a step is taken, press Play.** Blue outlines are the data, "
    "orange bars what G makes; below them the verdict of the best D, and arrows that say how the "
    "next step changes each bar. C + log 4 is 2·JSD: at 0 the two laws are one."
)
ALT = (
    "Twelve blue outlined bars with two humps and twelve orange bars that fall from left to right; "
    "beside them C + log 4 on a log scale falls fast for mirror descent and slowly for the others."
)
DEFAULTS = {"start": "humps", "geometry": "mirror", "lr": 0.5}
CHOICES = {"start": tuple(STARTS), "geometry": tuple(GEOMETRIES)}
RANGES = {"lr": (0.01, 8.0)}


def projection(y: Tensor) -> Tensor:
    """`theory.project` without sorting: each entry is tried as the last one above the threshold."""
    above = (y >= y[:, None]).to(y)  # (n, n)
    excess = ((above * y).sum(1) - 1) / above.sum(1)
    return (y - excess.amax()).clamp_min(0)


def slope(p: Tensor, q: Tensor) -> Tensor:
    """∂C/∂q where it is not -∞, and the largest slope a float can say where it is."""
    return theory.criterion_slope(p, q).clamp_min(math.log(torch.finfo(torch.float64).tiny))


def unbound(p: Tensor, q: Tensor, lr: Tensor) -> Tensor:
    """A step along the slope that keeps the sum and nothing else: it may leave the simplex."""
    change = slope(p, q)
    return q - lr * (change - change.mean())


STEPS = {
    "mirror": theory.mirror_step,
    "softmax": theory.softmax_step,
    "projected": lambda p, q, lr: projection(q - lr * slope(p, q)),
}


def options(**given) -> dict:
    """Settings from an author's options start, geometry, lr; ValueError says what is possible."""
    return files.options("descent", given, CHOICES, RANGES)


@functools.cache
def kernels() -> dict[str, str]:
    """JavaScript by name."""
    p = torch.full((BINS,), 1 / BINS, dtype=torch.float64)
    laws, lr = {"p": p, "q": p}, torch.tensor(0.5, dtype=torch.float64)
    made = {
        name: translate(name, step, {**laws, "lr": lr}, ["next"], checks=True)
        for name, step in {**STEPS, "unbound": unbound}.items()
    }
    made["criterion"] = translate(
        "criterion",
        lambda p, q: (theory.criterion(p, q) + math.log(4), theory.optimal_discriminator(p, q)),
        laws,
        ["excess", "best"],
        checks=True,
    )
    return made


def scripts(**_) -> dict[str, str]:
    """The figure's scripts by file name."""
    shares = lambda heights: [height / sum(heights) for height in heights]  # noqa: E731
    numbers = {
        "bins": BINS,
        "starts": {name: [shares(law) for law in pair] for name, pair in STARTS.items()},
        "geometries": list(GEOMETRIES.items()),
        "defaults": DEFAULTS,
    }
    return {
        "descent-kernels.js": files.script("descent", kernels(), numbers),
        "descent.js": files.text("descent.js"),
    }


def still() -> Figure:
    """Start, and C along three ways down."""
    p, q = (torch.tensor(law, dtype=torch.float64) for law in STARTS["humps"])
    p, q = p / p.sum(), q / q.sum()
    figure, axes = plots.plt.subplots(1, 2, figsize=(6.88, 3.2), layout="constrained")
    axes[0].bar(range(BINS), q.numpy(), color=plots.INK["gen"], alpha=0.7, label="$p_g$")
    axes[0].step(range(BINS), p.numpy(), where="mid", color=plots.INK["data"], label="data")
    axes[0].set(xticks=[], yticks=[])
    axes[0].legend()
    for name, dash in zip(GEOMETRIES, ("-", "--", ":"), strict=True):
        _, criterion = theory.descend(p, q, 30, geometry=name, lr=0.5)
        axes[1].semilogy(
            (criterion + math.log(4)).numpy(), dash, color=plots.INK["ink"], label=name
        )
    axes[1].set(xlabel="steps", ylabel="C + log 4")
    axes[1].legend()
    return figure
