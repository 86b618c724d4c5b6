import contextlib
import io

import pytest
import torch
from torch.nn.functional import softplus

from ganbook import data, losses, models, train

law = data.mixture([-1.0, 1.0], 0.45)


def nets(seeds=None, generator=None, dtype=torch.float64):
    make = lambda: models.MLP((1, 8, 1), seeds=seeds, activation=torch.tanh, generator=generator)  # noqa: E731
    return make().to(dtype), make().to(dtype)


def fit(generator, seeds=None, loss=losses.MINIMAX, steps=50, **options):
    G, D = nets(seeds, generator)
    options = {"batch_size": 16, "lr": 1e-2, "progress": False, **options}
    return train.fit(G, D, law.sample, loss, steps=steps, generator=generator, **options)


def weights(net):
    return torch.cat([w.detach().flatten(-2) for w in net.parameters()], -1)


GAMES = [
    *(losses.MINIMAX, losses.NON_SATURATING, losses.WASSERSTEIN, losses.LEAST_SQUARES),
    *(losses.HINGE, losses.RELATIVISTIC),
]
PENALTIES = {
    "none": None,
    "r1": lambda D, real, fake: losses.r1(D, real, 0.3),
    "r2": lambda D, real, fake: losses.r2(D, fake, 0.3),
    "wgan_gp": lambda D, real, fake: losses.wgan_gp(
        D, losses.between(real, fake, seeded=D.seeds is not None), 0.3
    ),
}


def assert_seeds_equal_single_runs(train_from):
    stack = train_from(models.generators(3), 3)
    for seed, generator in enumerate(models.generators(3)):
        alone = train_from(generator, None)
        for ours, single in ((stack.G, alone.G), (stack.D, alone.D)):
            assert (weights(ours)[seed] - weights(single)).abs().max() < 1e-12
        assert abs(stack.d_loss[-1][seed] - alone.d_loss[-1]) < 1e-12
        assert abs(stack.g_loss[-1][seed] - alone.g_loss[-1]) < 1e-12
    return stack


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", GAMES, ids=lambda loss: loss.name)
def test_the_seed_axis_changes_no_result(loss, penalty):
    options = {"penalty": PENALTIES[penalty], "lr": 1e-3, "ema": 0.9}
    assert_seeds_equal_single_runs(
        lambda generator, seeds: fit(generator, seeds, loss=loss, steps=200, **options)
    )


def test_the_seed_axis_changes_no_result_with_schedules_and_lazy_penalties():
    options = {
        "d_steps": 3,
        "penalty": PENALTIES["r1"],
        "penalty_every": 2,
        "penalty_weight": train.geometric(1.0, 0.01),
        "batch_size": lambda progress: 8 if progress < 0.5 else 16,
        "schedule": train.cosine_decay,
    }
    assert_seeds_equal_single_runs(
        lambda generator, seeds: fit(generator, seeds, steps=200, **options)
    )


def began_run(generator, seeds=None, steps=200):
    D = models.AutoEncoder((1, 8, 1), seeds=seeds, generator=generator).double()
    G = D.as_generator()
    options = {"batch_size": 16, "lr": 1e-3, "progress": False, "generator": generator}
    return train.fit(G, D, law.sample, losses.began(0.5), steps=steps, **options)


def test_the_seed_axis_changes_no_result_of_began():
    stack = assert_seeds_equal_single_runs(began_run)
    assert stack.k.shape == (3,)


def test_began_follows_the_paper():
    gen = torch.Generator().manual_seed(0)
    D = models.AutoEncoder((1, 8, 1), generator=gen).double()
    run = train.Run(D.as_generator(), D, *(torch.optim.SGD(D.parameters(), lr=0) for _ in "GD"))
    loss, k = losses.began(0.7, 0.1), 0.0
    for step in range(3):
        real, z = law.sample(16, gen), torch.randn(16, 1, generator=gen, dtype=torch.float64)
        with torch.no_grad():
            of_real, of_fake = float(-D(real).mean()), float(-D(run.G(z)).mean())
        value = train.d_step(run, loss, real, z)
        assert value == pytest.approx(of_real - k * of_fake)
        assert run.m_global[step] == pytest.approx(of_real + abs(0.7 * of_real - of_fake))
        k = min(max(k + 0.1 * (0.7 * of_real - of_fake), 0), 1)
        assert run.k == pytest.approx(k)
        assert train.g_step(run, loss, z) == pytest.approx(of_fake)


def test_penalty_weight_and_laziness_scale_the_penalty():
    plain, weighted, lazy = (
        fit(torch.Generator().manual_seed(0), steps=1, penalty=penalty, **options)
        for penalty, options in (
            (lambda D, real, fake: losses.r1(D, real, 6.0), {}),
            (lambda D, real, fake: losses.r1(D, real, 2.0), {"penalty_weight": lambda u: 3.0}),
            (lambda D, real, fake: losses.r1(D, real, 2.0), {"penalty_every": 3}),
        )
    )
    torch.testing.assert_close(weights(weighted.D), weights(plain.D))
    torch.testing.assert_close(weights(lazy.D), weights(plain.D))


def test_batches_follow_their_schedule():
    sizes = []

    def source(n, generator):
        sizes.append(n)
        return law.sample(n, generator)

    gen = torch.Generator().manual_seed(0)
    options = {"steps": 4, "batch_size": lambda u: 4 if u < 0.5 else 8, "progress": False}
    train.fit(*nets(generator=gen), source, losses.MINIMAX, generator=gen, **options)
    assert sizes == [4, 4, 8, 8]


def test_mixed_precision_trains_weights_of_full_precision():
    gen = torch.Generator().manual_seed(0)
    G, D = nets(generator=gen, dtype=torch.float32)
    options = {"precision": torch.bfloat16, "penalty": PENALTIES["r1"], "progress": False}
    run = train.fit(G, D, law.sample, losses.MINIMAX, steps=20, generator=gen, **options)
    assert next(run.G.parameters()).dtype == torch.float32
    assert torch.stack(run.d_loss).isfinite().all()


def test_fit_equals_a_loop_written_out():
    run = fit(torch.Generator().manual_seed(1), d_steps=2, schedule=train.linear_decay)
    gen = torch.Generator().manual_seed(1)
    G, D = nets(generator=gen)
    opt_G, opt_D = (torch.optim.Adam(n.parameters(), betas=(0.0, 0.99)) for n in (G, D))
    for step in range(50):
        for opt in (opt_G, opt_D):
            opt.param_groups[0]["lr"] = 1e-2 * (1 - step / 50)
        for _ in range(2):
            real = law.sample(16, gen)
            fake = G(torch.randn(16, 1, generator=gen, dtype=torch.float64)).detach()
            loss = softplus(-D(real)).mean() + softplus(D(fake)).mean()
            opt_D.zero_grad()
            loss.backward()
            opt_D.step()
        loss = -softplus(D(G(torch.randn(16, 1, generator=gen, dtype=torch.float64)))).mean()
        opt_G.zero_grad()
        loss.backward()
        opt_G.step()
    assert (weights(G) - weights(run.G)).abs().max() < 1e-12


def test_history_callback_and_average():
    seen = []
    averages = []

    def watch(run):
        seen.append(run.step)
        averages.append(weights(run.G).clone())

    run = fit(torch.Generator().manual_seed(0), steps=5, ema=0.9, callback=watch)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert len(run.d_loss) == len(run.g_loss) == 5
    expected = averages[0]
    for now in averages[1:]:
        expected = 0.9 * expected + 0.1 * now
    torch.testing.assert_close(weights(run.ema), expected)


def test_g_step_leaves_d_alone_and_d_step_leaves_g_alone():
    gen = torch.Generator().manual_seed(0)
    G, D = nets(generator=gen)
    run = train.Run(G, D, *(torch.optim.Adam(n.parameters()) for n in (G, D)))
    before = weights(G).clone(), weights(D).clone()
    z, real = torch.randn(4, 1, generator=gen).double(), law.sample(4, gen)
    train.d_step(run, losses.MINIMAX, real, z)
    assert torch.equal(weights(G), before[0])
    after = weights(D).clone()
    assert not torch.equal(after, before[1])
    train.g_step(run, losses.MINIMAX, z)
    assert torch.equal(weights(D), after)
    assert not torch.equal(weights(G), before[0])
    assert all(w.requires_grad for w in D.parameters())


def test_a_game_that_pairs_gets_real_logits():
    paired = losses.Loss(
        "paired", lambda r, f: softplus(f - r), lambda r, f: softplus(r - f), pairs=True
    )
    run = fit(torch.Generator().manual_seed(0), loss=paired, steps=3)
    assert run.step == 3


def test_own_noise_is_used():
    run = fit(torch.Generator().manual_seed(0), steps=1, noise=lambda n, g: torch.zeros(n, 1))
    assert run.step == 1


def test_nan_stops_the_run_and_names_step_and_seed():
    def poisoned(n, generator):
        batch = law.sample(n, generator)
        return batch * torch.nan if generator.initial_seed() == 1 else batch

    gens = models.generators(3)
    G, D = nets(3, gens)
    with pytest.raises(FloatingPointError, match=r"D's loss is nan at step 1, seed 1"):
        train.fit(G, D, poisoned, losses.MINIMAX, steps=9, generator=gens, progress=False)


@pytest.mark.parametrize("option", ["steps", "batch_size", "d_steps", "penalty_every"])
def test_zero_counts_are_refused(option):
    with pytest.raises(ValueError, match="expected steps, batch_size, d_steps"):
        fit(torch.Generator(), **{option: 0})


def test_unequal_seeds_are_refused():
    G, _ = nets(2, models.generators(2))
    D, _ = nets(3, models.generators(3))
    with pytest.raises(ValueError, match="seeds=2 and D has seeds=3"):
        train.fit(G, D, law.sample, losses.MINIMAX, steps=1, generator=models.generators(2))
    with pytest.raises(ValueError, match="each of 2 seeds; got 3"):
        train.fit(G, G, law.sample, losses.MINIMAX, steps=1, generator=models.generators(3))


def test_bar_shows_both_losses_and_stays_out_of_plain_outputs(monkeypatch):
    def said():
        with contextlib.redirect_stderr(io.StringIO()) as stream:
            fit(torch.Generator().manual_seed(0), steps=60, progress=True)
        return stream.getvalue()

    monkeypatch.delenv("GANBOOK_PLAIN", raising=False)
    assert "D=" in (shown := said())
    assert "G=" in shown
    monkeypatch.setenv("GANBOOK_PLAIN", "1")
    assert said() == ""


def test_schedules():
    assert [train.linear_decay(u) for u in (0, 0.25, 1)] == [1, 0.75, 0]
    assert [train.late_decay(u) for u in (0, 0.5, 0.75, 1)] == [1, 1, 0.5, 0]
    assert [train.cosine_decay(u) for u in (0, 0.5, 1)] == pytest.approx([1, 0.5005, 0.001])
    assert [train.geometric(1, 0.01)(u) for u in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])


def test_memory_is_kept_where_there_is_glibc_and_nothing_breaks_elsewhere(monkeypatch):
    calls = []
    library = type("Library", (), {"mallopt": lambda self, *option: calls.append(option)})
    monkeypatch.setattr("ctypes.CDLL", lambda name: library())
    train.keep_memory()
    assert calls == [(-1, 2**30), (-3, 2**25)]
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    train.keep_memory()
