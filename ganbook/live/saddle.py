"""`saddle`: two numbers play against each other, and the reader chooses how they take turns."""

import functools

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganbook import plots
from ganbook.live import files
from ganbook.live.compile import translate

EDGE = 2.0  # both players choose from -EDGE to EDGE
CELLS = 81
GAMES = {
    "bilinear": ("V = θψ", lambda theta, psi: theta * psi),
    "friction": (
        "V = θψ + 0.2 θ² − 0.2 ψ²",
        lambda theta, psi: theta * psi + 0.2 * (theta.square() - psi.square()),
    ),
    "pursuit": ("V = (θ − ψ)² / 2", lambda theta, psi: (theta - psi).square() / 2),
}
METHODS = {
    "simultaneous": "both at once",
    "alternating": "in turn",
    "extragradient": "extragradient",
    "best": "best answers",
}

TITLE = "The saddle"
CAPTION = (
    "**Drag the point, choose how the two move, press Play.** G chooses θ and wants V low, D "
    "chooses ψ and wants V high; a stronger shade is higher. On the dashed lines one of "
    "them has its best answer: orange for G, violet for D. Dotted: where the other ways lead."
)
ALT = (
    "A square: θ goes to the right, ψ up. From a point away from the middle three paths set out: "
    "simultaneous steps spiral outwards, steps in turn run round, extragradient spirals inwards."
)
DEFAULTS = {"game": "bilinear", "method": "simultaneous", "lr": 0.2}
CHOICES = {"game": tuple(GAMES), "method": tuple(METHODS)}
RANGES = {"lr": (0.02, 1.0)}


def slopes(game: str, point: Tensor) -> Tensor:
    """(-∂V/∂θ, ∂V/∂ψ) at a point, shape (2,): where G and where D wants to go."""
    slope = torch.func.grad(lambda x: GAMES[game][1](x[0], x[1]))(point)
    return slope * torch.tensor([-1.0, 1.0], dtype=point.dtype)


def answers(game: str, point: Tensor) -> Tensor:
    """Best answer of G to ψ and of D to θ, on a grid; the largest of several, shape (2,)."""
    line = torch.linspace(-EDGE, EDGE, CELLS, dtype=point.dtype)
    costs = torch.stack([-GAMES[game][1](line, point[1]), GAMES[game][1](point[0], line)])
    return torch.where(costs >= costs.amax(1, keepdim=True), line, -torch.inf).amax(1)


def free_step(game: str, method: str, point: Tensor, lr: Tensor) -> Tensor:
    """One step of both players, D first where they take turns; shape (2,) -> (2,)."""
    only_G = torch.tensor([1.0, 0.0], dtype=point.dtype)
    if method == "best":
        heard = (1 - only_G) * answers(game, point) + only_G * point
        return only_G * answers(game, heard) + (1 - only_G) * heard
    if method == "alternating":
        heard = point + lr * (1 - only_G) * slopes(game, point)
        return heard + lr * only_G * slopes(game, heard)
    trial = point + lr * slopes(game, point) if method == "extragradient" else point
    return point + lr * slopes(game, trial)


def take(game: str, method: str, point: Tensor, lr: Tensor) -> Tensor:
    """`free_step`, but neither player leaves the square."""
    return free_step(game, method, point, lr).clamp(-EDGE, EDGE)


def growth(game: str, method: str, lr: Tensor) -> Tensor:
    """By how much a step stretches the way to (0, 0) in the long run: the spectral radius.

    The steps by slopes are linear in these games, so their matrix is what they do to the axes.
    """
    columns = [free_step(game, method, axis, lr) for axis in torch.eye(2, dtype=lr.dtype).unbind()]
    (a, c), (b, d) = (column.unbind() for column in columns)
    half, determinant = (a + d) / 2, a * d - b * c
    root = half.square() - determinant
    real = half.abs() + root.clamp_min(0).sqrt()
    return torch.where(root < 0, determinant.clamp_min(0).sqrt(), real)


def orders(game: str) -> tuple[Tensor, Tensor]:
    """min max V, where G moves first, and max min V, where D does, on the grid."""
    line = torch.linspace(-EDGE, EDGE, CELLS, dtype=torch.float64)
    values = GAMES[game][1](line, line[:, None])
    return values.amax(0).min(), values.amin(1).max()


def options(**given) -> dict:
    """Settings from an author's options game, method and lr; ValueError says what is possible."""
    return files.options("saddle", given, CHOICES, RANGES)


@functools.cache
def kernels() -> dict[str, str]:
    """JavaScript by name."""
    point, lr = torch.zeros(2, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)
    made = {}

    def add(name, function, inputs, output):
        made[name] = translate(name, function, inputs, [output])

    for game in GAMES:
        add(f"value_{game}", GAMES[game][1], {"theta": lr, "psi": lr}, "value")
        add(f"slopes_{game}", functools.partial(slopes, game), {"point": point}, "slopes")
        add(f"answers_{game}", functools.partial(answers, game), {"point": point}, "answers")
        for method in METHODS:
            step = functools.partial(take, game, method)
            add(f"{method}_{game}", step, {"from": point, "lr": lr}, "point")
        for method in [method for method in METHODS if method != "best"]:
            add(
                f"growth_{method}_{game}",
                functools.partial(growth, game, method),
                {"lr": lr},
                "growth",
            )
    return made


def scripts(**_) -> dict[str, str]:
    """The figure's scripts by file name."""
    games = []
    for name, (label, _) in GAMES.items():
        minmax, maxmin = orders(name)
        order = {"minmax": minmax.item(), "maxmin": maxmin.item()}
        games.append({"name": name, "label": label, **order})
    numbers = {
        "games": games,
        "methods": list(METHODS.items()),
        "edge": EDGE,
        "cells": CELLS,
        "defaults": DEFAULTS,
    }
    return {
        "saddle-kernels.js": files.script("saddle", kernels(), numbers),
        "saddle.js": files.text("saddle.js"),
    }


def still() -> Figure:
    """Three ways from one start."""
    figure, ax = plots.plt.subplots(figsize=(6.88, 4.4))
    lr = torch.tensor(0.2, dtype=torch.float64)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for method, dash in (("simultaneous", "-"), ("alternating", "--"), ("extragradient", ":")):
        path = [start]
        for _ in range(30):
            path.append(take("bilinear", method, path[-1], lr))
        ax.plot(*torch.stack(path).T, dash, color=plots.INK["ink"], label=METHODS[method])
    ax.plot(*start, "o", color=plots.INK["ink"])
    ax.set(xlabel="θ, chosen by G", ylabel="ψ, chosen by D", xlim=(-2, 2), ylim=(-2, 2))
    ax.set_aspect("equal")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
