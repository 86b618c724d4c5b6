"""The loop of Algorithm 1, [Goodfellow2014]_: k steps of D, then one of G."""

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ganbook.losses import Loss


@dataclass
class Run:
    """A training run: the nets, their optimisers, and what was seen on the way.

    Attributes:
        G, D: the nets, trained in place.
        ema: a moving average of G's weights, or None.
        step: how many steps have been taken.
        d_loss, g_loss: losses so far, a list of tensors: shape () each, or (S,) with a seed axis.
    """

    G: nn.Module
    D: nn.Module
    opt_G: torch.optim.Optimizer
    opt_D: torch.optim.Optimizer
    ema: nn.Module | None = None
    step: int = 0
    d_loss: list[Tensor] = field(default_factory=list)
    g_loss: list[Tensor] = field(default_factory=list)


def d_step(run: Run, loss: Loss, real: Tensor, z: Tensor, penalty=None) -> Tensor:
    """One step of D. Returns its loss, one number for each seed.

    `penalty`, if given, maps (D, real, fake) to one number for each point.
    """
    with torch.no_grad():  # D's step must not reach into G
        fake = run.G(z)
    value = per_seed(loss.d(run.D(real), run.D(fake)), run.D)
    total = value if penalty is None else value + per_seed(penalty(run.D, real, fake), run.D)
    descend(run.opt_D, total)
    return value.detach()


def g_step(run: Run, loss: Loss, z: Tensor, real: Tensor | None = None) -> Tensor:
    """One step of G, through D, which is held still. Returns the loss, one number for each seed."""
    run.D.requires_grad_(False)
    real_logits = run.D(real) if loss.pairs else None
    value = per_seed(loss.g(real_logits, run.D(run.G(z))), run.D)
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
    batch_size: int = 128,
    d_steps: int = 1,
    lr: float | tuple[float, float] = 1e-3,
    betas: tuple[float, float] = (0.0, 0.99),
    schedule: Callable[[float], float] = lambda progress: 1.0,
    noise: Callable[[int, torch.Generator], Tensor] | None = None,
    penalty: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None,
    penalty_every: int = 1,
    ema: float | None = None,
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
        batch_size: points in a batch, for each seed.
        d_steps: k, the D steps before each G step.
        lr: one rate, or (G's, D's).
        betas: Adam's.
        schedule: factor on both rates as a function of progress, from 0 to 1.
        noise: draws z, (n, generator) -> (n, n_z); standard normal if left out.
        penalty: maps (D, real, fake) to one number for each point, added to D's loss.
        penalty_every: apply it at every so manieth step only, that many times as strong.
        ema: decay of the moving average of G's weights; none is kept if left out.
        callback: called with the run before the first step and after every step.
        progress: show a bar (never in the plain outputs of the book).

    Returns:
        the finished `Run`.

    Raises:
        ValueError: for settings or shapes that make no sense.
        FloatingPointError: when a loss is no longer finite; names the step and the seed.
    """
    if min(steps, batch_size, d_steps, penalty_every) < 1:
        raise ValueError(
            "expected steps, batch_size, d_steps and penalty_every >= 1; got "
            f"{steps}, {batch_size}, {d_steps}, {penalty_every}"
        )
    if getattr(G, "seeds", None) != getattr(D, "seeds", None):
        raise ValueError(f"G has seeds={G.seeds} and D has seeds={D.seeds}: they must be equal")
    draw = sampler(G, generator, batch_size)
    noise = noise or gaussian_noise(G)
    lr_G, lr_D = lr if isinstance(lr, tuple) else (lr, lr)
    run = Run(
        G,
        D,
        torch.optim.Adam(G.parameters(), lr=lr_G, betas=betas),
        torch.optim.Adam(D.parameters(), lr=lr_D, betas=betas),
        ema=None if ema is None else copy.deepcopy(G).requires_grad_(False),
    )

    def lazy(D, real, fake):
        return penalty_every * penalty(D, real, fake)

    callback(run)
    hidden = not progress or "GANBOOK_PLAIN" in os.environ
    for step in (bar := tqdm(range(steps), disable=hidden, unit="step")):
        factor = schedule(step / steps)
        set_rate(run.opt_G, lr_G * factor)
        set_rate(run.opt_D, lr_D * factor)
        for _ in range(d_steps):
            real, z = draw(data), draw(noise)
            due = lazy if penalty is not None and step % penalty_every == 0 else None
            d_loss = d_step(run, loss, real, z, due)
        g_loss = g_step(run, loss, draw(noise), real)
        run.step = step + 1
        stop_unless_finite(run.step, d_loss, g_loss)
        if ema is not None:
            for average, weight in zip(run.ema.parameters(), G.parameters(), strict=True):
                average.lerp_(weight.detach(), 1 - ema)
        run.d_loss.append(d_loss)
        run.g_loss.append(g_loss)
        if not hidden and step % 50 == 0:
            bar.set_postfix(D=f"{d_loss.mean():.3f}", G=f"{g_loss.mean():.3f}", refresh=False)
        callback(run)
    return run


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


def sampler(G: nn.Module, generator, n: int):
    """A function that draws a batch of n from any source, stacked over seeds, in G's dtype."""
    seeds, dtype = getattr(G, "seeds", None), next(G.parameters()).dtype
    if seeds is None:
        return lambda source: source(n, generator).to(dtype)
    if len(generator) != seeds:
        raise ValueError(f"expected a generator for each of {seeds} seeds; got {len(generator)}")
    return lambda source: torch.stack([source(n, g) for g in generator]).to(dtype)


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
