import math

import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbook import data, theory

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")
masses = st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(lambda m: sum(m) > 1e-3)
probabilities = st.lists(st.floats(0, 1), min_size=6, max_size=6)


def normalised(numbers):
    p = torch.tensor(numbers, dtype=torch.float64)
    return p / p.sum()


@given(masses, masses)
def test_jsd_is_symmetric_and_bounded(a, b):
    p, q = normalised(a), normalised(b)
    jsd = theory.jsd(p, q)
    torch.testing.assert_close(jsd, theory.jsd(q, p))
    assert -1e-12 <= jsd <= math.log(2) + 1e-12
    assert theory.jsd(p, p).abs() < 1e-12
    if theory.total_variation(p, q) > 1e-3:
        assert jsd > 0


@given(masses, masses, probabilities)
def test_no_d_beats_the_optimal_one(a, b, d):
    p, q = normalised(a), normalised(b)
    assert (
        theory.value(p, q, torch.tensor(d, dtype=torch.float64)) <= theory.criterion(p, q) + 1e-12
    )


@given(masses, masses)
def test_criterion_is_jsd_shifted(a, b):
    p, q = normalised(a), normalised(b)
    torch.testing.assert_close(theory.criterion(p, q), 2 * theory.jsd(p, q) - math.log(4))


def test_kl_of_gaussians_agrees_with_the_closed_form():
    x = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    p, q = (data.gaussian(m, s).prob(x[:, None]) for m, s in ((0.0, 1.0), (1.0, 1.5)))
    closed = math.log(1.5) + (1 + 1) / (2 * 1.5**2) - 0.5
    assert abs(float(theory.kl(p, q, 0.005)) - closed) < 1e-6


@pytest.mark.parametrize("shift", [1.0, 2.0, 3.0])
def test_total_variation_of_gaussians_agrees_with_the_closed_form(shift):
    x = torch.linspace(-9, 12, 4201, dtype=torch.float64)
    p, q = (data.gaussian(m, 1.0).prob(x[:, None]) for m in (0.0, shift))
    limit = 0.5 + theory.total_variation(p, q, 0.005) / 2
    assert abs(float(limit) - scipy.stats.norm.cdf(shift / 2)) < 1e-6


def test_jsd_agrees_with_quadrature():
    def integrand(t):
        a, b = scipy.stats.norm.pdf(t), scipy.stats.norm.pdf(t, 2)
        return (a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b))) / 2

    exact, _ = scipy.integrate.quad(integrand, -10, 12)
    x = torch.linspace(-10, 12, 4401, dtype=torch.float64)
    p, q = (data.gaussian(m, 1.0).prob(x[:, None]) for m in (0.0, 2.0))
    assert abs(float(theory.jsd(p, q, 0.005)) - exact) < 1e-6


def test_zeros_never_leak_nan():
    p, q = torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0, 0.0])
    assert theory.optimal_discriminator(p, q).tolist() == [1, 1, 0, 0.5]
    assert theory.criterion(p, q) == 0
    assert theory.jsd(p, q) == pytest.approx(math.log(2))
    assert theory.kl(p, q) == math.inf
    assert theory.value(p, q, 1 - theory.optimal_discriminator(p, q)) == -math.inf


def test_criterion_survives_where_d_rounds_to_one():
    x = torch.linspace(10, 70, 2401, dtype=torch.float64)
    p = data.mixture([36.0, 44.0], 1.8).prob(x[:, None])
    q = data.gaussian(36.0, 1.8).prob(x[:, None])
    assert theory.criterion(p, q, 0.025) == pytest.approx(-0.9798, abs=1e-4)


good = torch.ones(3) / 3


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.1, 0.9], "tensor of floats; got list"),
        (torch.tensor([1, 2, 3]), r"floats; got dtype torch\.int64"),
        (torch.tensor([-0.1, 0.6, 0.5]), r"finite and >= 0"),
        (torch.tensor([math.nan, 0.5, 0.5]), "NaN"),
        (torch.ones(2), r"one grid .*got \(2,\), \(3,\)"),
    ],
)
def test_bad_densities_say_what_is_expected(p, message):
    for function in (theory.jsd, theory.kl, theory.total_variation, theory.optimal_discriminator):
        with pytest.raises(ValueError, match=message):
            function(p, good)


def test_probabilities_above_one_are_refused():
    with pytest.raises(ValueError, match=r"probabilities from 0 to 1; got 1\.5"):
        theory.value(good, good, torch.full((3,), 1.5))


@pytest.mark.parametrize(
    ("G", "cdf"),
    [
        (lambda z: 2 * z + 1, lambda x: scipy.stats.norm(1, 2).cdf(x)),
        (lambda z: -z, lambda x: scipy.stats.norm.cdf(x)),
        (lambda z: z**2, lambda x: scipy.stats.chi2(1).cdf(x)),
        (torch.exp, lambda x: scipy.stats.lognorm(1).cdf(x)),
    ],
)
def test_push_forward_agrees_with_closed_forms(G, cdf):
    edges = torch.linspace(-3, 6, 181, dtype=torch.float64)
    masses = theory.push_forward(G, edges)
    assert (masses - torch.tensor(cdf(edges)).diff()).abs().max() < 1e-4


# --- two normal laws ------------------------------------------------------------------------------

PAIRS = [(0, 1, 1, 1), (0, 1, 0, 2), (-0.5, 0.6, 1.2, 1.7), (2, 3, -1, 0.5), (0, 1, 1e-3, 1 + 1e-7)]


def density(mean, std):
    return lambda x: scipy.stats.norm.pdf(x, mean, std)


@pytest.mark.parametrize("pair", PAIRS)
def test_normal_laws_agree_with_quadrature(pair):
    p, q = density(*pair[:2]), density(*pair[2:])
    log_p, log_q = (scipy.stats.norm(*law).logpdf for law in (pair[:2], pair[2:]))
    where = {"points": sorted({-1.0, 0.0, 0.5, 1.0, 2.0}), "limit": 400}
    kl = scipy.integrate.quad(lambda x: p(x) * (log_p(x) - log_q(x)), -30, 30, **where)[0]
    x = torch.linspace(-30, 30, 600_001, dtype=torch.float64)
    distance = theory.total_variation(torch.tensor(p(x)), torch.tensor(q(x)), 1e-4)
    assert abs(float(theory.gaussian_kl(*pair)) - kl) < 1e-9
    assert abs(float(theory.gaussian_total_variation(*pair) - distance)) < 1e-7


def test_normal_laws_broadcast_and_know_equality():
    shift = torch.tensor([0.0, 1.0, -1.0])
    found = theory.gaussian_total_variation(shift, 1.0, 0.0, 1.0)
    torch.testing.assert_close(found[1], found[2])
    assert abs(float(found[1]) - (2 * scipy.stats.norm.cdf(0.5) - 1)) < 1e-14
    assert float(found[0]) == 0 == float(theory.gaussian_total_variation(3, 2, 3, 2))
    assert theory.gaussian_kl(shift, 1.0, 0.0, 1.0).tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize("laws", [(0, 0, 0, 1), (0, 1, 0, -1), (math.nan, 1, 0, 1)])
@pytest.mark.parametrize("function", [theory.gaussian_kl, theory.gaussian_total_variation])
def test_bad_normal_laws_are_refused(function, laws):
    with pytest.raises(ValueError, match=r"expected (finite|positive)"):
        function(*laws)


# --- descent in function space --------------------------------------------------------------------

P = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
LINE = torch.linspace(-6, 6, 200, dtype=torch.float64)


def bell(mean, std):
    return (-0.5 * ((LINE - mean) / std).square()).softmax(0)


def gaps(p, q, steps, **how):
    return theory.descend(p, q, steps, **how)[1] + math.log(4)


@given(masses, masses)
def test_slope_of_c_is_its_derivative(a, b):
    p, q = (0.9 * normalised(m) + 0.1 / 6 for m in (a, b))
    q.requires_grad_()
    (slope,) = torch.autograd.grad(theory.criterion(p, q), q)
    torch.testing.assert_close(theory.criterion_slope(p, q.detach()), slope)


def test_a_mirror_step_of_size_one_is_the_mean():
    q = P.flip(0)
    torch.testing.assert_close(theory.mirror_step(P, q, 1.0), (P + q) / 2)
    ratios = gaps(P, q, 12).diff().abs()
    torch.testing.assert_close(ratios[-1] / ratios[-2], ratios.new_tensor(0.25), rtol=2e-3, atol=0)


@pytest.mark.parametrize(("lr", "steps"), [(0.1, 146), (0.5, 27), (1.0, 11), (1.5, 11), (2.0, 10)])
def test_mirror_descent_arrives(lr, steps):
    gap = gaps(bell(0, 1), bell(2, 0.7), steps, lr=lr)
    assert gap[-1] < 1e-6 <= gap[-2]


@given(masses, masses, st.floats(0.05, 1.0))
def test_mirror_descent_keeps_its_rate(a, b, lr):
    p, q = normalised(a), normalised(b) * 0.99 + 0.01 / 6
    path, value = theory.descend(p, q, 30, lr=lr)
    gap, time = value + math.log(4), torch.arange(1, 31)
    assert bool((gap[1:] <= theory.kl(p, q) / (lr * time) + 1e-12).all())
    assert bool((value.diff() <= 1e-12).all())
    torch.testing.assert_close(path.sum(-1), torch.ones_like(value))


def test_softmax_descent_follows_its_gradient_and_crawls():
    theta = torch.tensor([0.3, -1.0, 0.0, 0.5], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(theory.criterion(P, theta.softmax(0)), theta)
    stepped = theory.softmax_step(P, theta.softmax(0).detach(), 0.7)
    torch.testing.assert_close(stepped, (theta - 0.7 * slope).softmax(0).detach())
    assert 0.1 < gaps(bell(0, 1), bell(2, 0.7), 2000, geometry="softmax")[-1] < 0.6


def test_projected_descent_gets_stuck_far_from_the_data():
    uniform = torch.full((200,), 1 / 200, dtype=torch.float64)
    assert gaps(bell(0, 1), uniform, 2000, geometry="projected", lr=0.1)[-1] > 0.5
    assert gaps(P, P.flip(0), 400, geometry="projected", lr=0.05)[-1] < 1e-9


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_projection_is_the_nearest_point_of_the_simplex(numbers):
    y = torch.tensor(numbers, dtype=torch.float64)
    nearest = theory.project(y)
    assert float(nearest.min()) >= 0
    assert abs(float(nearest.sum()) - 1) < 1e-12
    corners = torch.eye(4, dtype=torch.float64)
    # the way to any point of the simplex leads away from y
    assert bool(((corners - nearest) @ (y - nearest) <= 1e-9).all())


@pytest.mark.parametrize("geometry", list(theory.GEOMETRIES))
def test_descent_survives_zeros(geometry):
    p = torch.tensor([0.5, 0.5, 0.0, 0.0], dtype=torch.float64)
    q = torch.tensor([0.5, 0.0, 0.5, 0.0], dtype=torch.float64)
    path, value = theory.descend(p, q, 200, geometry=geometry, lr=0.5)
    assert bool(path.isfinite().all() and value.isfinite().all())
    revived = bool((path[:, 1] > 0).any())
    assert revived is (geometry == "projected")  # what multiplies cannot leave zero


def test_descent_takes_many_starts_at_once():
    q = torch.stack([P.flip(0), P])
    path, value = theory.descend(P.expand(2, 4), q, 3)
    assert path.shape == (4, 2, 4)
    assert value.shape == (4, 2)
    torch.testing.assert_close(path[:, 0], theory.descend(P, q[0], 3)[0])


@pytest.mark.parametrize(
    ("q", "how", "message"),
    [
        (2 * P, {}, "sum to 1"),
        (P[:3], {}, "same last size"),
        (-P, {}, "finite and >= 0"),
        (P.long(), {}, "floats"),
        (P, {"geometry": "Euclid"}, "mirror.*got 'Euclid'"),
        (P, {"lr": 0.0}, "lr > 0"),
        (P, {"lr": math.nan}, "lr > 0"),
    ],
)
def test_bad_descents_say_what_is_expected(q, how, message):
    with pytest.raises(ValueError, match=message):
        theory.descend(P, q, 1, **how)


def test_the_jsd_of_equal_laws_never_rounds_below_zero():
    laws = torch.rand(1000, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    laws /= laws.sum(-1, keepdim=True)
    assert (theory.jsd(laws, laws) >= 0).all()
