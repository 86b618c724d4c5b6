from dataclasses import replace

import pytest
import torch

from ganbook import metrics, recipes

short = replace(recipes.RING, steps=4, batch_size=(16, 32), d_sizes=(2, 8, 1), g_sizes=(2, 8, 2))


def run(seeds, first, recipe=short, **settings):
    return recipes.run(recipe, seeds, first, progress=False, **settings)


def test_a_seed_means_the_same_alone_and_in_a_stack():
    stack, alone = run(3, first=7), run(1, first=9)
    for many, one in zip(stack.ema.parameters(), alone.ema.parameters(), strict=True):
        torch.testing.assert_close(many[2:], one)
    many, one = recipes.sample(short, stack, 5, first=20), recipes.sample(short, alone, 5, first=22)
    torch.testing.assert_close(many[2:], one)


def test_data_and_samples_are_in_the_units_they_say():
    for recipe in (recipes.RING, recipes.GRID):
        x = recipe.sample_data(20_000, torch.Generator().manual_seed(0))
        assert abs(float(x.square().mean()) - 1) < 0.02
    doubled = replace(short, scale=2 * short.scale)
    finished = run(2, first=0)
    x, twice = (recipes.sample(r, finished, 6) for r in (short, doubled))
    assert x.shape == (2, 6, 2)
    torch.testing.assert_close(twice, 2 * x)


def test_the_last_quarter_has_the_larger_batch():
    sizes = []

    class Law:
        def sample(self, n, generator):
            sizes.append(n)
            return torch.randn(n, 2, generator=generator)

    run(1, first=0, recipe=replace(short, law=Law(), steps=8))
    assert sizes == [16] * 6 + [32] * 2


def test_what_fit_takes_is_passed_on():
    seen = []
    run(1, first=0, callback=lambda state: seen.append(state.step))
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_the_quick_ring_keeps_its_word():
    finished = recipes.run(recipes.RING_QUICK, 2, first=300, progress=False)
    samples = recipes.sample(recipes.RING_QUICK, finished, 2500)
    found = metrics.mode_coverage(samples, recipes.RING_QUICK.law)
    assert found.modes.tolist() == [8, 8]
    assert bool((found.high_quality > 0.94).all()), found
