"""Games and penalties: pure, element-wise functions of logits, to be *minimised*.

The discriminator returns logits, and high means real: D(x) = σ(logit). Natural logarithms. A game
whose D is no probability (a critic) says so; its logits still mean "high is real".
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus


@dataclass(frozen=True)
class Balance:
    """BEGAN's control of the balance between its players: Section 3.4, [Berthelot2017]_.

    Args:
        gamma: wanted ratio of the fakes' loss to the real loss, from 0 to 1; low means more alike.
        rate: λ_k, how fast k_t follows (0.001 in the paper; 0.1 for runs of some thousand steps).
    """

    gamma: float
    rate: float


@dataclass(frozen=True)
class Loss:
    """The two losses of one game, element-wise in the logits.

    Args:
        name: what the game is called.
        d: (real_logits, fake_logits) -> D's loss, same shape.
        g: (real_logits, fake_logits) -> G's loss, same shape; `real_logits` is None unless `pairs`.
        pairs: whether G's loss compares fake logits with real ones.
        calibrated: whether the best D is the probability of "real", so that -d is the value V.
        balance: only for BEGAN: fake logits are multiplied by k_t in D's loss.
    """

    name: str
    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor | None, Tensor], Tensor]
    pairs: bool = False
    calibrated: bool = False
    balance: Balance | None = None


def cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), whose mean is -V(D, G): Eq. (1), [Goodfellow2014]_."""
    return softplus(-real_logits) + softplus(fake_logits)


MINIMAX = Loss("minimax", cross_entropy, lambda real, fake: -softplus(fake), calibrated=True)
"""The zero-sum game: G minimises log(1 - D(G(z))). Eq. (1), [Goodfellow2014]_."""

NON_SATURATING = Loss(
    "non-saturating", cross_entropy, lambda real, fake: softplus(-fake), calibrated=True
)
"""G minimises -log D(G(z)) instead: Section 3, [Goodfellow2014]_."""

WASSERSTEIN = Loss("Wasserstein", lambda real, fake: fake - real, lambda real, fake: -fake)
"""D is a critic, f(fake) - f(real); it needs a bound on its slope. Eq. (2), [Arjovsky2017a]_."""

LEAST_SQUARES = Loss(
    "least squares",
    lambda real, fake: 0.5 * (real - 1).square() + 0.5 * fake.square(),
    lambda real, fake: 0.5 * (fake - 1).square(),
)
"""Labels 1 for real and 0 for fake, with the factors ½ of Eq. (2) and (9), [Mao2017]_."""

HINGE = Loss("hinge", lambda real, fake: relu(1 - real) + relu(1 + fake), lambda real, fake: -fake)
"""D stops caring beyond the margins ±1, as in a support vector machine: [Lim2017]_."""

RELATIVISTIC = Loss(
    "relativistic",
    lambda real, fake: softplus(fake - real),
    lambda real, fake: softplus(real - fake),
    pairs=True,
)
"""Each fake is compared with one real point, by the logistic function: Eq. (2), [Huang2024]_."""


def began(gamma: float = 0.7, rate: float = 0.1) -> Loss:
    """BEGAN: D's logit is minus the auto-encoder's error L, so its loss is L(x) - k_t L(G(z)).

    Section 3.4, [Berthelot2017]_; k_t is part of the state of `train.Run`.

    Raises:
        ValueError: unless 0 < gamma <= 1 and rate > 0.
    """
    if not (0 < gamma <= 1 and rate > 0):
        raise ValueError(f"expected 0 < gamma <= 1 and rate > 0; got {gamma}, {rate}")
    balance = Balance(gamma, rate)
    return Loss("BEGAN", WASSERSTEIN.d, WASSERSTEIN.g, balance=balance)


def squared_slope(D: nn.Module, x: Tensor) -> Tensor:
    r"""Squared norm of D's gradient at each point, :math:`\lVert \nabla_x D(x) \rVert^2`.

    D must judge each point by itself; statistics over the batch would mix the gradients.

    Args:
        D: maps points to logits; `D.seeds`, if there is one, says whether x has a seed axis.
        x: points, shape (B, ...), or (S, B, ...) with a seed axis.

    Returns:
        shape (B,), or (S, B).
    """
    gradient = torch.func.grad(lambda points: D(points).sum())(x)
    lead = 1 if getattr(D, "seeds", None) is None else 2
    return gradient.flatten(lead).square().sum(-1)


def r1(D: nn.Module, x: Tensor, gamma: float) -> Tensor:
    r"""Zero-centred gradient penalty, :math:`\frac{\gamma}{2}\,\lVert \nabla_x D(x) \rVert^2`.

    On real points this is R1, Eq. (9), [Mescheder2018]_. D is the logit, not its sigmoid.

    Args:
        D: maps points to logits.
        x: points, shape (B, ...), or (S, B, ...) with a seed axis.
        gamma: strength, >= 0.

    Returns:
        one penalty for each point, shape (B,) or (S, B).
    """
    if gamma < 0:
        raise ValueError(f"expected gamma >= 0; got {gamma}")
    return 0.5 * gamma * squared_slope(D, x)


r2 = r1
"""The same on fakes: Eq. (10), [Mescheder2018]_. Detach the fakes first."""


def wgan_gp(D: nn.Module, x: Tensor, gamma: float, target: float = 1.0) -> Tensor:
    r"""Penalty for slopes unlike `target`: :math:`\gamma\,(\lVert \nabla_x D(x) \rVert - 1)^2`.

    Eq. (3), [Gulrajani2017]_, with no factor ½, at points x `between` real and fake ones. The norm
    is each point's own: a linear critic of norm 1 has penalty 0 whatever the size of the batch.

    Args:
        D: maps points to logits.
        x: points, shape (B, ...), or (S, B, ...) with a seed axis.
        gamma: strength, >= 0 (λ in the paper, 10 there).
        target: the wanted slope.

    Returns:
        one penalty for each point, shape (B,) or (S, B).
    """
    if gamma < 0:
        raise ValueError(f"expected gamma >= 0; got {gamma}")
    # epsilon inside the root: without it the derivative at slope 0 is NaN
    return gamma * ((squared_slope(D, x) + 1e-12).sqrt() - target).square()


def between(real: Tensor, fake: Tensor, *, seeded: bool = False) -> Tensor:
    """Points on the segments from real to fake, one on each, evenly spread along them.

    The paper draws the place on each segment at random; the batch is random already, so the i-th
    of B pairs takes the place (i + ½)/B: the same mean, less noise, and no generator to carry.

    Args:
        real, fake: shape (B, ...), or (S, B, ...) with `seeded`.
    """
    if real.shape != fake.shape:
        raise ValueError(f"expected equal shapes; got {tuple(real.shape)}, {tuple(fake.shape)}")
    size = real.shape[int(seeded)]
    place = (torch.arange(size, dtype=real.dtype, device=real.device) + 0.5) / size
    place = place.view(-1, *(1,) * (real.dim() - 1 - int(seeded)))
    return real.detach() + place * (fake - real).detach()
