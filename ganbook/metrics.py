"""How good are the samples? Modes, distances on features, densities, a two-sample test.

Sets of points come as float tensors of shape (n, d), or (S, n, d) with a leading seed axis where
that is said; then there is one answer for each seed, as if the seeds had been measured one by one.
One set may have the axis and the other not. Everything is computed in float64, without gradients.
Wrong types, shapes, too few points, NaN and inf raise a ValueError. Natural logarithms.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def as_points(*sets: Tensor, least: int, seeded: bool = True) -> list[Tensor]:
    """The sets in float64, or a ValueError unless they are finite and fit together.

    Args:
        sets: shape (n, d), or (S, n, d) with `seeded`; one d, one S, n may differ.
        least: how many points each set must have.
        seeded: whether a seed axis is allowed.
    """
    form = "(n, d) or (S, n, d)" if seeded else "(n, d)"
    for x in sets:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            got = f"dtype {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"expected a tensor of floats; got {got}")
        if x.dim() not in ((2, 3) if seeded else (2,)) or x.shape[-2] < least or x.shape[-1] < 1:
            raise ValueError(f"expected {form}, n >= {least} and d >= 1; got {tuple(x.shape)}")
        if not bool(x.isfinite().all()):
            raise ValueError("expected finite points; got NaN or inf")
    widths, seeds = {x.shape[-1] for x in sets}, {len(x) for x in sets if x.dim() == 3}
    if len(widths) > 1 or len(seeds) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in sets)
        raise ValueError(f"expected sets of one width d (and one S, if any); got {shapes}")
    return [x.detach().double() for x in sets]


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances, (..., n, d) and (..., m, d) -> (..., n, m)."""
    # Not by way of a matrix product: a point's distance to itself must be 0, and ties must be ties.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def shares(index: Tensor, classes: int) -> Tensor:
    """How often each class occurs, (..., n) -> (..., classes)."""
    return one_hot(index, classes).double().mean(-2)


def discrete_kl(p: Tensor, q: Tensor) -> Tensor:
    """Sum of p log(p/q) over the last axis; inf where p has mass and q has none."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


@dataclass(frozen=True)
class ModeCoverage:
    """What `mode_coverage` measures, each of shape (), or (S,) with a seed axis.

    Attributes:
        modes: how many modes have at least one high-quality sample.
        high_quality: share of samples within 3σ of the nearest mode.
        reverse_kl: KL divergence of the samples' shares of the modes from the true weights.
        spread: how far high-quality samples lie from their mode, as a multiple of σ.
    """

    modes: Tensor
    high_quality: Tensor
    reverse_kl: Tensor
    spread: Tensor


def mode_coverage(x: Tensor, target) -> ModeCoverage:
    """Modes and high-quality share of [Srivastava2017]_, reverse KL of [Lin2018]_, and the spread.

    A sample belongs to the nearest mode, in units of that mode's σ, and is of high quality within
    3σ of it. A mode counts as soon as one such sample belongs to it, so look at the reverse KL too:
    it compares the shares of the samples with the weights and is log K when all sit on one of K
    equal modes. It takes *all* samples, each at its nearest mode; that many of them lie far away
    is seen in the high-quality share.

    A perfect sampler scores neither 100 % nor spread 1. In two dimensions r²/2, with r the distance
    in units of σ, is exponential with mean 1: the high-quality share is 1 - e^(-4.5) = 98.89 %, and
    more is a sign of modes too narrow. The spread is the root of the mean of r²/2 given r <= 3,
    which is 1 - 4.5 e^(-4.5) / (1 - e^(-4.5)) = 0.949: so 0.974. It is taken about the true centre
    and so grows with an offset too.

    Args:
        x: samples, shape (n, d), or (S, n, d) with a seed axis.
        target: has `means` (K, d), `stds` (K,) and `weights` (K,), as a `data.Mixture` has; that
            class has checked them already, and one argument cannot be mixed up.

    Returns:
        a `ModeCoverage`; its spread is NaN where no sample is of high quality.
    """
    x, means = as_points(x, target.means, least=1)
    means, stds, weights = (numbers.to(x) for numbers in (means, target.stds, target.weights))
    r, mode = (distances(x, means) / stds).min(-1)  # (..., n, K) -> (..., n)
    good = r <= 3
    found = (one_hot(mode, len(means)).bool() & good[..., None]).any(-2)  # (..., K)
    square = (r.square() * good).sum(-1) / good.sum(-1) / x.shape[-1]
    return ModeCoverage(
        modes=found.sum(-1),
        high_quality=good.double().mean(-1),
        reverse_kl=discrete_kl(shares(mode, len(means)), weights),
        spread=square.sqrt(),
    )


def class_kl(predicted: Tensor, labels: Tensor) -> Tensor:
    """KL divergence of the fakes' classes from the data's: 0 when all are made as often.

    The classes of fakes come from a classifier, as for the stacked digits of [Srivastava2017]_.
    This is the reverse KL of `mode_coverage` for data whose modes are classes.

    Args:
        predicted: classes of the fakes, int64, shape (n,), or (S, n) with a seed axis.
        labels: classes of the data, int64, shape (m,).

    Returns:
        shape () or (S,); inf where the fakes have a class that the data lack.
    """
    forms = {"predicted": (predicted, "(n,) or (S, n)", (1, 2)), "labels": (labels, "(m,)", (1,))}
    for name, (index, form, dims) in forms.items():
        known = isinstance(index, Tensor)
        if not known or index.dtype != torch.int64 or index.dim() not in dims or not index.numel():
            got = f"{index.dtype}, {tuple(index.shape)}" if known else type(index).__name__
            raise ValueError(f"expected {name} as int64 of shape {form}, not empty; got {got}")
        if int(index.min()) < 0:
            raise ValueError(f"expected {name} >= 0; got {int(index.min())}")
    classes = 1 + max(int(predicted.max()), int(labels.max()))
    return discrete_kl(shares(predicted, classes), shares(labels, classes))


def mean_and_factor(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, (..., d), and a factor F of the covariance, F Fᵀ = C, (..., d, d)."""
    mean = x.mean(-2)
    centred = x - mean[..., None, :]
    values, vectors = torch.linalg.eigh(centred.mT @ centred / (x.shape[-2] - 1))
    # rounding can leave -1e-17 where fewer points than dimensions leave 0
    return mean, vectors * values.clamp_min(0).sqrt()[..., None, :]


def frechet_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Squared Fréchet distance of the Gaussians fitted to two sets of features: [Dowson1982]_.

    The squared distance of the means plus tr(A + B - 2 (A B)^½), A and B the covariances. It is
    squared as in [Heusel2017]_, whose score is this number on the features of one certain network;
    on other features it compares with nothing but itself. It sees two moments only, and is biased
    upwards by about 1/n: use one n, and give the number for real against real beside it.

    Args:
        real, fake: features, shape (n, d), or (S, n, d) with a seed axis; n >= 2.

    Returns:
        shape () or (S,), >= 0.
    """
    real, fake = as_points(real, fake, least=2)
    (mean_a, A), (mean_b, B) = mean_and_factor(real), mean_and_factor(fake)
    # tr (F Fᵀ G Gᵀ)^½ is the sum of the singular values of Fᵀ G: nothing complex can come up
    cross = torch.linalg.svdvals(A.mT @ B).sum(-1)
    apart = (mean_a - mean_b).square().sum(-1)
    square = apart + A.square().sum((-2, -1)) + B.square().sum((-2, -1)) - 2 * cross
    return square.clamp_min(0)


def radii(x: Tensor, k: int) -> Tensor:
    """Distance of each point to its k-th nearest neighbour in the same set, (..., n)."""
    if k < 1:
        raise ValueError(f"expected k >= 1; got {k}")
    return distances(x, x).kthvalue(k + 1, -1).values  # the nearest of all is the point itself


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[Tensor, Tensor]:
    """Precision and recall of [Kynkaanniemi2019]_, from balls that reach the k-th neighbour.

    Precision is the share of fakes inside some real point's ball, recall the share of real points
    inside some fake's ball. One outlier has a large ball, which lifts both; fresh real points do
    not score 1. Memory grows as n².

    Args:
        real, fake: features, shape (n, d), or (S, n, d) with a seed axis; n >= k + 1.
        k: which neighbour; 3 in the paper.

    Returns:
        precision and recall, each of shape () or (S,), from 0 to 1.
    """
    real, fake = as_points(real, fake, least=k + 1)
    apart = distances(real, fake)  # (..., n, m)
    in_real = (apart <= radii(real, k)[..., :, None]).any(-2)
    in_fake = (apart <= radii(fake, k)[..., None, :]).any(-1)
    return in_real.double().mean(-1), in_fake.double().mean(-1)


def density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> tuple[Tensor, Tensor]:
    """Density and coverage of [Naeem2020]_: as `precision_recall`, but with balls of data only.

    Density counts in how many of the balls a fake lies, over k; its mean is 1 for fakes of the
    data's law, and it may exceed 1. Coverage is the share of balls that hold a fake. For fakes of
    the data's law its mean is 1 minus the product of (n - i) / (n + m - i) for i = 1 … k,
    whatever the law and its dimension: about 1 - 2^(-k), or 0.969 for k = 5, if n = m.

    Args:
        real, fake: features, shape (n, d), or (S, n, d) with a seed axis; n >= k + 1.
        k: which neighbour; 5 in the paper.

    Returns:
        density (>= 0) and coverage (from 0 to 1), each of shape () or (S,).
    """
    real, fake = as_points(real, fake, least=k + 1)
    inside = distances(real, fake) <= radii(real, k)[..., :, None]  # (..., n, m)
    return inside.double().sum(-2).mean(-1) / k, inside.any(-1).double().mean(-1)


def log_densities(x: Tensor, samples: Tensor, sigmas: Tensor) -> Tensor:
    """Log density at x, (n, d), of a Gaussian on each sample, for each σ: (n, len(sigmas))."""
    rows = []
    for chunk in x.split(500):  # 500 rows at a time: 10,000 samples are then 40 MB
        square = torch.cdist(chunk, samples).square()
        rows.append(torch.stack([(-square / (2 * s * s)).logsumexp(-1) for s in sigmas], -1))
    scale = math.log(len(samples)) + x.shape[-1] * (sigmas * math.sqrt(2 * math.pi)).log()
    return torch.cat(rows) - scale


def parzen(samples: Tensor, validation: Tensor, test: Tensor, sigmas: Tensor | None = None):
    """Parzen-window log-likelihood of test data: Section 5, [Goodfellow2014]_.

    A Gaussian of width σ is put on each sample; σ is the best of a list for the validation data.
    The figures of 2014 belong to 10,000 samples, 1,000 validation images and pixels from 0 to 1.
    The score is no likelihood of the generator and can rank models wrongly: [Theis2016]_.

    Args:
        samples: fakes, shape (n, d), n >= 2; no seed axis.
        validation, test: data, shape (m, d) each, m >= 2.
        sigmas: the list, shape (k,), positive; 10 from 0.1 to 1, evenly in the logarithm, if None.

    Returns:
        mean log-likelihood in nats, its standard error over the test points, and σ. A σ at the end
        of the list means that the list is too short.
    """
    samples, validation, test = as_points(samples, validation, test, least=2, seeded=False)
    sigmas = torch.logspace(-1, 0, 10) if sigmas is None else torch.as_tensor(sigmas)
    sigmas = sigmas.to(samples)
    if sigmas.dim() != 1 or len(sigmas) == 0 or not bool((sigmas > 0).all()):
        raise ValueError(f"expected a list of positive sigmas; got {sigmas.tolist()}")
    best = log_densities(validation, samples, sigmas).mean(0).argmax()
    scores = log_densities(test, samples, sigmas[best, None])[:, 0]
    return float(scores.mean()), float(scores.std()) / math.sqrt(len(test)), float(sigmas[best])


def mmd_test(
    x: Tensor, y: Tensor, generator: torch.Generator, permutations: int = 999
) -> tuple[float, float]:
    """Are two sets from one law? Kernel two-sample test with permutations: [Gretton2012]_.

    The statistic is the unbiased squared maximum mean discrepancy of Lemma 6, with the kernel
    exp(-r²/2h²), h the median distance in both sets together. The p-value is the share of random
    divisions of the points, the given one among them, that reach the statistic: at most a share α
    of tests of equal laws have p <= α, whatever the law and n ([Phipson2010]_).

    Args:
        x, y: points, shape (m, d) and (n, d), at least 2 each; no seed axis. Memory: (m + n)².
        generator: draws the divisions.
        permutations: how many; the smallest p-value is 1 / (permutations + 1).

    Returns:
        the statistic, which can be negative, and the p-value.
    """
    x, y = as_points(x, y, least=2, seeded=False)
    points, m, n = torch.cat([x, y]), len(x), len(y)
    width = torch.pdist(points).median()
    if permutations < 1 or not width > 0:
        raise ValueError(
            "expected permutations >= 1 and points that differ; got "
            f"{permutations} and a median distance of {float(width)}"
        )
    kernel = (-(distances(points, points) / width).square() / 2).exp().fill_diagonal_(0)
    order = torch.rand(permutations, m + n, generator=generator, device=generator.device)
    first = torch.cat([torch.arange(m + n)[None].to(order), order.argsort(-1)]) < m
    first = first.to(kernel)  # row 0 is the given division: 1 for x, 0 for y
    # the sums of the kernel over pairs in x, in y and between: (permutations + 1,) each
    in_x = ((first @ kernel) * first).sum(-1)
    between = first @ kernel.sum(-1) - in_x
    in_y = kernel.sum() - in_x - 2 * between
    statistic = in_x / (m * (m - 1)) + in_y / (n * (n - 1)) - 2 * between / (m * n)
    # a division that only relabels the sets ties with the given one, but for rounding
    return float(statistic[0]), float((statistic >= statistic[0] - 1e-12).double().mean())
