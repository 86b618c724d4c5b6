import math

import pytest
import torch
from torch.nn.functional import softplus

from ganbook import losses
from ganbook.theory import DiracGAN, dirac_eigenvalues, jacobian

START = torch.tensor([1.0, -1.0], dtype=torch.float64)
REST = torch.zeros(2, dtype=torch.float64)
GAMES = {
    "minimax": (losses.MINIMAX, 0.5, -0.5, 0.5),  # slopes of d and g, curvature of d, at logits 0
    "non-saturating": (losses.NON_SATURATING, 0.5, -0.5, 0.5),
    "Wasserstein": (losses.WASSERSTEIN, 1.0, -1.0, 0.0),
    "least squares": (losses.LEAST_SQUARES, 0.0, -1.0, 2.0),
    "hinge": (losses.HINGE, 1.0, -1.0, 0.0),
    "relativistic": (losses.RELATIVISTIC, 0.5, -0.5, 0.5),
}
each_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)

# Distance from rest after 500 steps of 0.2: both at once, in turn, in turn with five D steps. The
# first seven rows are the published ones; noise is by quadrature, where they sampled. Its last
# entry, 6e-28 in exact arithmetic, is rounding alone in float64.
TABLE = {
    "GAN": (DiracGAN(losses.MINIMAX), "3.10", "1.42", "1.85"),
    "NSGAN": (DiracGAN(losses.NON_SATURATING), "0.640", "0.284", "0.139"),
    "clip": (DiracGAN(losses.WASSERSTEIN, clip=1.0), "1.00", "1.02", "0.917"),
    "WGAN-GP": (DiracGAN(losses.WASSERSTEIN, gamma=0.7, target=1.0), "1.80", "1.22", "0.716"),
    "GP .3": (DiracGAN(losses.MINIMAX, gamma=0.3), "2.6e-06", "2.3e-07", "9e-34"),
    "GP 1": (DiracGAN(losses.MINIMAX, gamma=1.0), "9.5e-22", "7.5e-17", "5e-12"),
    "NSGAN + GP .3": (DiracGAN(losses.NON_SATURATING, gamma=0.3), "2.2e-06", "1.5e-07", "4e-34"),
    "noise": (DiracGAN(losses.MINIMAX, noise=0.7), "5.7e-05", "4.0e-06", None),
}


def distance(game, steps, d_steps=None, lr=0.2):
    return float(game.run(START, steps, lr, d_steps)[-1].norm())


@pytest.mark.slow
@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_the_published_table(row):
    game, *printed = row
    for d_steps, expected in zip((None, 1, 5), printed, strict=True):
        found = distance(game, 500, d_steps)
        if expected is None:
            assert found < 1e-16
            continue
        mantissa = expected.split("e")[0].lstrip("0.").replace(".", "")
        form = f".{len(mantissa) - 1}e"
        assert format(found, form) == format(float(expected), form), (expected, found)


@each_game
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_eigenvalues_by_autograd_and_by_hand(game, gamma, noise):
    loss, d_slope, g_slope, curvature = game
    if loss is losses.HINGE and noise:
        curvature = 0.0  # two straight pieces, both far from where D is 0
    dirac = DiracGAN(loss, gamma=gamma, noise=noise)
    matrix = jacobian(dirac.field, REST)
    damping = gamma + noise**2 * curvature
    by_hand = torch.tensor([[0, -g_slope], [-d_slope, -damping]], dtype=torch.float64)
    torch.testing.assert_close(matrix, by_hand, atol=1e-12, rtol=1e-12)
    found = torch.linalg.eigvals(matrix)
    expected = dirac_eigenvalues(d_slope, g_slope, damping)
    # a double root is found to the root of the rounding error only
    for value in expected:
        assert float((found - value).abs().min()) < 1e-7


@each_game
@pytest.mark.parametrize("gamma", [0.0, 0.3])
@pytest.mark.parametrize("lr", [0.1, 0.5])
def test_updates_by_autograd_and_by_hand(game, gamma, lr):
    loss, d_slope, g_slope, _ = game
    dirac = DiracGAN(loss, gamma=gamma)
    one = torch.eye(2, dtype=torch.float64)
    g_moves = one - lr * torch.tensor([[0, g_slope], [0, 0]], dtype=torch.float64)
    d_moves = one - lr * torch.tensor([[0, 0], [d_slope, gamma]], dtype=torch.float64)
    expected = {None: g_moves + d_moves - one, 1: d_moves @ g_moves}
    expected[3] = d_moves @ d_moves @ expected[1]
    for d_steps, matrix in expected.items():
        found = jacobian(lambda state, k=d_steps: dirac.step(state, lr, k), REST)
        torch.testing.assert_close(found, matrix, atol=1e-12, rtol=1e-12)


@each_game
def test_the_field_is_minus_the_gradient_of_the_losses(game):
    loss, *_ = game
    theta, psi, h = 0.7, -0.4, 1e-6
    dirac = DiracGAN(loss, gamma=0.3, target=1.0)

    def fake(g_or_d, theta, psi):
        zero, logit = (
            torch.zeros((), dtype=torch.float64),
            torch.tensor(psi * theta, dtype=torch.float64),
        )
        game_loss = float(getattr(loss, g_or_d)(zero, logit))
        return game_loss + (0.15 * (abs(psi) - 1) ** 2 if g_or_d == "d" else 0)

    by_difference = torch.tensor(
        [
            -(fake("g", theta + h, psi) - fake("g", theta - h, psi)) / (2 * h),
            -(fake("d", theta, psi + h) - fake("d", theta, psi - h)) / (2 * h),
        ],
        dtype=torch.float64,
    )
    state = torch.tensor([theta, psi], dtype=torch.float64)
    torch.testing.assert_close(dirac.field(state), by_difference, atol=1e-8, rtol=0)


def test_noise_is_integrated():
    theta, psi, std = (torch.tensor(x, dtype=torch.float64) for x in (0.8, -1.3, 0.7))
    generator = torch.Generator().manual_seed(0)
    x, y = (std * torch.randn(400_000, generator=generator).double() for _ in range(2))
    for loss in (losses.MINIMAX, losses.RELATIVISTIC):
        sampled = loss.d(psi * x, psi * (theta + y))
        found = DiracGAN(loss, noise=0.7).losses(theta, psi)[1]
        assert abs(float(found - sampled.mean())) < 4 * float(sampled.std()) / 400_000**0.5
    # the mean of softplus under a normal law, by a fine grid
    z = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    weight = (-z.square() / 2).softmax(0)
    exact = (weight * softplus(psi * (theta + std * z))).sum()
    torch.testing.assert_close(-DiracGAN(losses.MINIMAX, noise=0.7).losses(theta, psi)[0], exact)


@pytest.mark.parametrize("lr", [0.2, 0.1])
def test_non_saturating_settles_on_its_circle(lr):
    path = DiracGAN(losses.NON_SATURATING).run(START, 4000, lr)
    radius = path[-500:].norm(dim=-1).square().mean().sqrt()
    assert abs(float(radius) - math.sqrt(2 * lr)) < 0.03 * lr


def test_a_flow_keeps_its_circle_and_every_step_leaves_it():
    state = torch.tensor([0.6, 0.8], dtype=torch.float64)
    game = DiracGAN(losses.MINIMAX)
    assert abs(float(game.field(state) @ state)) < 1e-15
    assert bool((game.run(state, 300, 0.1).norm(dim=-1).diff() > 0).all())


def test_many_states_move_as_if_alone():
    states = torch.stack([START, START.flip(0), 2 * START])
    game = DiracGAN(losses.RELATIVISTIC, gamma=0.2, noise=0.1)
    together = game.run(states, 5, 0.3, 2)
    assert together.shape == (6, 3, 2)
    for index, state in enumerate(states):
        torch.testing.assert_close(together[:, index], game.run(state, 5, 0.3, 2))


def test_bad_settings_say_what_is_expected():
    game = DiracGAN(losses.MINIMAX)
    with pytest.raises(ValueError, match="BEGAN needs an auto-encoder"):
        DiracGAN(losses.began())
    with pytest.raises(ValueError, match=r"clip > 0; got -1, 0.0, 0.0, inf"):
        DiracGAN(losses.MINIMAX, gamma=-1)
    for lr, d_steps in ((0.0, None), (math.nan, 1), (0.1, 0)):
        with pytest.raises(ValueError, match="expected lr > 0 and d_steps"):
            game.step(START, lr, d_steps)
    for state in (torch.zeros(3), torch.zeros(2, dtype=torch.long), [0.0, 1.0]):
        with pytest.raises(ValueError, match="expected a state of floats"):
            game.field(state)
