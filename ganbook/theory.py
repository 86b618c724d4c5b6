"""What can be computed without training: divergences, descent in function space, Dirac-GAN.

Densities come as values on a grid with cell size `dx`, or as weights (bin masses) with `dx = 1`.
All sums run over the last axis. Natural logarithms, float64 recommended. 0 · log 0 counts as 0.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
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
    divergence = (kl(p, p + q, dx) + kl(q, p + q, dx) + mass * math.log(2)) / 2
    return divergence.clamp(min=0.0)  # equal laws may round to -1e-17


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


# --- two normal laws ------------------------------------------------------------------------------
# KL and total variation have closed forms; JSD has none: it needs `jsd` on a grid.


def check_normals(mean_p, std_p, mean_q, std_q) -> list[Tensor]:
    """The four numbers in float64, broadcast; ValueError unless finite and the stds positive."""
    numbers = [torch.as_tensor(x, dtype=torch.float64) for x in (mean_p, std_p, mean_q, std_q)]
    if not all(bool(x.isfinite().all()) for x in numbers):
        raise ValueError(f"expected finite means and stds; got {mean_p, std_p, mean_q, std_q}")
    if not all(bool((std > 0).all()) for std in numbers[1::2]):
        raise ValueError(f"expected positive stds; got {std_p}, {std_q}")
    return list(torch.broadcast_tensors(*numbers))


def gaussian_kl(mean_p, std_p, mean_q, std_q) -> Tensor:
    """KL divergence of N(mean_p, std_p²) from N(mean_q, std_q²), in closed form.

    Args:
        mean_p, std_p, mean_q, std_q: numbers or tensors that broadcast.

    Returns:
        log(σ_q/σ_p) + (σ_p² + (μ_p - μ_q)²) / (2σ_q²) - ½, the broadcast shape.
    """
    mean_p, std_p, mean_q, std_q = check_normals(mean_p, std_p, mean_q, std_q)
    ratio = std_p / std_q
    return 0.5 * (ratio.square() + ((mean_p - mean_q) / std_q).square() - 1) - ratio.log()


def gaussian_total_variation(mean_p, std_p, mean_q, std_q) -> Tensor:
    """Total variation distance of two normal laws: p and q mass between the crossings of densities.

    Equal widths cross once, half-way; others twice, at the roots of log p(x) = log q(x).

    Args:
        mean_p, std_p, mean_q, std_q: numbers or tensors that broadcast.

    Returns:
        from 0 to 1, the broadcast shape; 2Φ(|μ_p - μ_q| / 2σ) - 1 for equal widths.
    """
    mean_p, std_p, mean_q, std_q = check_normals(mean_p, std_p, mean_q, std_q)
    # with x in units of the narrower law: a x² + 2 b x + c = 0 and a >= 0
    swap = std_p > std_q
    narrow, wide = torch.where(swap, std_q, std_p), torch.where(swap, std_p, std_q)
    shift = torch.where(swap, mean_p - mean_q, mean_q - mean_p) / narrow  # the wide law's mean
    ratio = wide / narrow
    a, b = ratio.square() - 1, shift
    c = -(shift.square() + 2 * ratio.square() * ratio.log())
    root = (b.square() - a * c).sqrt()
    # both roots without cancellation; equal widths send one of them to infinity, equal laws both
    larger = -(b + torch.where(b < 0, -root, root))
    ends = torch.stack([larger / a, c / larger]).nan_to_num(math.inf, math.inf, -math.inf)
    mass = torch.special.ndtr(ends) - torch.special.ndtr((ends - shift) / ratio)
    return (mass[0] - mass[1]).abs()


# --- descent in function space: G is its histogram, D is optimal at every step --------------------


def criterion_slope(p: Tensor, q: Tensor) -> Tensor:
    """∂C/∂q = log(1 - D*) = log(q / (p + q)): Section 4.2, [Goodfellow2014]_.

    -inf where q = 0 < p; log ½ off both supports.
    """
    return optimal_discriminator(q, p).log()


def mirror_step(p: Tensor, q: Tensor, lr: float) -> Tensor:
    """Multiply by (1 - D*)^-lr and normalise: mirror descent on the simplex.

    With lr = 1 this is (p + q)/2. A bin with q = 0 stays empty. [Beck2003]_
    """
    logits = q.log() - lr * criterion_slope(p, q)
    return torch.where(q > 0, logits, -math.inf).softmax(-1)


def softmax_step(p: Tensor, q: Tensor, lr: float) -> Tensor:
    """Gradient descent on parameters θ with q = softmax(θ); a bin with q = 0 stays empty."""
    pull = torch.xlogy(q, optimal_discriminator(q, p))  # q times the slope of C
    gradient = pull - q * pull.sum(-1, keepdim=True)
    return torch.where(q > 0, q.log() - lr * gradient, -math.inf).softmax(-1)


def project(y: Tensor) -> Tensor:
    """The nearest point of the simplex, (..., n) -> (..., n): [Duchi2008]_, Figure 1."""
    ranked = y.sort(-1, descending=True).values
    excess = (ranked.cumsum(-1) - 1) / torch.arange(1, y.shape[-1] + 1, dtype=y.dtype)
    # The threshold is the last one below its own entry; they rise up to there and fall after it.
    return (y - excess.amax(-1, keepdim=True)).clamp_min(0)


def projected_step(p: Tensor, q: Tensor, lr: float) -> Tensor:
    """A step along the slope of C, then back to the simplex; at q = 0 < p the slope is cut off."""
    return project(q - lr * criterion_slope(p, q).clamp_min(math.log(torch.finfo(q.dtype).tiny)))


GEOMETRIES = {"mirror": mirror_step, "softmax": softmax_step, "projected": projected_step}


def descend(p: Tensor, q: Tensor, steps: int, *, geometry: str = "mirror", lr: float = 1.0):
    """Descend C from q with D = D* at every step.

    Args:
        p, q: masses of data and of the start, shape (..., n); each row sums to 1.
        steps: how many.
        geometry: "mirror", "softmax" or "projected".
        lr: size of the step.

    Returns:
        the path of q, shape (steps + 1, ..., n), and of C along it, shape (steps + 1, ...).

    Raises:
        ValueError: for densities, masses or settings that make no sense.
    """
    check_densities(p, q)
    totals = torch.cat([p.sum(-1).flatten(), q.sum(-1).flatten()])
    if bool(((totals - 1).abs() > 1e-6).any()):
        raise ValueError(f"expected masses that sum to 1; got sums {totals.tolist()}")
    if geometry not in GEOMETRIES or not lr > 0 or steps < 0:
        raise ValueError(
            f"expected geometry in {list(GEOMETRIES)}, lr > 0 and steps >= 0; "
            f"got {geometry!r}, {lr}, {steps}"
        )
    path = [q]
    for _ in range(steps):
        path.append(GEOMETRIES[geometry](p, path[-1], lr))
    path = torch.stack(path)
    return path, criterion(p, path)


# --- Dirac-GAN ------------------------------------------------------------------------------------


@functools.cache
def hermite_nodes(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights that integrate against N(0, 1): Gauss–Hermite quadrature."""
    x, weights = np.polynomial.hermite_e.hermegauss(count)
    return x, weights / weights.sum()


@dataclass(frozen=True)
class DiracGAN:
    """Data are one point, 0; G makes one point, θ; D(x) = ψx: Section 2, [Mescheder2018]_.

    States are tensors (..., 2) of θ and ψ. High logits mean real, as everywhere in this book.

    Args:
        loss: the game, any `Loss` but BEGAN's: `d` and `g` as functions of logits.
        gamma: strength of the gradient penalty, ½ γ (|ψ| - target)².
        target: the slope it wants: 0 for R1 and R2, which are the same here, 1 for WGAN-GP.
        clip: D's weight is kept within ±clip after each of its steps, as in [Arjovsky2017a]_.
        noise: σ of normal noise added to real and fake points, integrated by quadrature.
    """

    loss: object
    gamma: float = 0.0
    target: float = 0.0
    clip: float = math.inf
    noise: float = 0.0

    def __post_init__(self):
        if self.loss.balance is not None:
            raise ValueError(f"{self.loss.name} needs an auto-encoder; D(x) = ψx is none")
        if not (self.gamma >= 0 and self.target >= 0 and self.clip > 0 and self.noise >= 0):
            raise ValueError(
                "expected gamma, target, noise >= 0 and clip > 0; got "
                f"{self.gamma}, {self.target}, {self.noise}, {self.clip}"
            )

    def losses(self, theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        """Expected losses of G and D, penalty included; any shape -> the same shape, twice."""
        x, weights = hermite_nodes() if self.noise else (np.zeros(1), np.ones(1))
        x, weights = self.noise * torch.from_numpy(x).to(psi), torch.from_numpy(weights).to(psi)
        weights = weights[:, None] * weights  # every real point meets every fake one: (n, n)
        real = psi[..., None, None] * x[:, None]
        fake = psi[..., None, None] * (theta[..., None, None] + x)
        real, fake = torch.broadcast_tensors(real, fake)
        # (|ψ| - target)², multiplied out, so that autograd sees its curvature at ψ = 0 too
        deviation = psi.square() - 2 * self.target * psi.abs() + self.target**2
        penalty = 0.5 * self.gamma * deviation
        g, d = self.loss.g(real, fake), self.loss.d(real, fake)
        return (weights * g).sum((-2, -1)), (weights * d).sum((-2, -1)) + penalty

    def field(self, state: Tensor) -> Tensor:
        """Where simultaneous gradient descent goes: (-∂L_G/∂θ, -∂L_D/∂ψ), (..., 2) -> (..., 2)."""
        theta, psi = check_state(state).unbind(-1)
        (g, d), slopes = torch.func.vjp(self.losses, theta, psi)
        one, none = torch.ones_like(g), torch.zeros_like(d)
        return -torch.stack([slopes((one, none))[0], slopes((none, one))[1]], -1)

    def step(self, state: Tensor, lr: float, d_steps: int | None = None) -> Tensor:
        """One update of both players.

        Args:
            state: shape (..., 2).
            lr: step size h.
            d_steps: None to move both at once; k to move G first and then D, k times.

        Returns:
            shape (..., 2).
        """
        if not lr > 0 or (d_steps is not None and d_steps < 1):
            raise ValueError(f"expected lr > 0 and d_steps None or >= 1; got {lr}, {d_steps}")
        if d_steps is None:
            return self.clipped(state + lr * self.field(state))
        only_g = torch.tensor([1.0, 0.0], dtype=state.dtype)
        state = state + lr * only_g * self.field(state)
        for _ in range(d_steps):
            state = self.clipped(state + lr * (1 - only_g) * self.field(state))
        return state

    def clipped(self, state: Tensor) -> Tensor:
        """The state with D's weight within ±clip."""
        theta, psi = state.unbind(-1)
        return torch.stack([theta, psi.clamp(-self.clip, self.clip)], -1)

    def run(self, state: Tensor, steps: int, lr: float, d_steps: int | None = None) -> Tensor:
        """The trajectory of `step`, shape (steps + 1, ..., 2)."""
        path = [check_state(state)]
        for _ in range(steps):
            path.append(self.step(path[-1], lr, d_steps))
        return torch.stack(path)


def check_state(state: Tensor) -> Tensor:
    """The state, or a ValueError unless it is a tensor of finite floats (..., 2)."""
    if not isinstance(state, Tensor) or not state.is_floating_point() or state.shape[-1:] != (2,):
        got = tuple(state.shape) if isinstance(state, Tensor) else type(state).__name__
        raise ValueError(f"expected a state of floats, shape (..., 2); got {got}")
    return state


def jacobian(function: Callable[[Tensor], Tensor], state: Tensor) -> Tensor:
    """Derivatives of a field or of an update at one state, (2,) -> (2, 2), by autograd."""
    return torch.func.jacrev(function)(state)


def dirac_eigenvalues(d_slope: float, g_slope: float, gamma: float = 0.0) -> Tensor:
    """Eigenvalues of the field at rest, by hand: Lemma 2.3 and Section 3, [Mescheder2018]_.

    The field's matrix at (0, 0) is [[0, -g'], [-d', -γ]], so λ = -γ/2 ± √(γ²/4 + d' g').

    Args:
        d_slope, g_slope: derivatives of both losses by the fake logit, at logits 0: ½ and -½ for
            minimax, non-saturating and relativistic, 1 and -1 for Wasserstein and hinge.
        gamma: strength of R1. Noise σ acts like σ² times D's curvature at 0, ½ if logistic.

    Returns:
        two complex numbers; unless both real parts are negative, nothing is drawn to rest.
    """
    root = torch.tensor(gamma**2 / 4 + d_slope * g_slope, dtype=torch.complex128).sqrt()
    return -gamma / 2 + torch.stack([root, -root])
