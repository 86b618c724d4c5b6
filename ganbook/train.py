"""The loop of Algorithm 1, [Goodfellow2014]_: k steps of D, then one of G."""

import contextlib
import copy
import ctypes
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm

from ganbook.losses import Loss


@dataclass
class Run:
    """A training run: the nets, their optimisers, and what was seen on the way.

    Attributes:
        G, D: the nets, trained in place.
        generators: what all randomness of the run comes from; their state is the place in the data.
        ema: a moving average of G's weights, or None.
        step: how many steps have been taken.
        k: BEGAN's weight k_t of the fakes in D's loss, shape () or (S,); None for other games.
        d_loss, g_loss: losses so far, a list of tensors: shape () each, or (S,) with a seed axis.
        m_global: BEGAN's measure of convergence so far, likewise; empty for other games.
    """

    G: nn.Module
    D: nn.Module
    opt_G: torch.optim.Optimizer
    opt_D: torch.optim.Optimizer
    generators: Sequence[torch.Generator] = ()
    ema: nn.Module | None = None
    step: int = 0
    k: Tensor | None = None
    d_loss: list[Tensor] = field(default_factory=list)
    g_loss: list[Tensor] = field(default_factory=list)
    m_global: list[Tensor] = field(default_factory=list)

    def __post_init__(self):
        # Among many processes gradients are averaged over them by these wrappers, which share the
        # nets' weights; alone they are the nets.
        self.shared_G, self.shared_D = among_processes(self.G), among_processes(self.D)


def d_step(run: Run, loss: Loss, real: Tensor, z: Tensor, penalty=None) -> Tensor:
    """One step of D. Returns its loss, one number for each seed.

    `penalty`, if given, maps (D, real, fake) to one number for each point.
    """
    with torch.no_grad():  # D's step must not reach into G
        fake = run.G(z)
    real_logits, fake_logits = run.shared_D(real), run.shared_D(fake)
    if loss.balance is None:
        value = per_seed(loss.d(real_logits, fake_logits), run.D)
    else:
        value = balanced(run, loss, -per_seed(real_logits, run.D), -per_seed(fake_logits, run.D))
    total = value if penalty is None else value + per_seed(penalty(run.D, real, fake), run.D)
    descend(run.opt_D, total)
    return value.detach()


def balanced(run: Run, loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """BEGAN's loss of D from the errors L(x), L(G(z)); moves k_t: Section 3.4, [Berthelot2017]_."""
    run.k = torch.zeros_like(real) if run.k is None else run.k
    value = loss.d(-real, -run.k * fake)
    real, fake = averaged(real.detach()), averaged(fake.detach())
    surplus = loss.balance.gamma * real - fake
    run.m_global.append(real + surplus.abs())
    run.k = (run.k + loss.balance.rate * surplus).clamp(0, 1)
    return value


def g_step(run: Run, loss: Loss, z: Tensor, real: Tensor | None = None) -> Tensor:
    """One step of G, through D, which is held still. Returns the loss, one number for each seed."""
    run.D.requires_grad_(False)
    real_logits = run.D(real) if loss.pairs else None
    value = per_seed(loss.g(real_logits, run.D(run.shared_G(z))), run.D)
    descend(run.opt_G, value)
    run.D.requires_grad_(True)
    return value.detach()


def fit(
    G: nn.Module,
    D: nn.Module,
    data: Callable[[int, torch.Generator], Tensor],
    loss: Loss,
    *,
    steps: int,
    generator: torch.Generator | Sequence[torch.Generator],
    batch_size: int | Callable[[float], int] = 128,
    d_steps: int = 1,
    lr: float | tuple[float, float] = 1e-3,
    betas: tuple[float, float] = (0.0, 0.99),
    schedule: Callable[[float], float] = lambda progress: 1.0,
    noise: Callable[[int, torch.Generator], Tensor] | None = None,
    penalty: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None,
    penalty_weight: float | Callable[[float], float] = 1.0,
    penalty_every: int = 1,
    ema: float | None = None,
    device: str | torch.device = "cpu",
    precision: torch.dtype | None = None,
    callback: Callable[[Run], None] = lambda run: None,
    progress: bool = True,
) -> Run:
    """Train G against D by alternating Adam steps: Algorithm 1, [Goodfellow2014]_.

    Args:
        G, D: nets, trained in place; with a seed axis both have the same number of seeds S.
        data: draws real points, (n, generator) -> (n, ...): a `Mixture.sample`, a `resample(...)`.
        loss: the game.
        steps: number of G steps.
        generator: one, or one for each seed; per step it serves `real`, then `z`, for each D step,
            and then `z` for G, so that a run can be repeated by hand.
        batch_size: points in a batch, for each seed; or a function of progress, from 0 to 1.
        d_steps: k, the D steps before each G step.
        lr: one rate, or (G's, D's).
        betas: Adam's.
        schedule: factor on both rates as a function of progress, from 0 to 1.
        noise: draws z, (n, generator) -> (n, n_z); standard normal if left out.
        penalty: maps (D, real, fake) to one number for each point, added to D's loss.
        penalty_weight: factor on the penalty, or a function of progress.
        penalty_every: apply it at every so manieth step only, that many times as strong.
        ema: decay of the moving average of G's weights; none is kept if left out.
        device: where to train; batches are drawn on the CPU: a seed means the same everywhere.
        precision: for instance torch.bfloat16: products in that precision, weights as they are.
        callback: called with the run before the first step and after every step. At first it may
            put a saved state into the run, `step` included: training goes on from there.
        progress: show a bar (never in the plain outputs of the book).

    Returns:
        the finished `Run`.

    Raises:
        ValueError: for settings or shapes that make no sense.
        FloatingPointError: when a loss is no longer finite; names the step and the seed.
    """
    size, weight = as_schedule(batch_size), as_schedule(penalty_weight)
    if min(steps, size(0.0), d_steps, penalty_every) < 1:
        raise ValueError(
            "expected steps, batch_size, d_steps and penalty_every >= 1; got "
            f"{steps}, {size(0.0)}, {d_steps}, {penalty_every}"
        )
    if getattr(G, "seeds", None) != getattr(D, "seeds", None):
        raise ValueError(f"G has seeds={G.seeds} and D has seeds={D.seeds}: they must be equal")
    G.to(device), D.to(device)
    draw = sampler(G, generator)
    noise = noise or gaussian_noise(G)
    lr_G, lr_D = lr if isinstance(lr, tuple) else (lr, lr)
    run = Run(
        G,
        D,
        torch.optim.Adam(G.parameters(), lr=lr_G, betas=betas, fused=True),
        torch.optim.Adam(D.parameters(), lr=lr_D, betas=betas, fused=True),
        [generator] if isinstance(generator, torch.Generator) else list(generator),
        ema=None if ema is None else copy.deepcopy(G).requires_grad_(False),
    )

    callback(run)
    hidden = not progress or "GANBOOK_PLAIN" in os.environ
    todo = {"iterable": range(run.step, steps), "initial": run.step, "total": steps}
    for step in (bar := tqdm(**todo, disable=hidden, unit="step")):
        now = step / steps
        set_rate(run.opt_G, lr_G * schedule(now))
        set_rate(run.opt_D, lr_D * schedule(now))
        due = penalty is not None and step % penalty_every == 0
        extra = scaled(penalty, weight(now) * penalty_every) if due else None
        n = size(now)
        with torch.autocast(torch.device(device).type, precision, enabled=precision is not None):
            for _ in range(d_steps):
                real = draw(data, n)
                d_loss = d_step(run, loss, real, draw(noise, n), extra)
            g_loss = g_step(run, loss, draw(noise, n), real)
        run.step = step + 1
        d_loss, g_loss = averaged(d_loss), averaged(g_loss)
        stop_unless_finite(run.step, d_loss, g_loss)
        if ema is not None:
            for average, latest in zip(run.ema.parameters(), G.parameters(), strict=True):
                average.lerp_(latest.detach(), 1 - ema)
        run.d_loss.append(d_loss)
        run.g_loss.append(g_loss)
        if not hidden and step % 50 == 0:
            bar.set_postfix(D=f"{d_loss.mean():.3f}", G=f"{g_loss.mean():.3f}", refresh=False)
        callback(run)
    return run


def keep_memory() -> None:
    """Optional, on Linux: let the allocator keep freed memory; saves stacks a tenth of the time.

    Without it glibc gives every large tensor back to the system and asks for it again.
    """
    with contextlib.suppress(OSError, AttributeError):  # another system, another C library
        c_library = ctypes.CDLL(None)
        c_library.mallopt(-1, 2**30)  # M_TRIM_THRESHOLD
        c_library.mallopt(-3, 2**25)  # M_MMAP_THRESHOLD; more than 32 MiB is refused silently


def per_seed(x: Tensor, net: nn.Module) -> Tensor:
    """Mean over everything but the seed axis: (S, B, ...) -> (S,), or (B, ...) -> ()."""
    return x.mean() if getattr(net, "seeds", None) is None else x.flatten(1).mean(1)


def descend(optimiser: torch.optim.Optimizer, value: Tensor) -> None:
    """One optimiser step on the *sum* over seeds, which leaves every seed its own gradient."""
    optimiser.zero_grad()
    value.sum().backward()
    optimiser.step()


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def scaled(penalty, factor: float):
    """The penalty times a factor."""
    return lambda D, real, fake: factor * penalty(D, real, fake)


def as_schedule(setting) -> Callable:
    """A constant as a function of progress."""
    return setting if callable(setting) else lambda progress: setting


def sampler(G: nn.Module, generator):
    """A function (source, n) that draws a batch, stacked over seeds, like G's weights.

    Among many processes all draw the same n points and each keeps its share.
    """
    seeds, like = getattr(G, "seeds", None), next(G.parameters())
    if seeds is None:
        return lambda source, n: share(source(n, generator)).to(like)
    if len(generator) != seeds:
        raise ValueError(f"expected a generator for each of {seeds} seeds; got {len(generator)}")
    return lambda source, n: torch.stack([share(source(n, g)) for g in generator]).to(like)


def gaussian_noise(G: nn.Module):
    """Standard normal noise of G's input width, in G's dtype."""
    width, dtype = G.sizes[0], next(G.parameters()).dtype
    return lambda n, generator: torch.randn(n, width, generator=generator, dtype=dtype)


def stop_unless_finite(step: int, d_loss: Tensor, g_loss: Tensor) -> None:
    """Raise FloatingPointError that names the step and the first seed whose loss is not finite."""
    for name, value in (("D", d_loss), ("G", g_loss)):
        bad = (~value.isfinite()).reshape(-1).nonzero()
        if len(bad):
            raise FloatingPointError(
                f"{name}'s loss is {value.reshape(-1)[bad[0]].item()} at step {step}, seed "
                f"{bad[0].item()}: try a lower learning rate or a penalty"
            )


def linear_decay(progress: float) -> float:
    """Schedule: the rate falls on a straight line to 0."""
    return 1 - progress


def late_decay(progress: float) -> float:
    """Schedule: full rate for the first half, then a straight line to 0."""
    return min(1.0, 2 * (1 - progress))


def cosine_decay(progress: float, end: float = 1e-3) -> float:
    """Schedule: half a cosine from 1 down to `end`."""
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * progress))


def geometric(first: float, last: float) -> Callable[[float], float]:
    """Schedule: from `first` to `last` by equal factors, for penalties."""
    return lambda progress: first * (last / first) ** progress


# --- many processes: torch's own DistributedDataParallel, started by torchrun ---------------------


def processes() -> tuple[int, int]:
    """Rank of this process and how many processes train together: (0, 1) when alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def among_processes(net: nn.Module) -> nn.Module:
    """The net, wrapped so that gradients are averaged over the processes, if there are several."""
    return DistributedDataParallel(net) if processes()[1] > 1 else net


def share(batch: Tensor) -> Tensor:
    """The part of a batch that this process takes: (n, ...) -> (n / processes, ...)."""
    rank, world = processes()
    if len(batch) % world:
        raise ValueError(f"expected a batch that {world} processes can share; got {len(batch)}")
    return batch.chunk(world)[rank]


def averaged(x: Tensor) -> Tensor:
    """The mean over all processes, the same number in each of them."""
    if processes()[1] == 1:
        return x
    x = x.clone()
    torch.distributed.all_reduce(x)
    return x / processes()[1]
