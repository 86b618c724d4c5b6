"""Save a run, go on with it bit for bit, and return to a sample that was once seen.

A snapshot is one file: a line that says what it is, with a version and the SHA-256 of the rest, and
then everything the run consists of, as `torch.save` writes it. A file is never changed once it
stands under its name, so whatever kills the process leaves the earlier ones whole.
"""

import hashlib
import io
import os
import re
from pathlib import Path

import torch
from torch import Tensor, nn

from ganbook.train import Run, processes

VERSION = 1
HEADER = re.compile(rb"ganbook snapshot (\d+) ([0-9a-f]{64})\n")
NAME = re.compile(r"step-(\d{9})\.snapshot")


class SnapshotError(RuntimeError):
    """A snapshot is missing, damaged or foreign; the message says what to do."""


class Snapshots:
    """A callback for `train.fit` that saves the run as it goes and takes up one that was saved.

    Args:
        folder: where the snapshots are; made if missing.
        every: steps from one snapshot to the next.
        keep: how many of the latest ones stay.
        milestone: multiples of this step stay for ever, too.
        resume: whether to go on from the latest snapshot, if there is one.
        z: a batch of noise, the same in all snapshots, for `sample_at`.

    Raises:
        ValueError: for numbers that make no sense.
        SnapshotError: from the callback, when the latest snapshot cannot be read, or there is one
            and the run is not to go on from it.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        every: int = 1000,
        keep: int = 3,
        milestone: int | None = None,
        resume: bool = True,
        z: Tensor | None = None,
    ):
        if min(every, keep, milestone or 1) < 1:
            raise ValueError(
                f"expected every, keep and milestone >= 1; got {every}, {keep}, {milestone}"
            )
        self.folder, self.every, self.keep, self.z = Path(folder), every, keep, z
        self.milestone, self.resume = milestone, resume

    def __call__(self, run: Run) -> None:
        """Take the run up before its first step; save it at every so manieth one."""
        found = steps(self.folder) if run.step == 0 else []
        if found and not self.resume:
            raise SnapshotError(
                f"{self.folder} holds the run of another day: resume it or choose another folder"
            )
        if found:
            restore(run, load(self.folder, found[-1]))
        elif run.step % self.every == 0:
            self.save(run)

    def save(self, run: Run) -> None:
        """Write a snapshot of this step, then drop what need not stay. Rank 0 alone writes."""
        if processes()[0] > 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        write(path_of(self.folder, run.step), pack(state_of(run) | {"z": self.z}))
        for step in steps(self.folder)[: -self.keep]:
            if not (self.milestone and step % self.milestone == 0):
                path_of(self.folder, step).unlink()


def state_of(run: Run) -> dict:
    """All that the run consists of, as plain data."""
    return {
        **{name: getattr(run, name).state_dict() for name in ("G", "D", "opt_G", "opt_D")},
        "ema": None if run.ema is None else run.ema.state_dict(),
        "generators": [generator.get_state() for generator in run.generators],
        "step": run.step,
        "k": run.k,
        **{
            name: torch.stack(getattr(run, name)) if getattr(run, name) else None
            for name in ("d_loss", "g_loss", "m_global")
        },
    }


def restore(run: Run, state: dict) -> None:
    """Put a saved state into a run whose nets and settings are the same.

    Raises:
        SnapshotError: if nets or seeds do not fit.
    """
    if len(run.generators) != len(state["generators"]) or (run.ema is None) != (
        state["ema"] is None
    ):
        raise SnapshotError("the snapshot is of a run with other seeds or another moving average")
    try:
        for name in ("G", "D", "opt_G", "opt_D") + (("ema",) if run.ema is not None else ()):
            getattr(run, name).load_state_dict(state[name])
    except (RuntimeError, ValueError) as error:
        raise SnapshotError(f"the snapshot is of other nets: {error}") from error
    for generator, saved in zip(run.generators, state["generators"], strict=True):
        generator.set_state(saved)
    device = next(run.G.parameters()).device
    run.step, run.k = state["step"], None if state["k"] is None else state["k"].to(device)
    for name in ("d_loss", "g_loss", "m_global"):
        setattr(run, name, [] if state[name] is None else list(state[name].to(device).unbind()))


def sample_at(folder: str | os.PathLike, step: int, index: int, G: nn.Module) -> Tensor:
    """The very sample that number `index` of the fixed noise gave at a step, bit for bit.

    The whole batch is made again and one taken from it: a sample made alone differs in its last
    bits. The moving average of G makes it, where the run kept one.

    Args:
        folder: of the snapshots.
        step: one of `steps(folder)`.
        index: number in the fixed batch.
        G: a net of the run's shape; its weights are overwritten.

    Returns:
        shape of one sample, (n,), or (S, n) with a seed axis.

    Raises:
        SnapshotError: if there is no such snapshot, or it kept no noise.
    """
    state = load(folder, step)
    if state["z"] is None:
        raise SnapshotError("no noise was kept: give Snapshots a batch z")
    G.load_state_dict(state["G"] if state["ema"] is None else state["ema"])
    with torch.no_grad():
        return G(state["z"])[..., index, :]


# --- files ----------------------------------------------------------------------------------------


def path_of(folder: str | os.PathLike, step: int) -> Path:
    """Where the snapshot of a step is."""
    return Path(folder, f"step-{step:09d}.snapshot")


def steps(folder: str | os.PathLike) -> list[int]:
    """The steps that have a snapshot, in order; whether it is whole is seen by `load`."""
    names = [NAME.fullmatch(path.name) for path in Path(folder).glob("*.snapshot")]
    return sorted(int(name[1]) for name in names if name)


def pack(state: dict) -> bytes:
    """The bytes of a snapshot."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    body = buffer.getvalue()
    return b"ganbook snapshot %d %s\n" % (VERSION, hashlib.sha256(body).hexdigest().encode()) + body


def write(path: Path, content: bytes) -> None:
    """Write a whole file or none: beside it first, on disk for sure, then renamed."""
    for leftover in path.parent.glob("*.writing"):  # of a process that was killed
        leftover.unlink()
    beside = path.with_suffix(".writing")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)  # a full disk: give the room back
        raise
    folder = os.open(path.parent, os.O_RDONLY)  # the new name must reach the disk, too
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(folder: str | os.PathLike, step: int) -> dict:
    """The state saved at a step.

    Raises:
        SnapshotError: if it is missing, truncated, foreign or from a newer version; the message
            names the newest whole snapshot before it.
    """
    path = path_of(folder, step)
    if not path.is_file():
        raise SnapshotError(f"no snapshot of step {step} in {folder}; there are {steps(folder)}")
    complaint, body = examine(path.read_bytes())
    if complaint:
        raise SnapshotError(f"{path} {complaint}. {advice(folder, step)}")
    return torch.load(io.BytesIO(body), weights_only=True, map_location="cpu")


def examine(content: bytes) -> tuple[str, bytes]:
    """What is wrong with a snapshot's bytes, or an empty text, and its body."""
    header = HEADER.match(content)
    if header is None:
        return "is no snapshot of ganbook, or its beginning is lost", b""
    if int(header[1]) > VERSION:
        return f"has format {int(header[1])}, newer than this ganbook's {VERSION}: update it", b""
    body = content[header.end() :]
    if hashlib.sha256(body).hexdigest().encode() != header[2]:
        return "is truncated or damaged", b""
    return "", body


def advice(folder: str | os.PathLike, step: int) -> str:
    """What to do when the snapshot of a step cannot be read."""
    for earlier in reversed([known for known in steps(folder) if known < step]):
        if not examine(path_of(folder, earlier).read_bytes())[0]:
            whole = path_of(folder, earlier)
            return f"The newest whole snapshot before it is {whole}: delete later ones to go on"
    return "No whole snapshot comes before it: start afresh"
