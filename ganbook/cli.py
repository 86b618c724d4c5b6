"""The command line: `python -m ganbook train` and `python -m ganbook sample`."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from ganbook import data, losses, models, plots, recipes, snapshots, train

app = typer.Typer(
    help="Train GANs from a terminal, stop and resume them, and return to what they once made.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
SIDE, SHOWN = 28, 64  # pixels of a picture's side, and how many samples are shown and kept
PROBLEMS = (OSError, ValueError, ImportError, snapshots.SnapshotError, FloatingPointError)

Model = StrEnum("Model", {name: name for name in ("mlp", "dcgan", "began")})
GAMES = {
    "minimax": losses.MINIMAX,
    "non-saturating": losses.NON_SATURATING,
    "wasserstein": losses.WASSERSTEIN,
    "least-squares": losses.LEAST_SQUARES,
    "hinge": losses.HINGE,
    "relativistic": losses.RELATIVISTIC,
}
MIXTURES = {"ring": recipes.RING, "grid": recipes.GRID}
Game = StrEnum("Game", {name: name for name in GAMES})


# --- what is trained ------------------------------------------------------------------------------


@dataclass
class Experiment:
    """What a line of settings means.

    Attributes:
        G, D: new nets.
        loss: the game.
        settings: what `train.fit` takes besides.
        z: the noise of the samples that are shown, shape (SHOWN, n_z).
        draw: writes samples, shape (N, n), as a picture.
        unit: samples are multiplied by it.
    """

    G: nn.Module
    D: nn.Module
    loss: losses.Loss
    settings: dict
    z: Tensor
    draw: Callable[[Tensor, Path], None]
    unit: float = 1.0


def mixture_experiment(recipe: recipes.Recipe, generator: torch.Generator) -> Experiment:
    """Ring or grid, one GAN, by its recipe."""
    G = models.MLP(recipe.g_sizes, skip=True, generator=generator)
    D = models.MLP(recipe.d_sizes, generator=generator)
    settings = recipes.settings(recipe)
    z = torch.randn(1000, recipe.g_sizes[0], generator=torch.Generator().manual_seed(0))

    def draw(x: Tensor, path: Path) -> None:
        figure = Figure(figsize=(5, 5), layout="constrained")
        ax = figure.subplots()
        real = recipe.law.sample(1000, torch.Generator().manual_seed(0))
        ax.plot(*real.T, "o", markersize=3, alpha=0.5, color=plots.INK["data"], label="data")
        ax.plot(*x.T, "D", markersize=3, alpha=0.5, color=plots.INK["gen"], label="fakes")
        ax.set_aspect("equal")
        ax.legend()
        figure.savefig(path, dpi=110)

    return Experiment(G, D, recipe.loss, settings, z, draw, recipe.scale)


def image_experiment(model: str, generator: torch.Generator) -> Experiment:
    """Images, one GAN, by the recipe of its model."""
    recipe = recipes.IMAGES[model]
    G, D = recipe.nets(SIDE, generator)
    noise = recipe.settings.get("noise") or train.gaussian_noise(G)
    z = noise(SHOWN, torch.Generator().manual_seed(0))
    return Experiment(G, D, recipe.loss, dict(recipe.settings), z, draw_images)


def experiment(name: str, model: str, loss: str | None, gamma: float | None, seed: int):
    """The `Experiment` that the settings of the command line mean."""
    generator = torch.Generator().manual_seed(seed)
    if name in MIXTURES:
        if model != "mlp":
            raise ValueError(f"{name} has no pictures: it needs --model mlp; got {model}")
        made = mixture_experiment(MIXTURES[name], generator)
    else:
        made = image_experiment(model, generator)
    if loss is not None:
        if model == "began":
            raise ValueError("BEGAN is a game of its own: --model began takes no --loss")
        made.loss = GAMES[loss]
    if loss == "wasserstein":
        made.settings |= {"penalty": gradient_penalty, "penalty_weight": 10.0, "penalty_every": 1}
    if gamma is not None:
        made.settings["penalty_weight"] = gamma
    made.settings["generator"] = generator
    return made


def gradient_penalty(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """WGAN-GP between real and fake points, of weight 1."""
    return losses.wgan_gp(D, losses.between(real, fake), 1.0)


def source_of(name: str, augment: bool = False) -> Callable:
    """What draws the named data, or the pictures in a folder: (n, generator) -> (n, ...)."""
    sampler = data.augmented if augment or name == "faces" else data.resample
    if name in MIXTURES:
        return MIXTURES[name].sample_data
    if name == "mnist":
        return sampler(data.mnist()[0])
    if name == "faces":
        return sampler(data.faces(SIDE))
    if name == "fashion":
        return sampler(data.fashion_mnist()[0])
    images, unreadable = data.image_folder(name, SIDE)
    if train.processes()[0] == 0:
        for file in unreadable:
            print(f"skipped, no picture: {file}", file=sys.stderr)
        print(f"{len(images)} pictures from {name}", file=sys.stderr)
    return sampler(images)


def draw_images(x: Tensor, path: Path) -> None:
    """Images as one sheet, eight in a row (fewer if there are fewer), three pixels for one."""
    columns = min(8, len(x))
    missing = -len(x) % columns
    x = torch.cat([x, torch.ones(missing, x.shape[1])]).clamp(-1, 1)
    sheet = x.view(-1, columns, SIDE, SIDE).transpose(1, 2).reshape(-1, columns * SIDE)
    pixels = ((sheet + 1) * 127.5).round().to(torch.uint8).numpy()
    Image.fromarray(pixels).resize((3 * pixels.shape[1], 3 * pixels.shape[0]), 0).save(path)


def generate(G: nn.Module, z: Tensor) -> Tensor:
    """Samples of one batch of noise, on the CPU."""
    with torch.no_grad():
        return G(z.to(next(G.parameters()).device)).cpu()


# --- commands -------------------------------------------------------------------------------------


@contextlib.contextmanager
def one_line_errors():
    """Problems that users can solve end in one line and exit code 2, not in a traceback."""
    try:
        yield
    except PROBLEMS as error:
        print(f"ganbook: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(2) from None


@app.command("train")
def train_command(
    name: Annotated[
        str,
        typer.Option("--data", help="ring, grid, mnist, faces, fashion, or a folder of pictures"),
    ],
    out: Annotated[Path, typer.Option(help="folder for snapshots, samples and curves")],
    model: Annotated[Model, typer.Option(help="the nets")] = Model.mlp,
    loss: Annotated[Game | None, typer.Option(help="the game, if not the recipe's")] = None,
    gamma: Annotated[float | None, typer.Option(help="weight of the gradient penalty")] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="flip, shift and light pictures: more of few")
    ] = False,
    steps: Annotated[int, typer.Option(help="steps in all")] = 5000,
    seed: Annotated[int, typer.Option(help="of weights, data and noise")] = 0,
    every: Annotated[int, typer.Option(help="steps between snapshots")] = 500,
    keep: Annotated[int, typer.Option(help="how many of the latest snapshots stay")] = 3,
    milestone: Annotated[
        int | None, typer.Option(help="snapshots at multiples of this stay, too")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with what is in --out")] = False,
) -> None:
    """Train a GAN. Ctrl-C saves and leaves; --resume goes on, bit for bit.

    With several processes:  torchrun --nproc-per-node 2 -m ganbook train …
    """
    line = {"data": name, "model": model.value, "loss": loss and loss.value}
    line |= {"gamma": gamma, "augment": augment, "steps": steps, "seed": seed}
    with one_line_errors(), among_processes() as device:
        source = source_of(name, augment)
        made = experiment(name, line["model"], line["loss"], gamma, seed)
        agree(out / "settings.json", line, resume)
        keeper = snapshots.Snapshots(
            out / "snapshots", every=every, keep=keep, milestone=milestone, z=made.z
        )
        watch = Watch(made, out, keeper)
        plots.use_style()
        signal.signal(signal.SIGINT, watch.interrupt)
        train.keep_memory()
        with contextlib.suppress(Interrupted):
            train.fit(
                *(made.G, made.D, source, made.loss),
                steps=steps,
                device=device,
                callback=watch,
                progress=train.processes()[0] == 0,
                **made.settings,
            )
        if train.processes()[0] == 0:
            print(f"step {snapshots.steps(keeper.folder)[-1]} is saved in {out}", file=sys.stderr)


@app.command("sample")
def sample_command(
    folder: Annotated[Path, typer.Argument(help="what `train` was given as --out")],
    out: Annotated[Path, typer.Option(help="a picture (.png) or the numbers (.npy)")],
    step: Annotated[int | None, typer.Option(help="of a snapshot; the latest if not given")] = None,
    count: Annotated[int, typer.Option(help="the first so many samples")] = SHOWN,
    index: Annotated[int | None, typer.Option(help="this one sample only, counted from 0")] = None,
    seed: Annotated[
        int | None, typer.Option(help="fresh noise, not the batch that was seen")
    ] = None,
) -> None:
    """Make samples from a snapshot: the very ones that were seen at that step."""
    with one_line_errors():
        line = read_settings(folder / "settings.json")
        plots.use_style()
        made = experiment(line["data"], line["model"], line["loss"], line["gamma"], line["seed"])
        known = snapshots.steps(folder / "snapshots")
        if not known:
            raise FileNotFoundError(f"there is no snapshot in {folder}")
        state = snapshots.load(folder / "snapshots", known[-1] if step is None else step)
        z = state["z"] if seed is None else fresh_noise(made, count, seed)
        if not 1 <= count <= len(z) or (index is not None and not 0 <= index < len(z)):
            raise ValueError(f"{len(z)} samples were kept; for others give --seed for fresh noise")
        made.G.load_state_dict(state["ema"] or state["G"])
        x = made.unit * generate(made.G, z)
        x = x[:count] if index is None else x[index : index + 1]
        out.parent.mkdir(parents=True, exist_ok=True)
        np.save(out, x.numpy()) if out.suffix == ".npy" else made.draw(x, out)
        print(f"{len(x)} samples of step {state['step']} are in {out}", file=sys.stderr)


def fresh_noise(made: Experiment, count: int, seed: int) -> Tensor:
    """Noise that no run has seen, shape (count, n_z)."""
    noise = made.settings.get("noise") or train.gaussian_noise(made.G)
    return noise(count, torch.Generator().manual_seed(seed))


# --- while it runs --------------------------------------------------------------------------------


class Interrupted(Exception):  # noqa: N818 (no error: the user's wish)
    """Ctrl-C was pressed and the run is saved."""


class Watch:
    """The callback of a run: snapshots, pictures, and a clean end on Ctrl-C."""

    def __init__(self, made: Experiment, out: Path, keeper: snapshots.Snapshots):
        self.made, self.out, self.keeper, self.stop = made, out, keeper, False

    def interrupt(self, *signal_and_frame) -> None:
        """Remember Ctrl-C until the step is whole."""
        self.stop = True

    def __call__(self, run: train.Run) -> None:
        """After every step."""
        self.keeper(run)
        if self.stop and run.step % self.keeper.every:
            self.keeper.save(run)
        if (self.stop or run.step % self.keeper.every == 0) and train.processes()[0] == 0:
            self.show(run)
        if self.stop:
            raise Interrupted

    def show(self, run: train.Run) -> None:
        """Write the samples of this step and the curves so far."""
        (self.out / "samples").mkdir(exist_ok=True)
        x = self.made.unit * generate(run.ema or run.G, self.made.z)
        self.made.draw(x, self.out / "samples" / f"step-{run.step:09d}.png")
        curves = {"D's loss": run.d_loss, "G's loss": run.g_loss, "M_global": run.m_global}
        figure = Figure(figsize=(7, 3), layout="constrained")
        ax = figure.subplots()
        for (name, values), colour in zip(curves.items(), ("disc", "gen", "value"), strict=True):
            if values:
                ax.plot(torch.stack(values).cpu(), color=plots.INK[colour], lw=0.8, label=name)
        ax.set_xlabel("step")
        if run.step:
            ax.legend()
        figure.savefig(self.out / "curves.png", dpi=110)


@contextlib.contextmanager
def among_processes():
    """Join the processes that torchrun has started, if it has; yields the device to train on."""
    cuda = torch.cuda.is_available()
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield "cuda" if cuda else "cpu"
        return
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield f"cuda:{os.environ['LOCAL_RANK']}" if cuda else "cpu"
    finally:
        torch.distributed.destroy_process_group()


def agree(path: Path, line: dict, resume: bool) -> None:
    """Write the settings of a new run, or see that a resumed one has the same.

    Raises:
        ValueError: if the folder holds a run and the settings differ, or it is not to be resumed.
    """
    if train.processes()[0] > 0:
        return
    if path.exists():
        if not resume:
            raise ValueError(f"{path.parent} holds a run: add --resume or choose another --out")
        then = read_settings(path)
        differing = [name for name in line if line[name] != then.get(name)]
        if differing:
            was = ", ".join(f"--{name} {then.get(name)}" for name in differing)
            raise ValueError(f"the run in {path.parent} was started with {was}: resume it so")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(line, indent=2) + "\n", encoding="utf-8")


def read_settings(path: Path) -> dict:
    """The settings that a run was started with.

    Raises:
        FileNotFoundError, ValueError: if there are none or they are damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no run in {path.parent}: {path.name} is missing")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
