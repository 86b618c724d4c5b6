"""What can be computed without training, exactly, on a grid or on bins.

Densities come as values on a grid with cell size `dx`, or as weights (bin masses) with `dx = 1`.
All sums run over the last axis. Natural logarithms, float64 recommended. 0 · log 0 counts as 0.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def check_densities(*densities: Tensor) -> None:
    """Raise ValueError unless all are float tensors, finite, non-negative, of one last size."""
    for p in densities:
        if not isinstance(p, Tensor) or not p.is_floating_point():
            got = f"dtype {p.dtype}" if isinstance(p, Tensor) else type(p).__name__
            raise ValueError(f"expected a tensor of floats; got {got}")
        if p.shape[-1:] != densities[0].shape[-1:]:
            shapes = ", ".join(str(tuple(q.shape)) for q in densities)
            raise ValueError(f"expected densities on one grid (same last size); got {shapes}")
        if not bool(p.isfinite().all()) or bool((p < 0).any()):
            raise ValueError("expected densities that are finite and >= 0; got NaN, inf or less")


def optimal_discriminator(p: Tensor, q: Tensor) -> Tensor:
    """D*(x) = p(x) / (p(x) + q(x)): Eq. (2), [Goodfellow2014]_.

    Off both supports every value is optimal; this function says 1/2 there.

    Args:
        p, q: densities of data and fakes, shape (..., n).

    Returns:
        shape (..., n).
    """
    check_densities(p, q)
    total = p + q
    return torch.where(total > 0, p / torch.where(total > 0, total, 1.0), 0.5)


def value(p: Tensor, q: Tensor, d: Tensor, dx: float = 1.0) -> Tensor:
    """V(D, G) = ∫ p log D + q log(1 - D): Eq. (1), [Goodfellow2014]_.

    Args:
        p, q: densities of data and fakes, shape (..., n).
        d: the discriminator's probabilities, from 0 to 1, shape (..., n).
        dx: cell size; 1 for bin masses.

    Returns:
        shape (...); -inf where D is surely wrong on a set that has mass.
    """
    check_densities(p, q, d)
    if bool((d > 1).any()):
        raise ValueError(f"expected probabilities from 0 to 1; got {float(d.max())}")
    return (torch.xlogy(p, d) + torch.special.xlog1py(q, -d)).sum(-1) * dx


def criterion(p: Tensor, q: Tensor, dx: float = 1.0) -> Tensor:
    """C(G) = max_D V(D, G) = V(D*, G) = -log 4 + 2 JSD(p, q): Eq. (4), [Goodfellow2014]_."""
    # Not value(p, q, D*): where q is tiny but positive D* rounds to 1 and log(1 - D*) to -inf.
    best, worst = optimal_discriminator(p, q), optimal_discriminator(q, p)
    return (torch.xlogy(p, best) + torch.xlogy(q, worst)).sum(-1) * dx


def kl(p: Tensor, q: Tensor, dx: float = 1.0) -> Tensor:
    """Kullback–Leibler divergence ∫ p log(p/q); inf where p has mass and q has none."""
    check_densities(p, q)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1) * dx


def jsd(p: Tensor, q: Tensor, dx: float = 1.0) -> Tensor:
    """Jensen–Shannon divergence, between 0 and log 2: ½ KL(p, m) + ½ KL(q, m), m = ½(p + q)."""
    check_densities(p, q)
    # log(p / m) = log 2 + log(p / (p + q)): m itself would be 0 where p + q is the least float
    mass = (p + q).sum(-1) * dx
    return (kl(p, p + q, dx) + kl(q, p + q, dx) + mass * math.log(2)) / 2


def total_variation(p: Tensor, q: Tensor, dx: float = 1.0) -> Tensor:
    """Total variation distance ½ ∫ |p - q|, between 0 and 1."""
    check_densities(p, q)
    return (p - q).abs().sum(-1) * dx / 2


def push_forward(G: Callable[[Tensor], Tensor], edges: Tensor, nodes: int = 2000) -> Tensor:
    """Bin masses of p_g for a generator of one number from one normal number.

    The normal line from -6 to 6 is cut into `nodes` narrow pieces and G is replaced by its chord on
    each, so a piece spreads its mass evenly between the two images of its ends. Right for any
    continuous G, rising or not; unlike a kernel estimate it does not blur.

    Args:
        G: maps (nodes + 1, 1) to (..., nodes + 1, 1); a leading seed axis is kept.
        edges: bin edges, increasing, shape (n + 1,).
        nodes: number of pieces.

    Returns:
        masses, shape (..., n); they sum to the share of p_g between the outer edges.
    """
    z = torch.linspace(-6, 6, nodes + 1, dtype=torch.float64)
    mass = torch.special.ndtr(z).diff()
    z = z.to(next(G.parameters()).dtype) if isinstance(G, torch.nn.Module) else z
    with torch.no_grad():
        x = G(z[:, None])[..., 0].double()
    ends = torch.stack([x[..., :-1], x[..., 1:]])
    low, high = ends.amin(0)[..., None, :], ends.amax(0)[..., None, :]  # (..., 1, nodes)
    reached = (edges[:, None] - low) / (high - low).clamp_min(1e-12)  # (..., n + 1, nodes)
    return (reached.clamp(0, 1) @ mass).diff(dim=-1)
