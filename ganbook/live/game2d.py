"""The playground `game2d`, from Python: nets, games, data, and the kernels traced from them.

`script` gives the text of one classic script with all that computes; the page only draws. Shapes
are fixed: one batch, one pair of nets; a latent space of one dimension is z with a column of zeros.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import leaky_relu, softplus

from ganbook import data, losses, models, plots, theory
from ganbook.live import files, step
from ganbook.live.compile import translate

BATCH = 64  # points in a batch
SAMPLES = 1024  # fakes that the measures look at
FRAME = 2.0  # the world is the square from -FRAME to FRAME
CELLS = 48  # cells of the grid measure, on each side
BANDWIDTH = 0.1  # how far a sample is spread on the grid measure
LATTICE = 21  # nodes of the latent lattice, on each side


def nets(width: int) -> tuple[models.MLP, models.MLP]:
    """G and D of the playground: two hidden layers of this width."""
    options = {
        "activation": functools.partial(leaky_relu, negative_slope=0.2),
        "generator": torch.Generator().manual_seed(0),
    }
    return models.MLP((2, width, width, 2), **options), models.MLP((2, width, width, 1), **options)


@dataclass(frozen=True)
class Game:
    """One row of the menu of games.

    Args:
        name, label: for scripts, for readers.
        loss: the game.
        penalty: the kind of penalty, for readers; empty for none.
        rule: maps (D, real, fake) to one penalty for each point, of strength 1.
        gamma: strength of the penalty at the start.
        lr_G, lr_D: learning rates at the start.
    """

    name: str
    label: str
    loss: losses.Loss
    penalty: str = ""
    rule: Callable | None = None
    gamma: float = 0.0
    lr_G: float = 2e-3
    lr_D: float = 2e-3


GAMES = (
    Game("minimax", "minimax", losses.MINIMAX),
    Game("non-saturating", "non-saturating", losses.NON_SATURATING),
    Game(
        "wasserstein",
        "Wasserstein with gradient penalty",
        losses.WASSERSTEIN,
        "gradient penalty",
        lambda D, real, fake: losses.wgan_gp(D, losses.between(real, fake), 1.0),
        gamma=1.0,
    ),
    Game(
        "r1",
        "non-saturating + R1",
        losses.NON_SATURATING,
        "R1",
        lambda D, real, fake: losses.r1(D, real, 1.0),
        gamma=0.05,
    ),
    Game(
        "relativistic",
        "relativistic + R1 + R2",
        losses.RELATIVISTIC,
        "R1 + R2",
        lambda D, real, fake: losses.r1(D, real, 1.0) + losses.r2(D, fake, 1.0),
        gamma=0.05,
    ),
)


def curve(points: Callable[[Tensor], Tensor], length: int, std: float) -> data.Mixture:
    """A curve as a mixture: `length` modes along t from 0 to 1."""
    t = torch.linspace(0, 1, length, dtype=torch.float64)
    return data.mixture(points(t), std)


def moons(t: Tensor) -> Tensor:
    """Two half circles that reach into each other, 0 <= t < ½ and ½ <= t <= 1."""
    first = t < 0.5
    angle = torch.pi * torch.where(first, 2 * t, 2 * t - 1).clamp(0, 1)
    x = torch.where(first, angle.cos() - 0.5, 0.5 - angle.cos())
    y = torch.where(first, angle.sin() - 0.25, 0.25 - angle.sin())
    return torch.stack([x, y], -1)


def spiral(t: Tensor) -> Tensor:
    """One arm, a turn and three quarters."""
    angle, radius = 3.5 * torch.pi * t.sqrt(), 1.5 * t.sqrt()
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], -1)


DATASETS = {  # name: (label, law, whether its centres are modes)
    "ring": ("ring", data.ring(8, radius=1.4, std=0.06), True),
    "grid": ("grid", data.grid(5, spacing=0.7, std=0.05), True),
    "moons": ("two moons", curve(moons, 40, 0.08), False),
    "spiral": ("spiral", curve(spiral, 40, 0.06), False),
    "blobs": ("two blobs", data.mixture([[-0.9, 0.0], [0.9, 0.0]], 0.25), True),
}


DEFAULTS = {"seed": 1, "game": "r1", "data": "ring", "k": 1, "latent": 2}


# --- what the page measures -----------------------------------------------------------------------


def centres() -> Tensor:
    """Centres of the cells along one axis, shape (CELLS,)."""
    return (torch.arange(CELLS) + 0.5) * (2 * FRAME / CELLS) - FRAME


def cells() -> Tensor:
    """Centres of all cells, row by row from below, shape (CELLS², 2)."""
    line = centres()
    rows, columns = line[:, None].expand(CELLS, CELLS), line.expand(CELLS, CELLS)
    return torch.stack([columns, rows], -1).view(-1, 2)


def mass(points: Tensor, shares: Tensor, width: Tensor) -> Tensor:
    """The grid measure: each point is spread over the cells like a Gaussian, and none gets lost.

    Points beyond the frame count at its edge.

    Args:
        points: shape (n, 2).
        shares: the mass of each point, shape (n,).
        width: standard deviation, shape ().

    Returns:
        masses of the cells, shape (CELLS²,), row by row from below.
    """
    column, row = (
        torch.softmax(-0.5 * ((x[:, None] - centres()) / width).square(), -1)
        for x in points.unbind(1)
    )
    return ((shares[:, None] * row).t() @ column).view(-1)


def value(p: Tensor, q: Tensor, logits: Tensor):
    """D, D*, V(G, D) and the JSD on one grid measure, so that V <= 2·JSD - log 4 holds as drawn.

    V is that of `theory.value`, from the logits: at high logits σ is 1 and log(1 - σ) is lost.
    """
    found = -(p * softplus(-logits) + q * softplus(logits)).sum()
    best = theory.optimal_discriminator(p, q)
    return torch.sigmoid(logits), best, found, theory.jsd(p, q)


def push(D: models.MLP, loss: losses.Loss) -> Callable:
    """Where each fake is pushed: minus the gradient of G's loss at that fake."""

    def function(vector, fake, real):
        judge = step.apply(D, vector)
        real_logits = judge(real) if loss.pairs else None
        gradient = torch.func.grad(lambda x: loss.g(real_logits, judge(x)).sum())
        return -gradient(fake)

    return function


# --- the script -----------------------------------------------------------------------------------


def kernels(width: int) -> dict[str, str]:
    """All generated functions for nets of this width, by name."""
    G, D = nets(width)
    d, g = step.flatten(D), step.flatten(G)
    points, number = torch.ones(BATCH, 2), torch.tensor(1.0)
    p = torch.full((CELLS**2,), CELLS**-2.0)
    state = lambda name, vector: dict.fromkeys((name, f"{name}_mean", f"{name}_square"), vector)  # noqa: E731
    batch = {"real": points, "z": points, "step": number, "lr": number}
    made = {}
    for game in GAMES:
        d_name, g_name, push_name = names(game)
        made[d_name] = translate(
            d_name,
            step.d_step(G, D, game.loss, game.rule),
            {**state("D", d), "G": g, **batch, "gamma": number},
            [*state("D", d), "loss"],
        )
        made[g_name] = translate(
            g_name,
            step.g_step(G, D, game.loss),
            {**state("G", g), "D": d, **batch},
            [*state("G", g), "loss"],
        )
        made[push_name] = translate(
            push_name, push(D, game.loss), {"D": d, "fake": points, "real": points}, ["push"]
        )
    many = torch.zeros(SAMPLES, 2)
    made["generate"] = translate(
        "generate", lambda vector, z: step.apply(G, vector)(z), {"G": g, "z": many}, ["points"]
    )
    made["judge"] = translate(
        "judge", lambda vector: step.apply(D, vector)(cells()), {"D": d}, ["logits"]
    )
    made["judgeBatch"] = translate(
        "judgeBatch",
        lambda vector, x: torch.sigmoid(step.apply(D, vector)(x)).mean(),
        {"D": d, "points": points},
        ["mean"],
    )
    made["mass"] = translate(
        "mass", mass, {"points": many, "shares": torch.zeros(SAMPLES), "width": number}, ["mass"]
    )
    made["value"] = translate(
        "value", value, {"p": p, "q": p, "logits": p}, ["D", "best", "value", "jsd"], checks=True
    )
    return made


def names(game: Game) -> tuple[str, str, str]:
    """The kernels of a game: D's step, G's step, the push on fakes; games share what is equal."""
    word = game.loss.name.replace("-", "_").split()[0].lower()
    judge = "cross_entropy" if game.loss.d is losses.cross_entropy else word
    penalty = "_r1" * (game.name == "r1")
    return f"d_step_{judge}{penalty}", f"g_step_{word}", f"push_{word}"


def layers(net: models.MLP) -> list[tuple[int, float]]:
    """How the initial weights are drawn: (count, bound) for each parameter, as in `models.MLP`."""
    bounds = [weight.shape[0] ** -0.5 for weight in net.weights]
    return [
        (p.numel(), b)
        for group in (net.weights, net.biases)
        for p, b in zip(group, bounds, strict=True)
    ]


def settings(width: int) -> dict:
    """The numbers and menus that the page needs."""
    G, D = nets(width)
    return {
        "games": [
            {
                "name": game.name,
                "label": game.label,
                "calibrated": game.loss.calibrated,
                "penalty": game.penalty,
                "gamma": game.gamma,
                "lrG": game.lr_G,
                "lrD": game.lr_D,
                **dict(zip(("dStep", "gStep", "push"), names(game), strict=True)),
            }
            for game in GAMES
        ],
        "datasets": [
            {
                "name": name,
                "label": label,
                "modes": modes,
                "std": law.stds[0].item(),
                "centres": [[round(c, 4) for c in centre] for centre in law.means.tolist()],
            }
            for name, (label, law, modes) in DATASETS.items()
        ],
        "width": width,
        "batch": BATCH,
        "samples": SAMPLES,
        "frame": FRAME,
        "cells": CELLS,
        "lattice": LATTICE,
        "bandwidth": BANDWIDTH,
        "noiseSeed": 2014,
        "floorDraws": 2,
        "layers": {"G": layers(G), "D": layers(D)},
        "defaults": DEFAULTS,
    }


# --- the figure -----------------------------------------------------------------------------------

TITLE = "The game in two dimensions"
CAPTION = (
    "**Press Play, then make it fail.** Blue points are data, orange ones are made by G from the "
    "grid of noise that is drawn with them; arrows show where D pushes them. The orange gap is "
    "2·JSD, which no D can change; the violet one is what D has not learned yet. (The JSD is "
    f"measured on {SAMPLES:,} fakes and {CELLS} × {CELLS} cells: even a perfect G would show the "
    "floor that stands beside it.)"
)
ALT = (
    "A generated cloud of points over the data, with the verdicts of D behind them: blue where D "
    "takes a point for real, orange where it takes it for a fake."
)
CHOICES = {  # option of the figure: what it may be
    "data": tuple(DATASETS),
    "loss": tuple(game.name for game in GAMES),
    "nets": (16, 32, 64),
    "latent": (1, 2),
}
RANGES = {
    "k": (1, 10),
    "seed": (1, 20),
    "lr_g": (1e-4, 2e-2),
    "lr_d": (1e-4, 2e-2),
    "gamma": (1e-3, 10.0),
}
NAMES = {"loss": "game", "lr_g": "lrG", "lr_d": "lrD"}  # what the script calls an option


def options(**given) -> dict:
    """The settings of the figure's script, from the options of a directive or of `show`.

    Args:
        given: any of data, loss, nets (the width of the hidden layers), k, latent, lr_g, lr_d,
            gamma, seed.

    Raises:
        ValueError: for an unknown option or an impossible value; says what is possible.
    """
    made = files.options("game2d", given, CHOICES, RANGES)
    return {NAMES.get(name, name): value for name, value in made.items()}


@functools.cache
def world(width: int = 32) -> str:
    """Kernels and numbers for nets of one width, as a classic script; the same at every build."""
    made = ",\n".join(f"{name}: {text.strip()}" for name, text in kernels(width).items())
    numbers = json.dumps(settings(width), ensure_ascii=False)
    return (
        "ganbook.game2d ??= { worlds: {} };\n"
        f"ganbook.game2d.worlds[{width}] = {{ ...{numbers}, kernels: {{\n{made}\n}} }};\n"
    )


def scripts(nets: int = 32, **settings) -> dict[str, str]:
    """The scripts that a figure with these settings needs, by file name."""
    return {
        "game2d.js": "\n".join(files.text(name) for name in ("game2d.js", "game2d_page.js")),
        f"game2d-{nets}.js": world(nets),
    }


def still(steps: int = 600) -> Figure:
    """A picture for where no script runs: the same nets, data and game, trained with `step`."""
    game, (_, law, _) = next(g for g in GAMES if g.name == DEFAULTS["game"]), DATASETS["ring"]
    G, D = nets(32)
    (source,) = models.generators(1, first=DEFAULTS["seed"])
    move_D, move_G = step.d_step(G, D, game.loss, game.rule), step.g_step(G, D, game.loss)
    g, d = step.flatten(G), step.flatten(D)
    g_state, d_state = [g, 0 * g, 0 * g], [d, 0 * d, 0 * d]
    for count in range(1, steps + 1):
        real, z = law.sample(BATCH, source).float(), torch.randn(2, BATCH, 2, generator=source)
        *d_state, _ = move_D(*d_state, g_state[0], real, z[0], count, game.lr_D, game.gamma)
        *g_state, _ = move_G(*g_state, d_state[0], real, z[1], count, game.lr_G)
    fakes = step.apply(G, g_state[0])(torch.randn(256, 2, generator=source))
    verdicts = torch.sigmoid(step.apply(D, d_state[0])(cells())).view(CELLS, CELLS).numpy()
    figure, ax = plots.plt.subplots(figsize=(6.88, 4.6))
    edges = (-FRAME, FRAME, -FRAME, FRAME)
    style = {"origin": "lower", "extent": edges, "vmin": 0, "vmax": 1, "alpha": 0.6}
    ax.imshow(verdicts, cmap=plots.VERDICT, interpolation="bilinear", **style)
    ax.contour(verdicts, [0.5], colors=plots.INK["disc"], linewidths=1.6, extent=edges)
    ax.plot(*law.sample(256, source).T, "o", color=plots.INK["data"], ms=4, mec="white", mew=0.5)
    ax.plot(*fakes.T, "D", color=plots.INK["gen"], ms=4, mec="white", mew=0.5)
    ax.set(aspect="equal", xticks=[], yticks=[], xlim=edges[:2], ylim=edges[2:])
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return figure
