"""`game1d`: two hills, the reader's hand on one of them, and a D that learns to tell them apart."""

import functools

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import leaky_relu

from ganbook import data, losses, models, plots, theory
from ganbook.live import files, game2d, step
from ganbook.live.compile import translate

EDGE = 5.0
CELLS = 161
BATCH = 64
LEAST = 0.15  # no hill is narrower than this: the cells could not show it
LAWS = {
    "one": ("one hump", data.gaussian(1.0, 0.8)),
    "two": ("two humps", data.mixture([-1.6, 1.6], 0.6)),
    "shares": ("two humps, 1 : 4", data.mixture([-1.6, 1.6], 0.6, [0.2, 0.8])),
}
LEARNERS = {"nobody": "nobody", "D": "D alone", "both": "D and G"}

TITLE = "The game in one dimension"
CAPTION = (
    "**Drag the orange hill, then let D learn.** Blue are the data, orange is G; below them what D "
    "believes (solid) and the best verdict D* (dashed). Last, V, the best V, and the two gaps: "
    "D can close the violet one, only G the orange one."
)
ALT = (
    "Two blue humps and one orange hill between them; below, the best verdict D* is near 1 over "
    "the outer sides of the humps and falls to 0 where the orange hill is higher."
)
DEFAULTS = {"law": "two", "learns": "D", "mean": -1.0, "width": 1.0, "rate": 0.01, "seed": 1}
CHOICES = {"law": tuple(LAWS), "learns": tuple(LEARNERS)}
RANGES = {"mean": (-4.0, 4.0), "width": (LEAST, 3.0), "rate": (1e-3, 0.1), "seed": (1, 20)}


def nets() -> tuple[models.MLP, models.MLP]:
    """G, which is z -> width · z + mean, and D with two hidden layers of 32."""
    options = {"generator": torch.Generator().manual_seed(0)}
    leak = functools.partial(leaky_relu, negative_slope=0.2)
    return models.MLP((1, 1), **options), models.MLP((1, 32, 32, 1), activation=leak, **options)


def centres() -> Tensor:
    """The middles of the cells, shape (CELLS,)."""
    return torch.linspace(-EDGE, EDGE, CELLS, dtype=torch.float64)


def hill(mean: Tensor, width: Tensor) -> Tensor:
    """G's law on the cells, its mass there made 1, shape (CELLS,)."""
    return torch.softmax(-0.5 * ((centres() - mean) / width).square(), -1)


def masses(law: data.Mixture) -> Tensor:
    """The data's law on the cells, its mass there made 1, shape (CELLS,)."""
    density = law.prob(centres()[:, None])
    return density / density.sum()


def options(**given) -> dict:
    """Settings from an author's options law, learns, mean, width, rate (of both players) and seed.

    Raises:
        ValueError: for an unknown option or an impossible value; says what is possible.
    """
    return files.options("game1d", given, CHOICES, RANGES)


@functools.cache
def kernels() -> dict[str, str]:
    """JavaScript by name."""
    G, D = nets()
    g, d = step.flatten(G).double(), step.flatten(D).double()
    double = {"dtype": torch.float64}
    points, number = torch.ones(BATCH, 1, **double), torch.tensor(1.0, **double)
    p = masses(LAWS["two"][1])
    state = lambda name, vector: dict.fromkeys((name, f"{name}_mean", f"{name}_square"), vector)  # noqa: E731
    batch = {"real": points, "z": points, "step": number, "lr": number}
    loss = losses.NON_SATURATING
    return {
        "hill": translate("hill", hill, {"mean": number, "width": number}, ["q"]),
        "judge": translate(
            "judge", lambda vector: step.apply(D, vector)(centres()[:, None]), {"D": d}, ["logits"]
        ),
        "value": translate(
            "value",
            game2d.value,
            {"p": p, "q": p, "logits": p},
            ["D", "best", "value", "jsd"],
            checks=True,
        ),
        "d_step": translate(
            "d_step",
            lambda *given: step.d_step(G, D, loss)(*given, 0 * given[-1]),
            {**state("D", d), "G": g, **batch},
            [*state("D", d), "loss"],
        ),
        "g_step": translate(
            "g_step",
            step.g_step(G, D, loss),
            {**state("G", g), "D": d, **batch},
            [*state("G", g), "loss"],
        ),
    }


def scripts(**_) -> dict[str, str]:
    """The figure's scripts by file name."""
    numbers = {
        "laws": [
            {
                "name": name,
                "label": label,
                "masses": [float(f"{v:.6e}") for v in masses(law).tolist()],
                "means": law.means[:, 0].tolist(),
                "shares": law.weights.tolist(),
                "std": law.stds[0].item(),
            }
            for name, (label, law) in LAWS.items()
        ],
        "learners": list(LEARNERS.items()),
        "edge": EDGE,
        "cells": CELLS,
        "batch": BATCH,
        "least": LEAST,
        "layers": game2d.layers(nets()[1]),
        "defaults": DEFAULTS,
    }
    return {
        "game1d-kernels.js": files.script("game1d", kernels(), numbers),
        "game1d.js": files.text("game1d.js"),
    }


def still() -> Figure:
    """The hills and the best verdict."""
    x, p = centres(), masses(LAWS["two"][1])
    q = hill(torch.tensor(DEFAULTS["mean"]), torch.tensor(DEFAULTS["width"]))
    figure, axes = plots.plt.subplots(2, 1, figsize=(6.88, 4), sharex=True, layout="constrained")
    plots.hill(axes[0], x.numpy(), p.numpy(), "data", "data")
    plots.hill(axes[0], x.numpy(), q.numpy(), "gen", "fakes")
    axes[1].plot(x, theory.optimal_discriminator(p, q), "--", color=plots.INK["disc"])
    axes[0].set(yticks=[])
    axes[1].set(ylabel="D*", xlabel="x")
    return figure
