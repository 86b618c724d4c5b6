"""The steps of `train.fit` as pure functions: state in, new state out, ready to be traced.

A net's parameters travel as one vector, in the order of `net.parameters()`; so do Adam's two
moments. A step of D and a step of G stand apart, so that k steps of D cost what they should.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

from ganbook.losses import Loss

Penalty = Callable[[Callable, Tensor, Tensor], Tensor]


def flatten(net: nn.Module) -> Tensor:
    """All parameters of a net as one vector, shape (P,), detached."""
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def apply(net: nn.Module, vector: Tensor) -> Callable[[Tensor], Tensor]:
    """The net as a function of its input, with the parameters that stand in `vector`.

    Args:
        net: gives the architecture; its own parameters are not used.
        vector: parameters, shape (P,), as `flatten` lays them out.

    Raises:
        ValueError: if the vector is too long or too short, or the net has a seed axis.
    """
    shapes = {name: p.shape for name, p in net.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]
    if vector.shape != (sum(sizes),):
        raise ValueError(f"expected {sum(sizes)} parameters; got shape {tuple(vector.shape)}")
    if getattr(net, "seeds", None) is not None:
        raise ValueError(f"expected a net without a seed axis; got seeds={net.seeds}")
    pieces = zip(shapes.items(), vector.split(sizes), strict=True)
    parameters = {name: piece.view(shape) for (name, shape), piece in pieces}
    return lambda x: functional_call(net, parameters, (x,))


def adam(vector, mean, square, gradient, step, lr, betas=(0.0, 0.99), eps=1e-8):
    """One step of Adam, as `torch.optim.Adam` takes it: Algorithm 1, [Kingma2015]_.

    Args:
        vector, mean, square, gradient: parameters, Adam's two moments, gradient; shape (P,).
        step: number of this step, counted from 1, shape ().
        lr: learning rate, shape ().
        betas, eps: Adam's.

    Returns:
        the new (vector, mean, square).
    """
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient.square()
    scale = (square / (1 - betas[1] ** step)).sqrt() + eps
    return vector - lr / (1 - betas[0] ** step) * mean / scale, mean, square


def d_step(
    G: nn.Module, D: nn.Module, loss: Loss, penalty: Penalty | None = None, betas=(0.0, 0.99)
) -> Callable:
    """A step of D as a pure function; the same numbers as `train.d_step` with Adam.

    Args:
        G, D: give the architectures.
        loss: the game.
        penalty: maps (D, real, fake) to one number for each point, or None.
        betas: Adam's.

    Returns:
        a function (D, D_mean, D_square, G, real, z, step, lr, gamma) -> (D, D_mean, D_square,
        loss): vectors of parameters and moments, batches, and numbers of shape (); gamma is the
        factor on the penalty, and `loss` is D's loss before the step, without the penalty.

    Raises:
        ValueError: for BEGAN, whose k_t is state of its own.
    """
    if loss.balance is not None:
        raise ValueError(f"expected a game without the state k_t; got {loss.name}")

    def step(vector, mean, square, G_vector, real, z, count, lr, gamma):
        fake = apply(G, G_vector)(z).detach()

        def total(candidate):
            judge = apply(D, candidate)
            value = loss.d(judge(real), judge(fake)).mean()
            extra = 0.0 if penalty is None else gamma * penalty(judge, real, fake).mean()
            return value + extra, value

        gradient, (_, value) = grad_and_value(total, has_aux=True)(vector)
        return *adam(vector, mean, square, gradient, count, lr, betas), value

    return step


def g_step(G: nn.Module, D: nn.Module, loss: Loss, betas=(0.0, 0.99)) -> Callable:
    """A step of G as a pure function; the same numbers as `train.g_step` with Adam.

    Args:
        G, D: give the architectures.
        loss: the game.
        betas: Adam's.

    Returns:
        a function (G, G_mean, G_square, D, real, z, step, lr) -> (G, G_mean, G_square, loss);
        `real` is used only if the loss compares pairs.
    """

    def step(vector, mean, square, D_vector, real, z, count, lr):
        judge = apply(D, D_vector)
        real_logits = judge(real) if loss.pairs else None

        def value(candidate):
            return loss.g(real_logits, judge(apply(G, candidate)(z))).mean()

        gradient, loss_value = grad_and_value(value)(vector)
        return *adam(vector, mean, square, gradient, count, lr, betas), loss_value

    return step
