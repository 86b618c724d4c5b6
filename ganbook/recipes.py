"""Settings that are known to work, as plain data: chapters, command line and benchmarks share them.

The recipes for ring and grid were tuned on two GANs of other seeds and confirmed on seeds that were
never looked at; `make tables` runs them on fresh ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganbook import data, losses, models, train


@dataclass(frozen=True)
class Recipe:
    """A GAN on a two-dimensional mixture, ready for `run`.

    Attributes:
        law: the data.
        scale: the data are divided by this, their root mean square, and samples multiplied by it.
        loss: the game.
        steps: how many.
        gamma: strength of R1 at the first and at the last step.
        g_sizes, d_sizes: widths; G computes z + MLP(z).
        batch_size: for most of the run, and for its last quarter.
        lr, betas, ema: of Adam, and of the moving average of G that makes the samples.
    """

    law: data.Mixture
    scale: float
    steps: int
    gamma: tuple[float, float]
    loss: losses.Loss = losses.NON_SATURATING
    g_sizes: tuple[int, ...] = (2, 64, 64, 64, 64, 2)
    d_sizes: tuple[int, ...] = (2, 64, 64, 64, 1)
    batch_size: tuple[int, int] = (128, 512)
    lr: float = 4e-3
    betas: tuple[float, float] = (0.0, 0.99)
    ema: float = 0.99

    def sample_data(self, n: int, generator: torch.Generator) -> Tensor:
        """Data in the nets' units, shape (n, 2)."""
        return self.law.sample(n, generator) / self.scale


RING = Recipe(data.ring(), scale=0.5**0.5, steps=8000, gamma=(0.1, 3e-4))
"""Eight narrow modes on a circle, as in [Srivastava2017]_ and [Lin2018]_."""

GRID = Recipe(data.grid(), scale=8**0.5, steps=12_000, gamma=(0.2, 2e-4))
"""Twenty-five narrow modes on a square lattice, as in [Srivastava2017]_ and [Lin2018]_."""

RING_QUICK = replace(RING, steps=4000, batch_size=(128, 256))
GRID_QUICK = replace(GRID, steps=4500, batch_size=(128, 256))


def settings(recipe: Recipe) -> dict:
    """What `train.fit` takes by name: everything of a recipe but nets, data, game and seeds."""
    early, late = recipe.batch_size
    return {
        "batch_size": lambda progress: early if progress < 0.75 else late,
        "lr": recipe.lr,
        "betas": recipe.betas,
        "schedule": train.cosine_decay,
        "penalty": lambda D, real, fake: losses.r1(D, real, 1.0),
        "penalty_weight": train.geometric(*recipe.gamma),
        "ema": recipe.ema,
    }


def run(recipe: Recipe, seeds: int, first: int = 0, **more) -> train.Run:
    """Train `seeds` GANs at once by a recipe, on the seeds first, first + 1, …

    Args:
        recipe: the settings.
        seeds: how many GANs.
        first: the first seed.
        more: what `train.fit` takes besides, such as `callback` or `progress`.

    Returns:
        the finished run; `sample` draws from it.
    """
    generators = models.generators(seeds, first)
    return train.fit(
        models.MLP(recipe.g_sizes, seeds=seeds, skip=True, generator=generators),
        models.MLP(recipe.d_sizes, seeds=seeds, generator=generators),
        recipe.sample_data,
        recipe.loss,
        steps=recipe.steps,
        generator=generators,
        **settings(recipe),
        **more,
    )


def sample(recipe: Recipe, finished: train.Run, n: int, first: int = 0) -> Tensor:
    """Samples of every GAN, by the moving average of G, in the data's units.

    Args:
        recipe: the settings that the run was made with.
        finished: what `run` returned.
        n: samples of each GAN.
        first: seed of the first GAN's noise; the next one takes the next seed.

    Returns:
        shape (S, n, 2).
    """
    draws = models.generators(finished.ema.seeds, first)
    z = torch.stack([torch.randn(n, recipe.g_sizes[0], generator=g) for g in draws])
    with torch.no_grad():
        return finished.ema(z) * recipe.scale


# --- images ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageRecipe:
    """A GAN on grey images, side² pixels from -1 to 1.

    Attributes:
        nets: (side, generator) -> G and D.
        loss: the game.
        settings: what `train.fit` takes besides.
    """

    nets: Callable[[int, torch.Generator], tuple[nn.Module, nn.Module]]
    loss: losses.Loss
    settings: dict


def mlp_nets(side: int, generator: torch.Generator) -> tuple[nn.Module, nn.Module]:
    """G and D as in the first GANs, with no convolution; small enough to run in a page."""
    wide = side**2
    leaky = lambda x: nn.functional.leaky_relu(x, 0.2)  # noqa: E731
    G = models.MLP((32, 128, 192, wide), output=torch.tanh, generator=generator)
    return G, models.MLP((wide, 256, 128, 1), activation=leaky, generator=generator)


def dcgan_nets(side: int, generator: torch.Generator) -> tuple[nn.Module, nn.Module]:
    """The DCGAN pair."""
    G = models.DCGenerator(side=side, generator=generator)
    return G, models.DCDiscriminator(side=side, generator=generator)


def began_nets(side: int, generator: torch.Generator) -> tuple[nn.Module, nn.Module]:
    """BEGAN's auto-encoder and, with the same weights as its decoder, its generator."""
    D = models.AutoEncoder((side**2, 400, 400, 32), generator=generator)
    return D.as_generator(), D


def uniform_noise(n: int, generator: torch.Generator) -> Tensor:
    """BEGAN's z, uniform from -1 to 1, shape (n, 32)."""
    return 2 * torch.rand(n, 32, generator=generator) - 1


NS_WITH_R1 = {
    "batch_size": 64,
    "lr": 1e-3,
    "betas": (0.0, 0.99),
    "schedule": train.late_decay,
    "penalty": lambda D, real, fake: losses.r1(D, real, 1.0),
    "penalty_every": 8,
    "ema": 0.998,
}
IMAGES = {
    "mlp": ImageRecipe(mlp_nets, losses.NON_SATURATING, NS_WITH_R1),
    "dcgan": ImageRecipe(dcgan_nets, losses.NON_SATURATING, NS_WITH_R1),
    "began": ImageRecipe(
        began_nets,
        losses.began(),
        {"batch_size": 32, "lr": 5e-4, "betas": (0.5, 0.999), "noise": uniform_noise},
    ),
}
"""By the name of the model; each takes one to two minutes of one core for some thousand steps."""
