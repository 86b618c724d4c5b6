import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ganbook import cli, losses, snapshots, train
from ganbook.cli import app


def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    unexpected = result.exception and not isinstance(result.exception, SystemExit)
    if unexpected:
        raise result.exception
    return result


def trained(out, *words, steps=4, every=2, **options):
    line = {"data": "ring", "steps": steps, "every": every, "out": out} | options
    return call("train", *(word for name in line for word in (f"--{name}", line[name])), *words)


def size(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures of any size, and one file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(5):
        Image.new("RGB", (30 + n, 40), (50 * n, 0, 0)).save(folder / f"{n}.png")
    (folder / "notes.txt").write_text("none")
    return folder


@pytest.mark.parametrize("model", ["mlp", "dcgan", "began"])
def test_train_stop_resume_and_sample(tmp_path, pictures, model):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    options = {"data": pictures, "model": model}
    result = trained(straight, **options)
    assert result.exit_code == 0
    assert "skipped, no picture: notes.txt" in result.stderr
    assert "5 pictures" in result.stderr
    for name in ("curves.png", "samples/step-000000000.png", "samples/step-000000004.png"):
        assert size(straight / name)[0] > 100

    interrupt_at(broken, 3, **options)
    assert snapshots.steps(broken / "snapshots") == [0, 2, 3]
    assert trained(broken, "--resume", **options).exit_code == 0
    ends = [snapshots.load(run / "snapshots", 4) for run in (straight, broken)]
    torch.testing.assert_close(*ends, rtol=0, atol=0)

    assert call("sample", broken, "--step", 4, "--out", tmp_path / "a.npy").exit_code == 0
    shown = np.load(tmp_path / "a.npy")
    assert shown.shape == (64, 784)
    call("sample", broken, "--step", 4, "--index", 7, "--out", tmp_path / "b.npy")
    assert (np.load(tmp_path / "b.npy") == shown[7:8]).all()
    call("sample", broken, "--step", 4, "--count", 64, "--out", tmp_path / "c.png")
    seen = (broken / "samples" / "step-000000004.png").read_bytes()
    assert (tmp_path / "c.png").read_bytes() == seen
    shutil.rmtree(pictures)  # samples need no data
    assert call("sample", broken, "--out", tmp_path / "d.png").exit_code == 0


def interrupt_at(out, step, **options):
    """Press Ctrl-C in the middle of a step."""
    original = train.g_step

    def g_step(run, *rest):
        if run.step == step - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(run, *rest)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "g_step", g_step)
        result = trained(out, **options)
    signal.signal(signal.SIGINT, handler)
    assert result.exit_code == 0, result.stderr
    assert f"step {step} is saved" in result.stderr


@pytest.mark.parametrize("data", ["ring", "grid"])
def test_mixtures_are_drawn_in_their_own_units(tmp_path, data):
    assert trained(tmp_path / "run", data=data, steps=2).exit_code == 0
    assert size(tmp_path / "run" / "samples" / "step-000000002.png") > (400, 400)
    call("sample", tmp_path / "run", "--count", 500, "--seed", 3, "--out", tmp_path / "a.npy")
    points = np.load(tmp_path / "a.npy")
    assert points.shape == (500, 2)
    made = cli.experiment(data, "mlp", None, None, 0)
    assert points.std() > 0.3 * made.unit


def test_resume_starts_afresh_if_nothing_is_saved(tmp_path):
    assert trained(tmp_path / "new", "--resume").exit_code == 0
    assert snapshots.steps(tmp_path / "new" / "snapshots")[-1] == 4


def test_losses_and_penalties_are_those_asked_for():
    for name, loss in cli.GAMES.items():
        assert cli.experiment("ring", "mlp", name, None, 0).loss is loss
    made = cli.experiment("ring", "mlp", "wasserstein", 3.0, 0)
    assert made.settings["penalty_weight"] == 3.0
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    expected = losses.wgan_gp(made.D, losses.between(x, -x), 1.0)
    torch.testing.assert_close(made.settings["penalty"](made.D, x, -x), expected)
    assert cli.experiment("mnist", "began", None, None, 0).loss.balance
    for name in ("faces", "mnist"):
        assert cli.source_of(name)(3, gen()).shape == (3, 784)
    plain, augmented = (cli.source_of("mnist", augment)(40, gen()) for augment in (False, True))
    assert plain.shape == augmented.shape
    assert not torch.equal(plain, augmented)


def gen():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "no/such/folder"}, "there is no folder no/such/folder"),
        ({"model": "dcgan"}, "ring has no pictures: it needs --model mlp"),
        ({"data": "faces", "model": "began", "loss": "hinge"}, "takes no --loss"),
        ({"every": 0}, "expected every, keep and milestone >= 1"),
        ({"steps": 0}, "expected steps, batch_size"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, options, message):
    result = trained(tmp_path / "run", **options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_empty_folder_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    result = trained(tmp_path / "run", data=tmp_path / "empty")
    assert result.exit_code == 2
    assert "there is no picture in" in result.stderr


def test_a_run_is_not_written_over(tmp_path):
    run = tmp_path / "run"
    trained(run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for words, options, message in (
        ((), {}, "add --resume or choose another --out"),
        (("--resume",), {"seed": 5}, "was started with --seed 0: resume it so"),
    ):
        result = trained(run, *words, **options)
        assert result.exit_code == 2
        assert message in result.stderr
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_damage_is_told_in_one_line(tmp_path):
    run = tmp_path / "run"
    trained(run)
    (run / "snapshots" / "step-000000004.snapshot").write_bytes(b"?")
    result = trained(run, "--resume")
    assert result.exit_code == 2
    assert "The newest whole snapshot before it is" in result.stderr
    (run / "settings.json").write_text("{")
    assert "settings.json is damaged" in call("sample", run, "--out", "a.png").stderr


def test_a_full_disk_leaves_the_last_snapshot_whole(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    interrupt_at(tmp_path / "run", 3)
    monkeypatch.setattr(os, "fsync", full)
    result = trained(tmp_path / "run", "--resume")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert snapshots.load(tmp_path / "run" / "snapshots", 3)["step"] == 3


def test_a_read_only_folder_is_one_line_and_loses_nothing(tmp_path, monkeypatch):
    interrupt_at(tmp_path / "run", 3)

    def read_only(path, mode="r", *arguments, **options):
        if "w" in mode:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, mode, *arguments, **options)

    original = snapshots.Path.open
    monkeypatch.setattr(snapshots.Path, "open", read_only)  # root may write into any folder
    result = trained(tmp_path / "run", "--resume")
    assert result.exit_code == 2
    assert "Permission denied" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert snapshots.load(tmp_path / "run" / "snapshots", 3)["step"] == 3


@pytest.mark.slow
def test_torchrun_trains_and_resumes(tmp_path):
    """Two real processes, as a user starts them; the first alone writes and speaks."""
    run = [*(sys.executable, "-m", "torch.distributed.run", "--standalone"), "--nproc-per-node=2"]
    run += ["-m", "ganbook", "train", "--data", "ring", "--steps", "4", "--every", "2"]
    run += ["--out", str(tmp_path / "run")]
    folder = tmp_path / "run" / "snapshots"
    for more in ([], ["--resume"]):
        done = subprocess.run([*run, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("step 4 is saved") == 1
        assert snapshots.steps(folder) == [0, 2, 4]
        snapshots.path_of(folder, 4).unlink()  # the second time there is something left to do


def test_samples_that_are_not_there_are_refused(tmp_path):
    assert "there is no run in" in call("sample", tmp_path, "--out", "a.png").stderr
    run = tmp_path / "run"
    trained(run, data="faces")
    for words, message in (
        (("--step", 3), "there are [0, 2, 4]"),
        (("--count", 65), "64 samples were kept"),
        (("--index", 64), "64 samples were kept"),
    ):
        result = call("sample", run, *words, "--out", tmp_path / "a.png")
        assert result.exit_code == 2
        assert message in result.stderr
    for path in (run / "snapshots").iterdir():
        path.unlink()
    assert "there is no snapshot" in call("sample", run, "--out", "a.png").stderr


def test_help_reads_well():
    for words in (("--help",), ("train", "--help"), ("sample", "--help")):
        result = call(*words)
        assert result.exit_code == 0
        assert "Options:" in result.stdout
