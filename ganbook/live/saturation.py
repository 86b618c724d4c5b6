"""`saturation`: how loudly a D that keeps learning speaks to a G that stands still."""

import functools

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganbook import data, losses, plots
from ganbook.live import files, game1d, game2d, step
from ganbook.live.compile import translate

G, D = game1d.nets()
DATA = data.gaussian(2.0, 0.6)  # far from where G starts
GAMES = {"minimax": losses.MINIMAX, "non_saturating": losses.NON_SATURATING}

TITLE = "Two weights, two gradients"
CAPTION = (
    "**Press Play: D learns, G stands still.** Left, the factor in front of each fake’s gradient: "
    "σ(l) in the minimax game, 1 − σ(l) in the non-saturating one; diamonds are fakes at D’s "
    "logits, those beyond the edge on it. Right, the length of G’s gradient. Does the minimax one "
    "shrink from the start?"
)
ALT = (
    "Left, two curves that cross at ½ where the logit is 0; the fakes sit far to the left, where "
    "σ(l) is near 0 and 1 − σ(l) near 1. Right, on a log scale, the length of G's gradient over "
    "D's steps: both rise at first, then the minimax one falls."
)
DEFAULTS = {"mean": -2.0, "width": 0.6, "rate": 0.003, "seed": 1}
RANGES = {name: game1d.RANGES[name] for name in DEFAULTS}


def norms(g: Tensor, d: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Length of G's gradient in both games, shape () each, and the fakes' logits, shape (B, 1)."""
    judge = step.apply(D, d)

    def cost(vector, game):
        return game.g(None, judge(step.apply(G, vector)(z))).mean()

    slopes = [torch.func.grad(cost)(g, game).square().sum().sqrt() for game in GAMES.values()]
    return *slopes, judge(step.apply(G, g)(z))


def options(**given) -> dict:
    """Settings from an author's options mean and width (of G), rate and seed.

    Raises:
        ValueError: for an unknown option or an impossible value; says what is possible.
    """
    return files.options("saturation", given, {}, RANGES)


@functools.cache
def kernels() -> dict[str, str]:
    """JavaScript by name; D's step is that of `game1d`."""
    g, d = (step.flatten(net).double() for net in (G, D))
    inputs = {"G": g, "D": d, "z": torch.ones(game1d.BATCH, 1, dtype=torch.float64)}
    weight = torch.tensor(0.5, dtype=torch.float64)
    return {
        "norms": translate("norms", norms, inputs, [*GAMES, "logits"]),
        "weights": translate(
            "weights",
            lambda logit: (torch.sigmoid(logit), torch.sigmoid(-logit)),
            {"logit": weight},
            list(GAMES),
        ),
        "d_step": game1d.kernels()["d_step"],
    }


def scripts(**_) -> dict[str, str]:
    """The figure's scripts by file name."""
    numbers = {
        "mean": DATA.means.item(),
        "std": DATA.stds.item(),
        "batch": game1d.BATCH,
        "edge": game1d.EDGE,
        "least": game1d.LEAST,
        "layers": game2d.layers(D),
        "defaults": DEFAULTS,
    }
    return {
        "saturation-kernels.js": files.script("saturation", kernels(), numbers),
        "saturation.js": files.text("saturation.js"),
    }


def still() -> Figure:
    """The two weights."""
    logit = torch.linspace(-6, 6, 121)
    figure, ax = plots.plt.subplots(figsize=(6.88, 3), layout="constrained")
    ax.plot(logit.numpy(), logit.sigmoid().numpy(), color=plots.INK["ink"], label="minimax: σ(l)")
    label = "non-saturating: 1 − σ(l)"
    ax.plot(logit.numpy(), (-logit).sigmoid().numpy(), "--", color=plots.INK["ink"], label=label)
    ax.set(xlabel="l, the logit that D gives a fake", ylabel="weight of its gradient")
    ax.legend()
    return figure
