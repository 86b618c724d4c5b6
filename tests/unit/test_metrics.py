import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import sklearn.metrics.pairwise
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KernelDensity, NearestNeighbors

from ganbook import data, metrics

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")
seeds = st.integers(0, 10**6)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, **options):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64, **options)


def shuffled(x, seed):
    return x[torch.randperm(len(x), generator=seeded(seed))]


def turned(*sets, seed=0):
    """The sets under one rotation and one shift, which no distance can tell."""
    d = sets[0].shape[-1]
    rotation, shift = torch.linalg.qr(normal(d, d, seed=seed)).Q, normal(d, seed=seed + 1)
    return [x @ rotation + shift for x in sets]


def close(a, b, **options):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), **options)


def as_tuple(coverage):
    return (coverage.modes, coverage.high_quality, coverage.reverse_kl, coverage.spread)


# --- modes --------------------------------------------------------------------------------------

UNEVEN = data.mixture([[0.0, 0.0], [4.0, 0.0], [0.0, 9.0]], [0.3, 1.0, 2.0], [0.5, 0.3, 0.2])


def coverage_by_hand(x, target):
    """The definitions, one sample and one mode at a time."""
    counts, found, squares = [0] * len(target.means), set(), []
    for point in x.tolist():
        apart = [
            math.dist(point, mean) / std
            for mean, std in zip(target.means.tolist(), target.stds.tolist(), strict=True)
        ]
        mode = apart.index(min(apart))
        counts[mode] += 1
        if apart[mode] <= 3:
            found.add(mode)
            squares.append(apart[mode] ** 2 / len(point))
    kl = scipy.stats.entropy(counts, target.weights.tolist())
    spread = math.sqrt(sum(squares) / len(squares)) if squares else math.nan
    return len(found), len(squares) / len(x), float(kl), spread


@given(seeds, st.integers(1, 30), st.floats(0.1, 10))
def test_mode_coverage_agrees_with_the_definitions(seed, n, scale):
    x = normal(n, 2, seed=seed) * scale
    modes, high_quality, kl, spread = coverage_by_hand(x, UNEVEN)
    got = metrics.mode_coverage(x, UNEVEN)
    assert got.modes == modes
    assert float(got.high_quality) == pytest.approx(high_quality)
    assert float(got.reverse_kl) == pytest.approx(kl, abs=1e-12)
    assert float(got.spread) == pytest.approx(spread, nan_ok=True)


@pytest.mark.parametrize("target", [data.ring(), data.grid()], ids=["ring", "grid"])
def test_a_perfect_sampler_in_the_plane(target):
    n = 200_000
    got = metrics.mode_coverage(target.sample(n, seeded(0)), target)
    ceiling = 1 - math.exp(-4.5)
    assert round(ceiling, 4) == 0.9889
    spread = math.sqrt(1 - 4.5 * math.exp(-4.5) / ceiling)
    assert round(spread, 3) == 0.974
    assert got.modes == len(target.means)
    assert abs(float(got.high_quality) - ceiling) < 4 * math.sqrt(ceiling * (1 - ceiling) / n)
    assert abs(float(got.spread) - spread) < 4 * 0.5 / math.sqrt(n)
    # twice n times it is chi-squared, with a mean of K - 1
    assert 0 < float(got.reverse_kl) < 2 * (len(target.means) - 1) / (2 * n)


@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_a_perfect_sampler_in_other_dimensions(d):
    target = data.mixture(torch.zeros(1, d), 0.5)
    got = metrics.mode_coverage(target.sample(200_000, seeded(d)), target)
    inside = scipy.stats.chi2.cdf(9, d)
    spread = math.sqrt(scipy.stats.chi2.cdf(9, d + 2) / inside)
    assert abs(float(got.high_quality) - inside) < 0.005
    assert abs(float(got.spread) - spread) < 0.003


def test_collapse_is_seen():
    target = data.ring()
    got = metrics.mode_coverage(target.means[:1] + 0.005 * normal(500, 2), target)
    assert got.modes == 1
    assert got.high_quality == 1
    assert float(got.reverse_kl) == pytest.approx(math.log(8))
    assert float(got.spread) == pytest.approx(0.5, abs=0.03)


def test_samples_far_away_have_no_spread_and_no_mode():
    got = metrics.mode_coverage(100 + normal(9, 2), data.ring())
    assert (int(got.modes), float(got.high_quality)) == (0, 0)
    assert got.spread.isnan()
    assert got.reverse_kl.isfinite()


def test_samples_on_a_mode_without_weight_are_infinitely_wrong():
    target = data.mixture([[0.0], [9.0]], 1.0, [1.0, 0.0])
    assert metrics.mode_coverage(torch.zeros(3, 1), target).reverse_kl == 0
    assert metrics.mode_coverage(torch.full((3, 1), 9.0), target).reverse_kl == math.inf


@given(seeds)
def test_mode_coverage_is_bounded_and_blind_to_order(seed):
    x = UNEVEN.sample(40, seeded(seed)) + normal(40, 2, seed=seed)
    got = metrics.mode_coverage(x, UNEVEN)
    assert 0 <= got.modes <= 3
    assert 0 <= got.high_quality <= 1
    assert -1e-12 <= got.reverse_kl <= -math.log(0.2) + 1e-12
    assert 0 <= got.spread <= 3 / math.sqrt(2)
    close(as_tuple(metrics.mode_coverage(shuffled(x, seed), UNEVEN)), as_tuple(got))


# --- features -----------------------------------------------------------------------------------


def frechet_by_sqrtm(real, fake):
    a, b = (np.atleast_2d(np.cov(x.numpy().T)) for x in (real, fake))
    apart = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    return float(apart) + float(np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real))


@given(seeds, st.integers(1, 6))
def test_frechet_distance_agrees_with_scipys_sqrtm(seed, d):
    real, fake = normal(30, d, seed=seed), normal(20, d, seed=seed + 1) @ normal(d, d, seed=seed)
    got = metrics.frechet_distance(real, fake)
    assert float(got) == pytest.approx(frechet_by_sqrtm(real, fake), rel=1e-6)


def with_moments(mean, stds, n=50):
    """Points whose sample mean and covariance are exactly these."""
    x = normal(n, len(stds))
    x = x - x.mean(0)
    factor = torch.linalg.cholesky(x.T @ x / (n - 1))
    white = torch.linalg.solve_triangular(factor, x.T, upper=False).T
    return torch.tensor(mean) + white * torch.tensor(stds)


def test_frechet_distance_has_its_closed_form():
    real, fake = with_moments([0.0, 0.0], [1.0, 2.0]), with_moments([3.0, -1.0], [1.5, 0.5])
    expected = 3**2 + 1**2 + 0.5**2 + 1.5**2
    assert float(metrics.frechet_distance(real, fake)) == pytest.approx(expected)


@given(seeds)
def test_frechet_distance_of_one_set_is_zero_and_never_less(seed):
    x = normal(10, 3, seed=seed)
    assert 0 <= float(metrics.frechet_distance(x, shuffled(x, seed))) < 1e-12


@pytest.mark.parametrize("n", [3, 8, 100])
def test_frechet_distance_bears_fewer_points_than_dimensions(n):
    x = normal(n, 20)
    assert float(metrics.frechet_distance(x, shuffled(x, 0))) < 1e-9
    shifted = metrics.frechet_distance(x, x + 2)
    assert float(shifted) == pytest.approx(20 * 2**2)
    # a set of one repeated point has no covariance: what is left is the other's trace
    flat = x.mean(0).expand(n, -1)
    assert float(metrics.frechet_distance(x, flat)) == pytest.approx(float(x.var(0).sum()))


def neighbours_by_hand(real, fake, k):
    """Precision, recall, density and coverage by scikit-learn's neighbours and loops."""
    reach = {}
    for name, x in (("real", real), ("fake", fake)):
        reach[name] = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, -1]
    inside = np.array([[math.dist(a, b) for b in fake.tolist()] for a in real.tolist()])
    in_real, in_fake = inside <= reach["real"][:, None], inside <= reach["fake"][None]
    return (
        sum(any(column) for column in in_real.T) / len(fake),
        sum(any(row) for row in in_fake) / len(real),
        sum(map(sum, in_real.tolist())) / (k * len(fake)),
        sum(any(row) for row in in_real) / len(real),
    )


def four(real, fake, k):
    return (*metrics.precision_recall(real, fake, k), *metrics.density_coverage(real, fake, k))


@given(seeds, st.integers(5, 25), st.integers(5, 25), st.integers(1, 3), st.integers(1, 4))
def test_neighbours_agree_with_scikit_learn(seed, n, m, d, k):
    real, fake = normal(n, d, seed=seed), 0.5 + 0.8 * normal(m, d, seed=seed + 1)
    got, expected = four(real, fake, k), neighbours_by_hand(real, fake, k)
    assert [float(number) for number in got] == pytest.approx(expected)


@given(seeds)
def test_neighbours_are_bounded_and_see_distances_only(seed):
    real, fake = normal(12, 3, seed=seed), 0.3 + normal(9, 3, seed=seed + 1)
    got = four(real, fake, 3)
    assert all(0 <= number <= 1 for number in (got[0], got[1], got[3]))
    assert 0 <= got[2] <= 12 / 3
    close(four(shuffled(real, seed), shuffled(fake, seed), 3), got)
    close(four(*turned(real, fake, seed=seed), 3), got)
    close(four(fake, real, 3)[:2], got[1::-1])  # precision and recall change places
    square = metrics.frechet_distance(real, fake)
    close(metrics.frechet_distance(*turned(real, fake, seed=seed)), square)
    close(metrics.frechet_distance(fake, real), square)
    close(metrics.frechet_distance(shuffled(real, seed), fake), square)


def test_a_set_against_itself_and_against_one_far_away():
    x = 1000 + normal(40, 5)
    # each ball holds its k neighbours and its centre: ties are exact, far from the origin too
    close(four(x, shuffled(x, 0), 4), (1.0, 1.0, 5 / 4, 1.0), check_dtype=False)
    close(four(x, x + 100, 4), (0.0, 0.0, 0.0, 0.0), check_dtype=False)


def test_a_missing_mode_costs_recall_and_coverage_but_not_precision():
    real = torch.cat([normal(100, 2), normal(100, 2, seed=1) + 50])
    precision, recall, _, coverage = four(real, normal(200, 2, seed=2), 5)
    assert precision > 0.9
    assert recall < 0.51
    assert coverage < 0.51


@pytest.mark.parametrize(("n", "m", "k", "d"), [(20, 30, 3, 2), (40, 40, 5, 7)])
def test_fakes_of_the_datas_law_have_the_density_and_coverage_of_the_docstring(n, m, k, d):
    trials = 2000
    real, fake = normal(trials, n, d), normal(trials, m, d, seed=1)
    density, coverage = metrics.density_coverage(real, fake, k)
    expected = 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    for found, mean in ((density, 1.0), (coverage, expected)):
        assert abs(float(found.mean()) - mean) < 4 * float(found.std()) / math.sqrt(trials)


@given(st.lists(st.integers(0, 4), min_size=1), st.lists(st.integers(0, 4), min_size=1))
def test_class_kl_agrees_with_scipys_entropy(predicted, labels):
    counts = [np.bincount(index, minlength=5) for index in (predicted, labels)]
    got = metrics.class_kl(torch.tensor(predicted), torch.tensor(labels))
    assert float(got) == pytest.approx(scipy.stats.entropy(*counts), abs=1e-12)
    assert got >= -1e-12
    assert abs(float(metrics.class_kl(torch.tensor(labels * 2), torch.tensor(labels)))) < 1e-12


# --- the seed axis ------------------------------------------------------------------------------


@pytest.mark.parametrize("both", [True, False], ids=["both have it", "only the fakes"])
def test_seeds_are_measured_one_by_one(both):
    real, fake = normal(3, 20, 4), 0.2 + normal(3, 15, 4, seed=1)
    real = real if both else real[0]

    def measure(a, b):
        return (metrics.frechet_distance(a, b), *four(a, b, 2))

    together = measure(real, fake)
    for seed in range(3):
        alone = measure(real[seed] if both else real, fake[seed])
        close([number[seed] for number in together], list(alone))


def test_seeds_of_modes_and_classes_are_measured_one_by_one():
    x = torch.stack([UNEVEN.sample(50, seeded(0)), 100 + normal(50, 2), UNEVEN.means[[0] * 50]])
    together = as_tuple(metrics.mode_coverage(x, UNEVEN))
    classes = torch.randint(3, (3, 50), generator=seeded(0))
    kl = metrics.class_kl(classes, torch.arange(3))
    for seed in range(3):
        alone = as_tuple(metrics.mode_coverage(x[seed], UNEVEN))
        close([number[seed] for number in together], list(alone), equal_nan=True)
        close(kl[seed], metrics.class_kl(classes[seed], torch.arange(3)))


# --- densities ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("d", "n", "m"), [(1, 40, 30), (3, 200, 20), (5, 15, 1203)])
def test_parzen_agrees_with_scikit_learn(d, n, m):
    samples, validation, test = (normal(k, d, seed=k) for k in (n, 50, m))
    sigmas = torch.logspace(-1, 0, 10)
    kernels = [KernelDensity(bandwidth=sigma).fit(samples) for sigma in sigmas.tolist()]
    best = max(kernels, key=lambda kernel: kernel.score(validation))
    expected = best.score_samples(test)
    mean, error, sigma = metrics.parzen(samples, validation, test)
    assert sigma == pytest.approx(best.bandwidth, rel=1e-6)
    assert mean == pytest.approx(expected.mean(), rel=1e-5)
    assert error == pytest.approx(expected.std(ddof=1) / math.sqrt(m), rel=1e-5)


def test_parzen_agrees_with_scipys_kernel_density_on_the_line():
    samples, x = normal(40, 1), normal(7, 1, seed=1)
    estimate = scipy.stats.gaussian_kde(samples[:, 0], bw_method=0.3 / float(samples.std()))
    mean, _, sigma = metrics.parzen(samples, x, x, torch.tensor([0.3]))
    assert sigma == pytest.approx(0.3)
    assert mean == pytest.approx(estimate.logpdf(x[:, 0]).mean(), rel=1e-6)


def test_parzen_chooses_its_width_on_the_validation_data_alone():
    samples = normal(50, 2)
    near, far = samples[:20] + 0.01, 5 + normal(20, 2)
    assert metrics.parzen(samples, near, far)[2] < metrics.parzen(samples, far, near)[2]
    assert metrics.parzen(samples, far, near)[2] == pytest.approx(1.0)


def test_parzen_stays_finite_where_the_density_underflows():
    mean, error, _ = metrics.parzen(normal(9, 784), 9 + normal(9, 784), 9 + normal(9, 784))
    assert mean < -10_000
    assert 0 < error < math.inf


# --- the two-sample test ------------------------------------------------------------------------


def mmd_by_hand(x, y, width):
    gamma = 1 / (2 * width**2)
    kernel = sklearn.metrics.pairwise.rbf_kernel
    of_x, of_y = kernel(x, gamma=gamma), kernel(y, gamma=gamma)
    m, n = len(x), len(y)
    return (
        (of_x.sum() - m) / (m * (m - 1))
        + (of_y.sum() - n) / (n * (n - 1))
        - 2 * kernel(x, y, gamma=gamma).mean()
    )


@pytest.mark.parametrize(("m", "n"), [(5, 6), (10, 4), (2, 5)])
def test_mmd_agrees_with_scikit_learns_kernel(m, n):
    # the numbers of pairs are odd, so there is one median
    x, y = normal(m, 3), 1 + normal(n, 3, seed=1)
    pooled = np.concatenate([x, y])
    width = np.median([math.dist(a, b) for a, b in itertools.combinations(pooled, 2)])
    got, _ = metrics.mmd_test(x, y, seeded(0), 1)
    assert got == pytest.approx(mmd_by_hand(x.numpy(), y.numpy(), width))


@pytest.mark.parametrize(("m", "n", "shift"), [(4, 4, 0.7), (3, 5, 0.0), (2, 6, 1.5)])
def test_mmds_p_value_agrees_with_all_divisions(m, n, shift):
    x, y = normal(m, 2), shift + normal(n, 2, seed=1)
    pooled, everyone = torch.cat([x, y]).numpy(), set(range(m + n))
    width = float(torch.pdist(torch.cat([x, y])).median())
    statistics = [
        mmd_by_hand(pooled[list(chosen)], pooled[sorted(everyone - set(chosen))], width)
        for chosen in itertools.combinations(range(m + n), m)
    ]
    exact = np.mean([value >= statistics[0] - 1e-9 for value in statistics])
    _, p = metrics.mmd_test(x, y, seeded(0), 20_000)
    assert abs(p - exact) < 4 * math.sqrt(0.25 / 20_000)


def test_mmds_false_alarms_are_as_rare_as_promised():
    trials = 400
    p = torch.tensor(
        [
            metrics.mmd_test(
                normal(15, 2, seed=2 * i), normal(20, 2, seed=2 * i + 1), seeded(i), 99
            )[1]
            for i in range(trials)
        ]
    )
    for level in (0.05, 0.2, 0.5):
        alarms = float((p <= level).double().mean())
        assert abs(alarms - level) < 3 * math.sqrt(level * (1 - level) / trials)


@pytest.mark.parametrize("change", [lambda x: x + 0.6, lambda x: 1.8 * x], ids=["shift", "width"])
def test_mmd_sees_another_law(change):
    found = sum(
        metrics.mmd_test(
            normal(80, 2, seed=2 * i), change(normal(80, 2, seed=2 * i + 1)), seeded(i), 199
        )[1]
        <= 0.05
        for i in range(20)
    )
    assert found >= 18


def test_mmds_smallest_p_value_counts_the_given_division():
    statistic, p = metrics.mmd_test(normal(30, 2), 9 + normal(30, 2, seed=1), seeded(0), 49)
    assert p == pytest.approx(1 / 50)
    assert statistic > 0.5


def test_mmd_is_repeatable_unbiased_and_sees_distances_only():
    x, y = normal(12, 3), normal(15, 3, seed=1)
    first = metrics.mmd_test(x, y, seeded(3))
    assert metrics.mmd_test(x, y, seeded(3)) == first
    assert metrics.mmd_test(*turned(x, y), seeded(3)) == pytest.approx(first)
    moved = metrics.mmd_test(shuffled(x, 1), shuffled(y, 2), seeded(3))[0]
    assert moved == pytest.approx(first[0])
    assert metrics.mmd_test(y, x, seeded(3))[0] == pytest.approx(first[0])
    values = torch.tensor(
        [
            metrics.mmd_test(normal(8, 1, seed=i), normal(8, 1, seed=-i - 1), seeded(0), 1)[0]
            for i in range(500)
        ]
    )
    assert abs(float(values.mean())) < 4 * float(values.std()) / math.sqrt(500)


# --- what is refused ----------------------------------------------------------------------------

TAKES_TWO_SETS = {
    "frechet_distance": metrics.frechet_distance,
    "precision_recall": metrics.precision_recall,
    "density_coverage": metrics.density_coverage,
    "parzen": lambda a, b: metrics.parzen(a, b, b),
    "parzen's test data": lambda a, b: metrics.parzen(a, a, b),
    "mmd_test": lambda a, b: metrics.mmd_test(a, b, seeded(0), 9),
    "mode_coverage": lambda a, b: metrics.mode_coverage(b, UNEVEN),
}
GOOD = normal(9, 2)


@pytest.mark.parametrize("measure", TAKES_TWO_SETS.values(), ids=TAKES_TWO_SETS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[1.0, 2.0]], "tensor of floats; got list"),
        (torch.ones(9, 2, dtype=torch.int64), "tensor of floats; got dtype torch.int64"),
        (torch.ones(9), r"expected \(n, d\).*got \(9,\)"),
        (torch.ones(0, 2), r"n >= .*got \(0, 2\)"),
        (torch.ones(9, 0), r"d >= 1; got \(9, 0\)"),
        (torch.ones(2, 2, 9, 2), r"expected \(n, d\).*got \(2, 2, 9, 2\)"),
        (torch.full((9, 2), torch.nan), "finite points; got NaN or inf"),
        (torch.full((9, 2), torch.inf), "finite points; got NaN or inf"),
        (torch.ones(9, 3), r"one width d .*\(9, 3\)"),
    ],
)
def test_bad_points_are_refused(measure, bad, message):
    with pytest.raises(ValueError, match=message):
        measure(GOOD, bad)


@pytest.mark.parametrize("measure", [metrics.precision_recall, metrics.density_coverage])
def test_too_few_neighbours_and_unequal_seeds_are_refused(measure):
    measure(GOOD[:4], GOOD[:4], k=3)
    with pytest.raises(ValueError, match=r"n >= 4 and d >= 1; got \(3, 2\)"):
        measure(GOOD, GOOD[:3], k=3)
    with pytest.raises(ValueError, match="k >= 1; got 0"):
        measure(GOOD, GOOD, k=0)
    with pytest.raises(ValueError, match=r"got \(2, 9, 2\), \(3, 9, 2\)"):
        measure(GOOD.expand(2, 9, 2), GOOD.expand(3, 9, 2))


@pytest.mark.parametrize(
    "measure",
    [
        metrics.frechet_distance,
        lambda a, b: metrics.parzen(a, b, GOOD),
        lambda a, b: metrics.parzen(GOOD, a, b),
        lambda a, b: metrics.mmd_test(a, b, seeded(0)),
    ],
)
def test_one_point_has_no_spread(measure):
    with pytest.raises(ValueError, match=r"n >= 2 and d >= 1; got \(1, 2\)"):
        measure(GOOD, GOOD[:1])


@pytest.mark.parametrize("name", ["parzen", "parzen's test data", "mmd_test"])
def test_a_seed_axis_is_refused_where_there_is_none(name):
    with pytest.raises(ValueError, match=r"expected \(n, d\), n >= 2 .*got \(3, 9, 2\)"):
        TAKES_TWO_SETS[name](GOOD, GOOD.expand(3, 9, 2))


@pytest.mark.parametrize("sigmas", [[], [0.1, 0.0], [-1.0], [[0.1]], [float("nan")]])
def test_parzen_refuses_widths_that_make_no_sense(sigmas):
    with pytest.raises(ValueError, match="positive sigmas; got"):
        metrics.parzen(GOOD, GOOD, GOOD, torch.tensor(sigmas))


def test_mmd_refuses_points_that_are_all_equal_and_no_permutations():
    with pytest.raises(ValueError, match="points that differ; got 9 and a median distance of 0"):
        metrics.mmd_test(torch.ones(4, 2), torch.ones(5, 2), seeded(0), 9)
    with pytest.raises(ValueError, match=r"permutations >= 1 .*got 0"):
        metrics.mmd_test(GOOD, GOOD + 1, seeded(0), 0)


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        (torch.zeros(3), torch.tensor([0]), r"predicted as int64 .*\(S, n\).*got torch.float32"),
        (torch.tensor([0]), [0], "labels as int64 .*got list"),
        (torch.tensor([0]), torch.zeros(3, dtype=torch.bool), "labels as int64"),
        (torch.tensor([0]), torch.tensor([[0]]), r"labels as int64 .*got torch.int64, \(1, 1\)"),
        (torch.tensor([], dtype=torch.int64), torch.tensor([0]), "not empty; got torch.int64"),
        (torch.tensor([0, -1]), torch.tensor([0]), "predicted >= 0; got -1"),
    ],
)
def test_class_kl_refuses_what_are_no_classes(predicted, labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.class_kl(predicted, labels)


# --- types --------------------------------------------------------------------------------------


def test_gradients_and_single_precision_go_in_and_plain_float64_comes_out():
    x = GOOD.float().requires_grad_()
    found = [metrics.frechet_distance(x, x), *four(x, x, 2)]
    target = SimpleNamespace(means=torch.zeros(1, 2), stds=torch.ones(1), weights=torch.ones(1))
    coverage = metrics.mode_coverage(x, target)
    for number in (*found, coverage.high_quality, coverage.reverse_kl, coverage.spread):
        assert number.dtype == torch.float64
        assert not number.requires_grad
    assert coverage.modes.dtype == torch.int64
