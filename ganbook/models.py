"""Networks. An `MLP` may carry a leading *seed axis*: S independent nets that train as one module.

Ten seeds show what one cannot. On the seed axis one batched product replaces ten small ones, and
`.backward()` and Adam stay ordinary. Images travel as rows of pixels, shape (B, side²), through all
models alike.
"""

import copy
import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def count(net: nn.Module) -> str:
    """Widths, seeds and the number of parameters, for `print`."""
    parameters = sum(p.numel() for p in net.parameters())
    seeds = "" if getattr(net, "seeds", None) is None else f"seeds={net.seeds}, "
    return f"sizes={net.sizes}, {seeds}parameters={parameters:,}"


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
        h, last = x, len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = affine(h, weight, bias)
            if layer < last:
                h = self.activation(h)
        h = x + h if self.skip else h
        return h if self.output is None else self.output(h)

    extra_repr = count


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One layer, (S, B, n_in) x (S, n_in, n_out) -> (S, B, n_out); the seed axis may be missing."""
    if weight.dim() == 2:
        return torch.addmm(bias, x, weight)
    if weight.shape[-1] == 1:  # batched products are slow for a single column, D's last layer
        return (x * weight.mT).sum(-1, keepdim=True) + bias
    return torch.baddbmm(bias, x, weight)


def uniform(shape, n_in: int, sources, seeds: int | None) -> nn.Parameter:
    """A parameter drawn uniformly from ±1/√n_in, shape `shape` or (S, *shape)."""
    bound = n_in**-0.5
    draws = [(2 * torch.rand(shape, generator=g) - 1) * bound for g in sources]
    return nn.Parameter(draws[0] if seeds is None else torch.stack(draws))


def generators(seeds: int, first: int = 0) -> list[torch.Generator]:
    """One `torch.Generator` for each of `seeds` runs, seeded first, first + 1, …"""
    return [torch.Generator().manual_seed(first + s) for s in range(seeds)]


# --- convolutions: the DCGAN pair -----------------------------------------------------------------


class DCGenerator(nn.Module):
    """Noise to square grey images by transposed convolutions, after [Radford2016]_.

    Two linear layers, then two doublings of the side. GroupNorm instead of the paper's BatchNorm:
    statistics over a batch would make one sample depend on its neighbours.

    Args:
        noise: width of z.
        side: side of the image, a multiple of 4.
        channels: channels of the smallest feature map, a multiple of 8.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        *,
        noise: int = 64,
        side: int = 28,
        channels: int = 32,
        generator: torch.Generator,
    ):
        super().__init__()
        check_image(side, channels)
        self.sizes = (noise, side**2)
        small, half = side // 4, channels // 2
        self.stem = nn.Sequential(
            nn.Linear(noise, 256),
            nn.ReLU(),
            nn.Linear(256, channels * small**2),
            nn.Unflatten(1, (channels, small, small)),
        )
        self.body = nn.Sequential(
            *(nn.GroupNorm(4, channels), nn.ReLU()),
            nn.ConvTranspose2d(channels, half, 4, stride=2, padding=1),  # side/4 -> side/2
            *(nn.GroupNorm(4, half), nn.ReLU()),
            nn.ConvTranspose2d(half, 1, 4, stride=2, padding=1),  # side/2 -> side
            *(nn.Tanh(), nn.Flatten()),
        )
        start(self, generator)

    def forward(self, z: Tensor) -> Tensor:
        """Images from -1 to 1: (B, noise) -> (B, side²)."""
        return self.body(self.stem(z))

    extra_repr = count


class DCDiscriminator(nn.Module):
    """Square grey images to logits by strided convolutions, after [Radford2016]_.

    Args:
        side: side of the image, a multiple of 4.
        channels: channels of the first feature map, a multiple of 8.
        generator: source of the initial weights.
    """

    def __init__(self, *, side: int = 28, channels: int = 32, generator: torch.Generator):
        super().__init__()
        check_image(side, channels)
        self.sizes = (side**2, 1)
        wide, small = 2 * channels, side // 4
        self.body = nn.Sequential(
            nn.Unflatten(1, (1, side, side)),
            *(nn.Conv2d(1, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # -> side/2
            *(nn.Conv2d(channels, wide, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # -> side/4
            *(nn.Flatten(), nn.Linear(wide * small**2, 1)),
        )
        start(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Logits: (B, side²) -> (B, 1)."""
        return self.body(x)

    extra_repr = count


def check_image(side: int, channels: int) -> None:
    """Raise ValueError unless two halvings and four groups come out whole."""
    if side < 4 or side % 4 or channels < 8 or channels % 8:
        raise ValueError(
            "expected side a multiple of 4 and channels a multiple of 8; "
            f"got side={side}, channels={channels}"
        )


def start(net: nn.Module, generator: torch.Generator) -> None:
    """Draw weights uniformly with variance 2 / n_in, biases 0: Eq. (10), [He2015]_.

    With ±1/√n_in, as in `MLP`, a signal shrinks from layer to layer until D sees no image and G
    makes but one.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            # n_in: the inputs that meet in one output
            n_in = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                # it stores the inputs first, and stride s leaves one in s² of the kernel's cells
                n_in = layer.weight[:, 0].numel() / (layer.stride[0] * layer.stride[1])
            bound = (6 / n_in) ** 0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)


# --- BEGAN ----------------------------------------------------------------------------------------


class AutoEncoder(nn.Module):
    """BEGAN's discriminator: its logit is minus the error L(x) of an auto-encoder.

    L(x) = |x - decode(encode(x))|, the mean over the coordinates: Eq. (1), [Berthelot2017]_ with
    η = 1. The generator is an MLP of the same shape as the decoder; `as_generator` makes it.

    Args:
        sizes: widths of the encoder, from the image to the code; the decoder mirrors them.
        seeds: None for one net; S for a stack of S.
        generator: source of the initial weights, as in `MLP`.
    """

    def __init__(self, sizes: Sequence[int] = (784, 400, 400, 32), *, seeds=None, generator):
        super().__init__()
        elu = nn.functional.elu
        self.sizes, self.seeds = (sizes[0], 1), seeds
        self.encoder = MLP(sizes, seeds=seeds, activation=elu, generator=generator)
        self.decoder = MLP(sizes[::-1], seeds=seeds, activation=elu, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Minus the error at each point: (..., B, n) -> (..., B, 1)."""
        return -(x - self.decoder(self.encoder(x))).abs().mean(-1, keepdim=True)

    def as_generator(self) -> MLP:
        """A generator that starts as a copy of the decoder: Section 3.5, [Berthelot2017]_."""
        return copy.deepcopy(self.decoder)
