"""Games and penalties: pure, element-wise functions of logits, to be *minimised*.

The discriminator returns logits, and high means real: D(x) = σ(logit). Natural logarithms.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """The two losses of one game, element-wise in the logits.

    Args:
        name: what the game is called.
        d: (real_logits, fake_logits) -> D's loss, same shape.
        g: (real_logits, fake_logits) -> G's loss, same shape. G's own batch is the fake one; games
            whose G looks at real logits too set `pairs`, for all others `g` is given None there.
        pairs: whether G's loss compares fake logits with real ones.
    """

    name: str
    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor | None, Tensor], Tensor]
    pairs: bool = False


def cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), whose mean is -V(D, G): Eq. (1), [Goodfellow2014]_."""
    return softplus(-real_logits) + softplus(fake_logits)


MINIMAX = Loss("minimax", cross_entropy, lambda real, fake: -softplus(fake))
"""The zero-sum game: G minimises log(1 - D(G(z))). Eq. (1), [Goodfellow2014]_."""

NON_SATURATING = Loss("non-saturating", cross_entropy, lambda real, fake: softplus(-fake))
"""G minimises -log D(G(z)) instead: Section 3, [Goodfellow2014]_."""


def r1(D: nn.Module, x: Tensor, gamma: float) -> Tensor:
    r"""Zero-centred gradient penalty, :math:`\frac{\gamma}{2}\,\lVert \nabla_x D(x) \rVert^2`.

    On real points this is R1, Eq. (9), [Mescheder2018]_. D is the logit, not its sigmoid.

    Args:
        D: maps (..., B, features) to logits (..., B, 1).
        x: points, shape (..., B, features).
        gamma: strength, >= 0.

    Returns:
        one penalty for each point, shape (..., B).
    """
    if gamma < 0:
        raise ValueError(f"expected gamma >= 0; got {gamma}")
    gradient = torch.func.grad(lambda points: D(points).sum())(x)
    return 0.5 * gamma * gradient.square().sum(-1)
