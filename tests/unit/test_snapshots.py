import os
import random
import signal

import pytest
import torch

from ganbook import data, losses, models, snapshots, train
from ganbook.snapshots import SnapshotError, Snapshots

law = data.mixture([-1.0, 1.0], 0.45)
Z = torch.randn(7, 1, generator=torch.Generator().manual_seed(99))


def nets(game=losses.NON_SATURATING, seeds=2):
    generator = models.generators(seeds)
    if game.balance:
        D = models.AutoEncoder((1, 4, 1), seeds=seeds, generator=generator)
        return D.as_generator(), D, generator
    make = lambda: models.MLP((1, 6, 1), seeds=seeds, generator=generator)  # noqa: E731
    return make(), make(), generator


def fit(callback, steps=12, game=losses.NON_SATURATING):
    """A run that uses every piece of state: averages, lazy penalties, schedules."""
    G, D, generator = nets(game)
    penalty = None if game.balance else lambda D, real, fake: losses.r1(D, real, 1.0)
    return train.fit(
        *(G, D, law.sample, game),
        steps=steps,
        generator=generator,
        batch_size=8,
        schedule=train.cosine_decay,
        penalty=penalty,
        penalty_weight=train.geometric(1.0, 0.1),
        penalty_every=4,
        ema=0.9,
        callback=callback,
        progress=False,
    )


def bits(run):
    """Everything in a run, bit for bit, in a form that can be compared."""

    def plain(value):
        if isinstance(value, torch.Tensor):
            return value.shape, value.dtype, value.numpy().tobytes()
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        return [plain(part) for part in value] if isinstance(value, list | tuple) else value

    return plain(snapshots.state_of(run))


def interrupted(folder, at, **options):
    """Run until the callback of a step, as if the power failed there."""

    class PowerError(Exception):
        pass

    keeper = Snapshots(folder, every=3, z=Z)

    def callback(run):
        keeper(run)
        if run.step == at:
            raise PowerError

    with pytest.raises(PowerError):
        fit(callback, **options)


@pytest.mark.parametrize("game", [losses.NON_SATURATING, losses.began(0.5)], ids=["ns", "BEGAN"])
@pytest.mark.parametrize("at", [2, 3, 7, 9])
def test_a_run_goes_on_bit_for_bit(tmp_path, game, at):
    interrupted(tmp_path, at, game=game)
    assert bits(fit(Snapshots(tmp_path, every=3), game=game)) == bits(fit(nothing, game=game))


def nothing(run):
    pass


PIECES = [
    "G",
    "D",
    "opt_G",
    "opt_D",
    "ema",
    "generators",
    "step",
    "k",
    "d_loss",
    "g_loss",
    "m_global",
]


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_of_state_is_needed(tmp_path, monkeypatch, piece):
    game = losses.began(0.5)
    interrupted(tmp_path, 8, game=game)
    whole = snapshots.restore

    def forgetful(run, state):
        whole(run, state | {piece: snapshots.state_of(run)[piece]})

    monkeypatch.setattr(snapshots, "restore", forgetful)
    assert bits(fit(Snapshots(tmp_path, every=3), game=game)) != bits(fit(nothing, game=game))


# --- kill -9 ------------------------------------------------------------------------------------


class Killed:
    """Kills the process at its n-th dangerous moment: around and inside every call that writes."""

    def __init__(self, moment):
        self.left = moment

    def pass_moment(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call):
        def wrapped(*arguments):
            self.pass_moment()
            result = call(*arguments)
            self.pass_moment()
            return result

        return wrapped

    def open(self, path, mode="r", *arguments, **options):
        file = PATH_OPEN(path, mode, *arguments, **options)
        if "w" not in mode:
            return file
        write = file.write

        def in_halves(content):
            for part in (content[: len(content) // 2], content[len(content) // 2 :]):
                self.pass_moment()
                write(part)
                file.flush()
            self.pass_moment()

        return Proxy(file, in_halves)


class Proxy:
    """A file whose `write` is another function."""

    def __init__(self, file, write):
        self.file, self.write = file, write

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.file.close()


PATH_OPEN = snapshots.Path.open
MOMENTS = 12 + 4 * (3 + 2 + 2 + 2)  # steps, and for each of the later snapshots all of the above


def die_at(folder, moment):
    """A forked child that trains until it is killed; returns how it ended."""
    child = os.fork()
    if child == 0:
        killed = Killed(moment)
        os.fsync, os.replace = killed.around(os.fsync), killed.around(os.replace)
        snapshots.Path.open = lambda *arguments: killed.open(*arguments)
        keeper = Snapshots(folder, every=3, keep=2)

        def callback(run):
            keeper(run)
            killed.pass_moment()

        try:
            fit(callback)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("moment", sorted(random.Random(0).sample(range(1, MOMENTS), 20)))
def test_kill_9_loses_nothing(tmp_path, moment):
    assert os.WTERMSIG(die_at(tmp_path, moment)) == signal.SIGKILL
    before = snapshots.steps(tmp_path)
    assert all(snapshots.load(tmp_path, step) for step in before)
    assert bits(fit(Snapshots(tmp_path, every=3, keep=2))) == bits(fit(nothing))
    assert not list(tmp_path.glob("*.writing"))


# --- what stays, what comes back ------------------------------------------------------------------


def test_the_last_few_and_the_milestones_stay(tmp_path):
    fit(Snapshots(tmp_path, every=2, keep=2, milestone=4))
    assert snapshots.steps(tmp_path) == [0, 4, 8, 10, 12]


def test_a_sample_that_was_seen_comes_back(tmp_path):
    seen = {}
    keeper = Snapshots(tmp_path, every=3, keep=9, z=Z)

    def callback(run):
        keeper(run)
        with torch.no_grad():
            seen[run.step] = run.ema(Z)

    fit(callback)
    for step in (0, 6, 12):
        found = snapshots.sample_at(tmp_path, step, 4, nets()[0])
        assert torch.equal(found, seen[step][:, 4])
    with pytest.raises(SnapshotError, match=r"no snapshot of step 7 in .*; there are \[0, 3, 6"):
        snapshots.sample_at(tmp_path, 7, 4, nets()[0])


def test_noise_must_have_been_kept(tmp_path):
    fit(Snapshots(tmp_path, every=12))
    with pytest.raises(SnapshotError, match="no noise was kept"):
        snapshots.sample_at(tmp_path, 12, 0, nets()[0])


def test_another_run_is_not_written_over(tmp_path):
    fit(Snapshots(tmp_path, every=6))
    with pytest.raises(SnapshotError, match="resume it or choose another folder"):
        fit(Snapshots(tmp_path, every=6, resume=False))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda content: content[:-20], "truncated or damaged"),
        (lambda content: content[:30], "no snapshot of ganbook"),
        (lambda content: b"PK" + content, "no snapshot of ganbook"),
        (lambda content: content.replace(b"snapshot 1", b"snapshot 7", 1), "format 7, newer"),
        (lambda content: content[:200] + b"?" + content[201:], "truncated or damaged"),
    ],
)
def test_a_bad_file_names_the_newest_whole_one(tmp_path, spoil, complaint):
    fit(Snapshots(tmp_path, every=3, keep=9))
    for step in (9, 12):
        path = snapshots.path_of(tmp_path, step)
        path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SnapshotError, match=f"{complaint}.*before it is .*step-000000006"):
        fit(Snapshots(tmp_path, every=3))


def test_with_nothing_whole_one_starts_afresh(tmp_path):
    fit(Snapshots(tmp_path, every=12, keep=1))
    path = snapshots.path_of(tmp_path, 12)
    path.write_bytes(b"")
    with pytest.raises(SnapshotError, match="start afresh"):
        snapshots.load(tmp_path, 12)


def test_other_nets_are_refused(tmp_path):
    fit(Snapshots(tmp_path, every=12))
    state = snapshots.load(tmp_path, 12)
    take_up = lambda run: snapshots.restore(run, state)  # noqa: E731
    with pytest.raises(SnapshotError, match="other nets"):
        fit(take_up, game=losses.began())
    state["generators"].append(state["generators"][0])
    with pytest.raises(SnapshotError, match="other seeds"):
        fit(take_up)


def test_a_full_disk_leaves_the_last_snapshot_whole(tmp_path, monkeypatch):
    interrupted(tmp_path, 4)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fit(Snapshots(tmp_path, every=3))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-000000000.snapshot", "step-000000003.snapshot"]
    assert snapshots.load(tmp_path, 3)["step"] == 3


@pytest.mark.parametrize("options", [{"every": 0}, {"keep": 0}, {"milestone": -1}])
def test_numbers_that_make_no_sense_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match="expected every, keep and milestone >= 1"):
        Snapshots(tmp_path, **options)
