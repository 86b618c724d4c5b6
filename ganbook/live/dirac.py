"""`dirac`: the smallest GAN, one number for G and one for D; every game and every cure."""

import functools

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganbook import losses, plots
from ganbook.live import files
from ganbook.live.compile import translate
from ganbook.theory import DiracGAN

GAMES = {
    "minimax": losses.MINIMAX,
    "non-saturating": losses.NON_SATURATING,
    "wasserstein": losses.WASSERSTEIN,
    "least-squares": losses.LEAST_SQUARES,
    "hinge": losses.HINGE,
    "relativistic": losses.RELATIVISTIC,
}
CURES = {
    "none": "none",
    "r1": "R1 penalty, γ",
    "gp": "WGAN-GP penalty, γ",
    "noise": "instance noise, σ",
    "clip": "weight clipping, ±c",
}
TRACK = 40  # strengths for which the eigenvalues are drawn as a track

TITLE = "The Dirac-GAN"
CAPTION = (
    "**Press Play, then add a cure.** The data are one point, 0; G makes one point, θ; D(x) = ψx. "
    "The dotted path is the game without a cure. An update brings the point home only if both "
    "eigenvalues lie inside the unit circle, which is drawn close to 1, where they are."
)
ALT = (
    "Left, θ to the right and ψ up: the path of the plain game runs round the middle, that with a "
    "penalty spirals in. Right: the distance from the middle over the steps."
)
DEFAULTS = {"game": "minimax", "cure": "none", "strength": 0.3, "lr": 0.2, "k": 0}
CHOICES = {"game": tuple(GAMES), "cure": tuple(CURES)}
RANGES = {"strength": (0.01, 3.0), "lr": (0.01, 1.0), "k": (0, 5)}


def game_of(name: str, knobs: Tensor) -> DiracGAN:
    """The game with γ, its target, σ and the clip from a tensor of four numbers."""
    gamma, target, noise, clip = knobs.unbind()
    return DiracGAN(GAMES[name], gamma, target, clip, noise)


def field(name: str, state: Tensor, knobs: Tensor) -> Tensor:
    """Where both players want to go, shape (2,)."""
    return game_of(name, knobs).field(state)


def turn(name: str, state: Tensor, knobs: Tensor, lr: Tensor, moves: Tensor) -> Tensor:
    """A step of those who move: (1, 0) is G alone, (0, 1) D alone, (1, 1) both at once; (2,)."""
    game = game_of(name, knobs)
    moved = state + lr * moves * game.field(state)
    return torch.where(moves[1] > 0, game.clipped(moved), moved)  # D alone is clipped


def slopes(name: str, knobs: Tensor) -> Tensor:
    """The matrix of the field at rest, shape (2, 2)."""
    game, rest = game_of(name, knobs), torch.zeros(2, dtype=knobs.dtype)
    rows = [torch.func.grad(lambda x, row=row: game.field(x)[row]) for row in (0, 1)]
    return torch.stack([row(rest) for row in rows])


def options(**given) -> dict:
    """Settings from an author's options game, cure, strength, lr and k (D steps; 0: both at once).

    Raises:
        ValueError: for an unknown option or an impossible value; says what is possible.
    """
    return files.options("dirac", given, CHOICES, RANGES)


@functools.cache
def kernels() -> dict[str, str]:
    """JavaScript by name."""
    double = {"dtype": torch.float64}
    state, lr = torch.tensor([1.0, -1.0], **double), torch.tensor(0.2, **double)
    knobs = torch.tensor([0.3, 1.0, 0.7, 9.0], **double)
    made = {}

    def add(kind, name, function, inputs, output):
        word = f"{kind}_{name.replace('-', '_')}"
        call = functools.partial(function, name)
        made[word] = translate(word, call, inputs, [output], checks=True)

    for name in GAMES:
        at = {"state": state, "knobs": knobs}
        add("field", name, field, at, "field")
        add("turn", name, turn, {**at, "lr": lr, "moves": torch.ones(2, **double)}, "next")
        add("slopes", name, slopes, {"knobs": knobs}, "slopes")
    return made


def scripts(**_) -> dict[str, str]:
    """The figure's scripts by file name."""
    numbers = {
        "games": [[name, loss.name] for name, loss in GAMES.items()],
        "cures": list(CURES.items()),
        "track": TRACK,
        "defaults": DEFAULTS,
    }
    return {
        "dirac-kernels.js": files.script("dirac", kernels(), numbers),
        "dirac.js": files.text("dirac.js"),
    }


def still() -> Figure:
    """The plain game and its cure by R1."""
    figure, axes = plots.plt.subplots(1, 2, figsize=(6.88, 3.4), layout="constrained")
    start = torch.tensor([1.0, -1.0], dtype=torch.float64)
    for gamma, dash, word in ((0.0, ":", "no penalty"), (0.3, "-", "R1, γ = 0.3")):
        path = DiracGAN(losses.MINIMAX, gamma).run(start, 200, 0.2, 1)
        axes[0].plot(*path.T, dash, color=plots.INK["ink"], linewidth=1)
        axes[1].semilogy(path.norm(dim=-1), dash, color=plots.INK["ink"], label=word)
    axes[0].set(aspect="equal", xlabel="θ, where G puts its point", ylabel="ψ, the slope of D")
    axes[1].set(xlabel="steps", ylabel="distance from (0, 0)", ylim=(1e-4, 10))
    axes[1].legend()
    return figure
