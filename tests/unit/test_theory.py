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
