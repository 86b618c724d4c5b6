"""The playground `game2d`, from Python: nets, games, data, and the kernels traced from them.

`script` gives the text of one classic script with all that computes; the page only draws. Shapes
are fixed: one batch, one pair of nets; a latent space of one dimension is z with a column of zeros.
"""

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, softplus

from ganbook import data, losses, models, theory
from ganbook.live import step, wasm
from ganbook.live.compile import translate

BATCH = 64  # points in a batch
SAMPLES = 1024  # fakes that the measures look at
FRAME = 2.0  # the world is the square from -FRAME to FRAME
CELLS = 48  # cells of the grid measure, on each side
BANDWIDTH = 0.1  # how far a sample is spread on the grid measure
LATTICE = 21  # nodes of the latent lattice, on each side

generator = torch.Generator().manual_seed(0)
net = functools.partial(
    models.MLP, activation=functools.partial(leaky_relu, negative_slope=0.2), generator=generator
)
G, D = net((2, 32, 32, 2)), net((2, 32, 32, 1))


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
        torch.softmax(-0.5 * ((x[:, None] - centres()) / width).square(), -1) for x in points.unbind(1)
    )
    return ((shares[:, None] * row).t() @ column).view(-1)


def value(p: Tensor, q: Tensor, logits: Tensor):
    """D, D*, V(G, D) and the JSD on one grid measure, so that V <= 2·JSD - log 4 holds as drawn.

    V is that of `theory.value`, from the logits: at high logits σ is 1 and log(1 - σ) is lost.
    """
    found = -(p * softplus(-logits) + q * softplus(logits)).sum()
    best = theory.optimal_discriminator(p, q)
    return torch.sigmoid(logits), best, found, theory.jsd(p, q)


def push(loss: losses.Loss) -> Callable:
    """Where each fake is pushed: minus the gradient of G's loss at that fake."""

    def function(vector, fake, real):
        judge = step.apply(D, vector)
        real_logits = judge(real) if loss.pairs else None
        gradient = torch.func.grad(lambda x: loss.g(real_logits, judge(x)).sum())
        return -gradient(fake)

    return function


# --- the script -----------------------------------------------------------------------------------


def kernels() -> dict[str, str]:
    """All generated functions, by name."""
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
            g_name, step.g_step(G, D, game.loss), {**state("G", g), "D": d, **batch}, [*state("G", g), "loss"]
        )
        made[push_name] = translate(
            push_name, push(game.loss), {"D": d, "fake": points, "real": points}, ["push"]
        )
    many = torch.zeros(SAMPLES, 2)
    made["generate"] = translate(
        "generate", lambda vector, z: step.apply(G, vector)(z), {"G": g, "z": many}, ["points"]
    )
    made["judge"] = translate("judge", lambda vector: step.apply(D, vector)(cells()), {"D": d}, ["logits"])
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
    return [(p.numel(), b) for group in (net.weights, net.biases) for p, b in zip(group, bounds, strict=True)]


def settings() -> dict:
    """The numbers and menus that the page needs."""
    return {
        "games": [
            {
                **{"name": game.name, "label": game.label, "calibrated": game.loss.calibrated},
                **{"penalty": game.penalty, "gamma": game.gamma},
                **{"lrG": game.lr_G, "lrD": game.lr_D},
                **dict(zip(("dStep", "gStep", "push"), names(game), strict=True)),
            }
            for game in GAMES
        ],
        "datasets": [
            {
                **{"name": name, "label": label, "modes": modes, "std": law.stds[0].item()},
                "centres": [[round(c, 4) for c in centre] for centre in law.means.tolist()],
            }
            for name, (label, law, modes) in DATASETS.items()
        ],
        **{"batch": BATCH, "samples": SAMPLES, "frame": FRAME, "cells": CELLS, "lattice": LATTICE},
        **{"bandwidth": BANDWIDTH, "noiseSeed": 2014, "floorDraws": 4},
        "layers": {"G": layers(G), "D": layers(D)},
        "defaults": {"seed": 1, "game": "r1", "data": "ring", "k": 1, "latent": 2},
    }


@functools.cache
def script() -> str:
    """All that computes, as the text of one classic script; the same text at every build."""
    here = Path(__file__).parent
    made = ",\n".join(f"{name}: {text.strip()}" for name, text in kernels().items())
    return "\n".join(
        [
            (here / "engine.js").read_text(encoding="utf-8"),
            f'ganbook.wasm = "{wasm.encoded()}";',
            f"ganbook.kernels = {{ ...ganbook.kernels, game2d: {{\n{made}\n}} }};",
            f"ganbook.game2d = {json.dumps(settings(), ensure_ascii=False)};",
            (here / "playground.js").read_text(encoding="utf-8"),
        ]
    )


def build(folder: Path | str) -> list[Path]:
    """Write the script into a folder; returns what was written."""
    path = Path(folder, "game2d.js")
    path.write_text(script(), encoding="utf-8")
    return [path]
