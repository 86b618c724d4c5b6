"""What one training step costs for one seed, against peers and against the floor: `make bench`.

All contenders train the same GAN (nets 64 wide, batches of 128 points of the ring, the
non-saturating game, Adam) on one thread. They take turns, a few dozen steps each; what is reported
is the median, over the rounds, of each one's CPU time divided by the plain loop's in that round.
"""

import contextlib
import importlib.metadata
import io
import itertools
import os
import platform
import statistics
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ganbook import data, losses, models, train

BATCH, LR, BETAS = 128, 1e-3, (0.5, 0.999)
G_SIZES, D_SIZES = (2, 64, 64, 2), (2, 64, 64, 1)
ROUNDS = 15
PEERS = Path(__file__).parents[2] / ".venv" / "peers"


def source(seed: int = 0) -> Callable:
    """Batches of the ring, drawn from points that are made once: no contender pays for the law."""
    points = data.ring().sample(10_000, torch.Generator().manual_seed(seed)).float()
    return data.resample(points)


def plain_net(sizes) -> nn.Sequential:
    """An MLP as everyone writes it."""
    layers = [[nn.Linear(a, b), nn.ReLU()] for a, b in itertools.pairwise(sizes)]
    return nn.Sequential(*itertools.chain(*layers))[:-1]


def batches(steps: int):
    """`steps` batches, ready made, as a loader hands them out."""
    draw, generator = source(), torch.Generator().manual_seed(1)
    return [(draw(BATCH, generator),) for _ in range(steps)]


# --- contenders: each is a function (steps) -> CPU seconds ----------------------------------------


def timed(steps: int, work: Callable[[], None]) -> float:
    """CPU seconds of `steps` calls."""
    start = time.process_time()
    for _ in range(steps):
        work()
    return time.process_time() - start


def plain_loop() -> Callable:
    """The usual loop: BCE with labels, two Adams, one seed."""
    G, D = plain_net(G_SIZES), plain_net(D_SIZES)
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), LR, BETAS) for net in (G, D))
    bce, real_label, fake_label = (
        nn.BCEWithLogitsLoss(),
        torch.ones(BATCH, 1),
        torch.zeros(BATCH, 1),
    )
    draw, generator = source(), torch.Generator().manual_seed(1)

    def step():
        real = draw(BATCH, generator)
        opt_D.zero_grad()
        fake = G(torch.randn(BATCH, 2, generator=generator))
        d_loss = bce(D(real), real_label) + bce(D(fake.detach()), fake_label)
        d_loss.backward()
        opt_D.step()
        opt_G.zero_grad()
        fake = G(torch.randn(BATCH, 2, generator=generator))
        g_loss = bce(D(fake), real_label)
        g_loss.backward()
        opt_G.step()
        d_loss.item(), g_loss.item()

    return lambda steps: timed(steps, step)


def ours(seeds: int | None, precision: torch.dtype | None = None) -> Callable:
    """`train.fit` with S seeds at once."""

    def run(steps):
        generator = models.generators(seeds or 1)
        generator = generator if seeds else generator[0]
        G = models.MLP(G_SIZES, seeds=seeds, generator=generator)
        D = models.MLP(D_SIZES, seeds=seeds, generator=generator)
        settings = {"lr": LR, "betas": BETAS, "precision": precision, "progress": False}
        game = losses.NON_SATURATING
        start = time.process_time()
        train.fit(G, D, source(), game, steps=steps, generator=generator, **settings)
        return (time.process_time() - start) / (seeds or 1)

    return run


def vmapped(seeds: int) -> Callable:
    """The same stack by `torch.func`: one net, mapped over its weights."""
    nets = {"G": plain_net(G_SIZES), "D": plain_net(D_SIZES)}
    weights = {
        name: {key: torch.stack([p] * seeds).detach() for key, p in net.named_parameters()}
        for name, net in nets.items()
    }
    opt_G, opt_D = (torch.optim.Adam(weights[name].values(), LR, BETAS) for name in "GD")
    call = lambda name, w, x: torch.func.functional_call(nets[name], w, (x,))  # noqa: E731
    draw, generators = source(), models.generators(seeds)

    def d_loss(wD, real, fake):
        return losses.NON_SATURATING.d(call("D", wD, real), call("D", wD, fake)).mean()

    def g_loss(wG, wD, z):
        return losses.NON_SATURATING.g(None, call("D", wD, call("G", wG, z))).mean()

    d_slopes = torch.vmap(torch.func.grad_and_value(d_loss))
    g_slopes = torch.vmap(torch.func.grad_and_value(g_loss))
    generate = torch.vmap(lambda w, z: call("G", w, z))

    def descend(name, optimiser, slopes):
        for key, weight in weights[name].items():
            weight.grad = slopes[key]
        optimiser.step()

    def noise():
        return torch.stack([torch.randn(BATCH, 2, generator=g) for g in generators])

    def step():
        real = torch.stack([draw(BATCH, g) for g in generators])
        fake = generate(weights["G"], noise())
        descend("D", opt_D, d_slopes(weights["D"], real, fake)[0])
        descend("G", opt_G, g_slopes(weights["G"], weights["D"], noise())[0])

    return lambda steps: timed(steps, step) / seeds


def floor(seeds: int, dtype: torch.dtype = torch.float32) -> Callable:
    """The matrix products of one step and nothing else: what no implementation can avoid."""

    def layers(sizes, *, inputs: bool, weights: bool):
        for depth, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            yield (BATCH, n_in, n_out)
            if weights:
                yield (n_in, BATCH, n_out)  # the gradient of the weights
            if inputs or depth > 0:
                yield (BATCH, n_out, n_in)  # the gradient of the layer's input

    forward = [(BATCH, a, b) for a, b in itertools.pairwise(G_SIZES)]
    d_products = [*layers(D_SIZES, inputs=False, weights=True)] * 2  # on real and on fake
    g_products = [
        *layers(G_SIZES, inputs=False, weights=True),
        *layers(D_SIZES, inputs=True, weights=False),
    ]
    operands = [
        (torch.randn(seeds, rows, inner).to(dtype), torch.randn(seeds, inner, columns).to(dtype))
        for rows, inner, columns in [*forward, *d_products, *g_products]
    ]

    def step():
        for left, right in operands:
            torch.bmm(left, right)

    return lambda steps: timed(steps, step) / seeds


def torchgan() -> Callable:
    """torchgan's Trainer, its own losses; its loop without the pictures and files of each epoch."""
    # It imports torchvision for saving pictures alone, which the benchmark does not do.
    sys.modules["torchvision"] = types.ModuleType("torchvision")
    os.environ.update(TENSORBOARD_LOGGING="0", VISDOM_LOGGING="0", CONSOLE_LOGGING="0")
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import Discriminator, Generator
    from torchgan.trainer import Trainer

    del sys.modules["torchvision"]

    class G(Generator):
        def __init__(self):
            super().__init__(encoding_dims=2, label_type="none")
            self.net = plain_net(G_SIZES)

        def forward(self, z):
            return self.net(z)

    class D(Discriminator):
        def __init__(self):
            super().__init__(input_dims=2, label_type="none")
            self.net = plain_net(D_SIZES)

        def forward(self, x):
            return self.net(x)[:, 0]  # its losses compare with labels of shape (B,)

    adam = {"name": torch.optim.Adam, "args": {"lr": LR, "betas": BETAS}}
    folder = tempfile.mkdtemp()
    trainer = Trainer(
        {
            "generator": {"name": G, "optimizer": adam},
            "discriminator": {"name": D, "optimizer": adam},
        },
        [MinimaxGeneratorLoss(nonsaturating=True), MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        checkpoints=f"{folder}/model/gan",
        recon=f"{folder}/images",
    )
    trainer.batch_size = BATCH
    trainer._store_loss_maps()
    draw, generator = source(), torch.Generator().manual_seed(1)

    def step():
        trainer.real_inputs = draw(BATCH, generator)
        lgen, ldis, gen_iter, dis_iter = trainer.train_iter()
        trainer.loss_information["generator_losses"] += lgen
        trainer.loss_information["discriminator_losses"] += ldis
        trainer.loss_information["generator_iters"] += gen_iter
        trainer.loss_information["discriminator_iters"] += dis_iter

    return lambda steps: timed(steps, step)


def lightning() -> Callable:
    """Lightning as its GAN example does it: manual optimisation, no logger, no files, no bar."""
    import lightning as L
    from lightning.pytorch.utilities import disable_possible_user_warnings

    disable_possible_user_warnings()

    class GAN(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False
            self.G, self.D = plain_net(G_SIZES), plain_net(D_SIZES)

        def configure_optimizers(self):
            return [torch.optim.Adam(net.parameters(), LR, BETAS) for net in (self.G, self.D)]

        def training_step(self, batch, _):
            (real,) = batch
            opt_G, opt_D = self.optimizers()
            ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
            bce = nn.functional.binary_cross_entropy_with_logits
            self.toggle_optimizer(opt_D)
            fake = self.G(torch.randn(BATCH, 2)).detach()
            d_loss = bce(self.D(real), ones) + bce(self.D(fake), zeros)
            opt_D.zero_grad()
            self.manual_backward(d_loss)
            opt_D.step()
            self.untoggle_optimizer(opt_D)
            self.toggle_optimizer(opt_G)
            g_loss = bce(self.D(self.G(torch.randn(BATCH, 2))), ones)
            opt_G.zero_grad()
            self.manual_backward(g_loss)
            opt_G.step()
            self.untoggle_optimizer(opt_G)

    class Clock(L.Callback):
        """Starts after the set-up and two steps."""

        def on_train_batch_start(self, trainer, module, batch, index):
            if index == 2:
                self.start = time.process_time()

    def run(steps):
        clock = Clock()
        quiet = {
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        trainer = L.Trainer(accelerator="cpu", max_epochs=1, callbacks=[clock], **quiet)
        loader = torch.utils.data.DataLoader(batches(steps + 2), batch_size=None)
        trainer.fit(GAN(), loader)
        return time.process_time() - clock.start

    return run


# --- images -----------------------------------------------------------------------------------


def images(device: str, precision: torch.dtype | None, batch: int) -> float:
    """Images per second of the DCGAN pair: a D step and a G step for each batch, wall time."""
    generator = models.generators(1)[0]
    G = models.DCGenerator(generator=generator)
    D = models.DCDiscriminator(generator=generator)
    draw = data.resample(torch.randn(1000, 784, generator=generator).clamp(-1, 1))
    marks = []

    def mark(run):
        if device != "cpu":
            torch.cuda.synchronize()
        marks.append(time.perf_counter())

    settings = {"device": device, "precision": precision, "callback": mark, "progress": False}
    game = losses.NON_SATURATING
    train.fit(G, D, draw, game, steps=30, batch_size=batch, generator=generator, **settings)
    return batch / statistics.median(b - a for a, b in itertools.pairwise(marks[6:]))


def images_table() -> None:
    """The table of images per second."""
    print("\n| DCGAN pair, 28 × 28, images per second | float32 | bfloat16 |\n|:--|--:|--:|")
    devices = [("cpu", processor(), 64)]
    if torch.cuda.is_available():
        devices.append(("cuda", torch.cuda.get_device_name(), 512))
    for device, name, batch in devices:
        speeds = [images(device, precision, batch) for precision in (None, torch.bfloat16)]
        print(f"| {name}, batch {batch} | " + " | ".join(f"{s:,.0f}" for s in speeds) + " |")


# --- the table ------------------------------------------------------------------------------------


def contenders() -> dict[str, tuple[Callable, int]]:
    """Name -> (function, steps in a round)."""
    sys.path.append(str(PEERS))
    bf16 = torch.bfloat16
    versions = {name: importlib.metadata.version(name) for name in ("torchgan", "lightning")}
    return {
        "plain loop": (plain_loop(), 60),
        f"torchgan {versions['torchgan']}": (torchgan(), 40),
        f"Lightning {versions['lightning']}": (lightning(), 40),
        "vmap, S = 10": (vmapped(10), 20),
        "ganbook, S = None": (ours(None), 60),
        "ganbook, S = 1": (ours(1), 60),
        "ganbook, S = 10": (ours(10), 30),
        "ganbook, S = 32": (ours(32), 12),
        "ganbook, S = 10, bf16": (ours(10, bf16), 30),
        "ganbook, S = 32, bf16": (ours(32, bf16), 12),
        "products alone, S = 10": (floor(10), 30),
        "products alone, S = 32": (floor(32), 12),
        "products alone, S = 10, bf16": (floor(10, bf16), 30),
    }


def processor() -> str:
    """The CPU's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x.split(":")[1].strip() for x in lines if "model name" in x), platform.machine())


def main() -> None:
    """Run all rounds and print the table."""
    torch.set_num_threads(1)
    train.keep_memory()  # for all of them alike
    warnings.filterwarnings("ignore")
    entries = contenders()
    cost = {name: [] for name in entries}
    for _ in range(ROUNDS + 1):
        for name, (work, steps) in entries.items():
            with contextlib.redirect_stdout(io.StringIO()):
                cost[name].append(work(steps) / steps)
    print(f"{processor()}, one thread, torch {torch.__version__}, medians of {ROUNDS} rounds\n")
    print("| | of the plain loop | µs per seed and step |\n|:--|--:|--:|")
    base = cost["plain loop"][1:]  # the first round warms up
    for name, seconds in cost.items():
        ratio = statistics.median(a / b for a, b in zip(seconds[1:], base, strict=True))
        print(f"| {name} | {ratio:.2f} | {statistics.median(seconds[1:]) * 1e6:,.0f} |")
    images_table()


if __name__ == "__main__":
    main()
