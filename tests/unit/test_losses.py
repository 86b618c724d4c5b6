import pytest
import torch

from ganbook.losses import MINIMAX, NON_SATURATING, r1
from ganbook.models import MLP, generators

logits = torch.linspace(-5, 5, 21, dtype=torch.float64)
other = logits.flip(0) / 2
D, D_other = logits.sigmoid(), other.sigmoid()


@pytest.mark.parametrize("loss", [MINIMAX, NON_SATURATING])
def test_d_minimises_minus_v(loss):
    torch.testing.assert_close(loss.d(logits, other), -D.log() - (1 - D_other).log())


def test_g_losses_are_those_of_the_paper():
    torch.testing.assert_close(MINIMAX.g(None, other), (1 - D_other).log())
    torch.testing.assert_close(NON_SATURATING.g(None, other), -D_other.log())


def test_losses_stay_finite_at_extreme_logits():
    far = torch.tensor([-1e4, 1e4])
    for loss in (MINIMAX, NON_SATURATING):
        assert loss.d(far, far).isfinite().all()
        assert loss.g(None, far).isfinite().all()


def test_r1_of_a_linear_critic_is_known():
    class Linear(torch.nn.Module):
        def forward(self, x):
            return (x * torch.tensor([3.0, 4.0])).sum(-1, keepdim=True)

    for batch in (1, 4, 64):
        penalty = r1(Linear(), torch.randn(batch, 2), gamma=2.0)
        torch.testing.assert_close(penalty, torch.full((batch,), 25.0))


def test_r1_has_a_gradient_for_d_and_keeps_seeds_apart():
    stack = MLP((2, 8, 1), seeds=3, activation=torch.tanh, generator=generators(3))
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0))
    together = r1(stack, x, 0.5)
    assert together.shape == (3, 5)
    for seed, generator in enumerate(generators(3)):
        alone = MLP((2, 8, 1), activation=torch.tanh, generator=generator)
        torch.testing.assert_close(together[seed], r1(alone, x[seed], 0.5))
    together.sum().backward()
    assert stack.weights[0].grad.abs().sum() > 0


def test_negative_gamma_is_refused():
    with pytest.raises(ValueError, match="gamma >= 0; got -1"):
        r1(torch.nn.Identity(), torch.zeros(1, 1), -1)
