import pytest
import torch

from ganbook import losses
from ganbook.models import MLP, generators

logits = torch.linspace(-5, 5, 21, dtype=torch.float64)
other = logits.flip(0) / 2
D, D_other = logits.sigmoid(), other.sigmoid()
GAMES = [
    *(losses.MINIMAX, losses.NON_SATURATING, losses.WASSERSTEIN, losses.LEAST_SQUARES),
    *(losses.HINGE, losses.RELATIVISTIC, losses.began()),
]


@pytest.mark.parametrize("loss", [losses.MINIMAX, losses.NON_SATURATING])
def test_d_minimises_minus_v(loss):
    torch.testing.assert_close(loss.d(logits, other), -D.log() - (1 - D_other).log())
    assert loss.calibrated


@pytest.mark.parametrize(
    ("loss", "of_d", "of_g"),
    [
        (losses.MINIMAX, -D.log() - (1 - D_other).log(), (1 - D_other).log()),
        (losses.NON_SATURATING, -D.log() - (1 - D_other).log(), -D_other.log()),
        (losses.WASSERSTEIN, other - logits, -other),
        (
            losses.LEAST_SQUARES,
            ((logits - 1) ** 2 + other**2) / 2,
            (other - 1) ** 2 / 2,
        ),
        (losses.HINGE, (1 - logits).clamp(0) + (1 + other).clamp(0), -other),
        (
            losses.RELATIVISTIC,
            -(logits - other).sigmoid().log(),
            -(other - logits).sigmoid().log(),
        ),
    ],
    ids=lambda item: getattr(item, "name", ""),
)
def test_losses_are_those_of_the_papers(loss, of_d, of_g):
    torch.testing.assert_close(loss.d(logits, other), of_d)
    torch.testing.assert_close(loss.g(logits if loss.pairs else None, other), of_g)


@pytest.mark.parametrize("loss", GAMES, ids=lambda loss: loss.name)
def test_high_means_real(loss):
    high, low = torch.tensor(2.0), torch.tensor(-2.0)
    assert loss.d(high, low) < loss.d(low, high)
    assert loss.g(low, high) < loss.g(low, low)


@pytest.mark.parametrize("loss", GAMES, ids=lambda loss: loss.name)
def test_losses_stay_finite_at_extreme_logits(loss):
    far = torch.tensor([-1e4, 1e4])
    assert loss.d(far, far.flip(0)).isfinite().all()
    assert loss.g(far, far.flip(0)).isfinite().all()


@pytest.mark.parametrize("options", [{"gamma": 0.0}, {"gamma": 1.5}, {"rate": 0.0}])
def test_began_refuses_settings_that_make_no_sense(options):
    with pytest.raises(ValueError, match="0 < gamma <= 1 and rate > 0; got"):
        losses.began(**options)


# --- penalties ----------------------------------------------------------------------------------


class Linear(torch.nn.Module):
    """A critic whose slope is known: the norm of `weight`, at every point."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return (x * self.weight).flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("batch", [1, 4, 64])
@pytest.mark.parametrize("shape", [(2,), (5,), (1, 4, 4), (3, 2, 2, 2)])
def test_slope_is_each_points_own_at_every_batch_size_and_rank(batch, shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    square = weight.square().sum()
    critic = Linear(weight)
    torch.testing.assert_close(losses.r1(critic, x, 2.0), square.expand(batch))
    penalty = losses.wgan_gp(critic, x, 10.0)
    torch.testing.assert_close(penalty, (10 * (square.sqrt() - 1) ** 2).expand(batch))
    unit = Linear(weight / square.sqrt())
    assert losses.wgan_gp(unit, x, 10.0).abs().max() < 1e-12


@pytest.mark.parametrize("penalty", [losses.r1, losses.r2, losses.wgan_gp])
def test_penalties_reach_d_and_keep_seeds_apart(penalty):
    stack = MLP((2, 8, 1), seeds=3, activation=torch.tanh, generator=generators(3)).double()
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = penalty(stack, x, 0.5)
    assert together.shape == (3, 5)
    for seed, generator in enumerate(generators(3)):
        alone = MLP((2, 8, 1), activation=torch.tanh, generator=generator).double()
        torch.testing.assert_close(together[seed], penalty(alone, x[seed], 0.5))
    together.sum().backward()
    assert stack.weights[0].grad.abs().sum() > 0


def test_wgan_gp_has_a_finite_gradient_at_slope_zero():
    flat = MLP((2, 1), generator=torch.Generator())
    torch.nn.init.zeros_(flat.weights[0])
    losses.wgan_gp(flat, torch.ones(3, 2), 1.0).sum().backward()
    assert flat.weights[0].grad.isfinite().all()


@pytest.mark.parametrize("penalty", [losses.r1, losses.wgan_gp])
def test_negative_gamma_is_refused(penalty):
    with pytest.raises(ValueError, match="gamma >= 0; got -1"):
        penalty(torch.nn.Identity(), torch.zeros(1, 1), -1)


@pytest.mark.parametrize("seeded", [False, True])
def test_between_spreads_over_the_segments(seeded):
    shape = (2, 4, 3) if seeded else (4, 3)
    points = losses.between(torch.zeros(shape), torch.ones(shape), seeded=seeded)
    places = torch.tensor([0.125, 0.375, 0.625, 0.875])[:, None]
    torch.testing.assert_close(points, places.expand(shape))
    with pytest.raises(ValueError, match="equal shapes"):
        losses.between(torch.zeros(2, 1), torch.zeros(3, 1))
