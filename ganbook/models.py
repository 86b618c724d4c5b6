"""Networks. An `MLP` may carry a leading *seed axis*: S independent nets that train as one module.

Ten seeds show what one cannot. On the seed axis ten small nets cost about as much as three or four,
because one batched product replaces ten small ones; `.backward()` and Adam stay ordinary.
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """A multilayer perceptron, or S independent ones with a leading seed axis.

    Weights and biases start uniform on ±1/√n_in, as in `torch.nn.Linear`.

    Args:
        sizes: layer widths, input first, output last, e.g. ``(1, 32, 32, 1)``.
        seeds: None for one net; S for a stack of S.
        activation: element-wise function between layers (not after the last one).
        output: element-wise function after the last layer, or None.
        skip: if true the net computes x + MLP(x), which needs equal input and output widths.
        generator: source of the initial weights: one `torch.Generator`, or one for each seed, so
            that net s of a stack starts exactly as a single net made from generator s.

    Raises:
        ValueError: for widths, a number of seeds or a number of generators that make no sense.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        seeds: int | None = None,
        activation: Callable[[Tensor], Tensor] = torch.relu,
        output: Callable[[Tensor], Tensor] | None = None,
        skip: bool = False,
        generator: torch.Generator | Sequence[torch.Generator],
    ):
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"expected two or more positive widths; got sizes={tuple(sizes)}")
        if seeds is not None and seeds < 1:
            raise ValueError(f"expected seeds=None or seeds >= 1; got {seeds}")
        if skip and sizes[0] != sizes[-1]:
            raise ValueError(f"skip needs equal ends; got sizes={tuple(sizes)}")
        self.sizes, self.seeds = tuple(sizes), seeds
        self.activation, self.output, self.skip = activation, output, skip
        sources = [generator] if seeds is None else list(generator)
        if len(sources) != (seeds or 1):
            raise ValueError(f"expected a generator for each of {seeds} seeds; got {len(sources)}")
        weights, biases = [], []
        for n_in, n_out in itertools.pairwise(sizes):
            weights.append(uniform((n_in, n_out), n_in, sources, seeds))
            biases.append(uniform((1, n_out), n_in, sources, seeds))
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the net.

        Args:
            x: shape (B, n_in); with a seed axis (S, B, n_in), or (B, n_in) to show every net the
                same points.

        Returns:
            shape (B, n_out), or (S, B, n_out).

        Raises:
            ValueError: if the shape of x does not fit.
        """
        lead = () if self.seeds is None else (self.seeds,)
        if x.shape[-1] != self.sizes[0] or x.dim() not in (2, 2 + len(lead)):
            expected = (*lead, "B", self.sizes[0])
            raise ValueError(f"expected input of shape {expected}; got {tuple(x.shape)}")
        if lead and x.dim() == 3 and x.shape[0] != self.seeds:
            raise ValueError(f"expected {self.seeds} seeds; got input of shape {tuple(x.shape)}")
        x = x.expand(*lead, *x.shape[-2:])
        multiply = torch.baddbmm if lead else torch.addmm
        h, last = x, len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = multiply(bias, h, weight)  # (S, B, n_in) x (S, n_in, n_out) -> (S, B, n_out)
            if layer < last:
                h = self.activation(h)
        h = x + h if self.skip else h
        return h if self.output is None else self.output(h)

    def extra_repr(self) -> str:
        """Widths, seeds and the number of parameters, for `print`."""
        parameters = sum(p.numel() for p in self.parameters())
        return f"sizes={self.sizes}, seeds={self.seeds}, parameters={parameters:,}"


def uniform(shape, n_in: int, sources, seeds: int | None) -> nn.Parameter:
    """A parameter drawn uniformly from ±1/√n_in, shape `shape` or (S, *shape)."""
    bound = n_in**-0.5
    draws = [(2 * torch.rand(shape, generator=g) - 1) * bound for g in sources]
    return nn.Parameter(draws[0] if seeds is None else torch.stack(draws))


def generators(seeds: int, first: int = 0) -> list[torch.Generator]:
    """One `torch.Generator` for each of `seeds` runs, seeded first, first + 1, …"""
    return [torch.Generator().manual_seed(first + s) for s in range(seeds)]
