"""`latent`: a trained generator in the page, and a plane through its latent space to walk in.

A chapter gives its G to `keep`, which rounds the weights to 6 bits, one letter of text each, and
returns the rounded net: what the chapter measures is then what the page shows. The text lies beside
this module and is committed like the notebook's outputs, for the book is made without training.
"""

import json
import math
import os
import string
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ganbook import plots
from ganbook.live import files, step
from ganbook.live.compile import translate
from ganbook.models import MLP

FOLDER = Path(__file__).parent  # where the weights lie, as latent-<name>.json
NETS = {  # name: the chapter that trains it, and whether 1 is ink (else it is light)
    "digits": ("book/images.ipynb", True),
    "faces": ("book/began.ipynb", False),
}
NOISES = {  # name: draws of z, and the root mean square of a coordinate
    "normal": (lambda shape, g: torch.randn(shape, generator=g), 1.0),
    "uniform": (lambda shape, g: 2 * torch.rand(shape, generator=g) - 1, 3**-0.5),
}
ACTIVATIONS = {"relu": torch.relu, "elu": nn.functional.elu}
OUTPUTS = {"tanh": torch.tanh, "none": None}
LIMIT = 200_000  # bytes of one net's text

# --- weights as text ------------------------------------------------------------------------------

LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
MOST = 31  # a letter is a whole number from -31 to 31, counted from the middle of LETTERS
FINE, FINER = 1023, 4095  # the largest whole numbers that stand for a scale and for a bias


def unit(largest: float, whole: int) -> float:
    """The least power of two of which `largest` is at most `whole` times.

    Products of it and of whole numbers are exact, in Python and in the page alike.
    """
    return 2.0 ** math.ceil(math.log2(max(largest, 1e-30) / whole))


def rounded(weight: Tensor) -> tuple[Tensor, Tensor, float]:
    """Whole numbers up to MOST, one scale for each column as a whole number, and its unit."""
    largest = weight.abs().amax(0) / MOST
    size = unit(largest.max().item(), FINE)
    scales = (largest / size).round().clamp_min(1)
    levels = (weight / (scales * size)).round().clamp(-MOST, MOST)
    return levels.long(), scales.long(), size


def packed(G: MLP, noise: str = "normal") -> dict:
    """A generator as whole numbers and letters, ready for JSON.

    Raises:
        ValueError: for a net that the page cannot show; says what was given and expected.
    """
    if not isinstance(G, MLP) or G.seeds is not None or G.skip:
        raise ValueError(f"expected an MLP without a seed axis and without skip; got {G}")
    names = []
    for what, given, known in (
        ("activation", G.activation, ACTIVATIONS),
        ("output", G.output, OUTPUTS),
    ):
        names += [name for name, function in known.items() if function is given]
        if given not in known.values():
            raise ValueError(f"expected {what} among {tuple(known)}; got {given}")
    if noise not in NOISES:
        raise ValueError(f"expected noise among {tuple(NOISES)}; got {noise!r}")
    if math.isqrt(G.sizes[-1]) ** 2 != G.sizes[-1]:
        raise ValueError(f"expected a square picture, side² outputs; got {G.sizes[-1]}")
    if not all(bool(p.isfinite().all()) for p in G.parameters()):
        raise ValueError("expected finite weights; got NaN or infinity")
    layers = []
    for weight, bias in zip(G.weights, G.biases, strict=True):
        levels, scales, size = rounded(weight.detach().double())
        bias = bias.detach().double().view(-1)
        bias_size = unit(bias.abs().max().item(), FINER)
        layers.append(
            {
                "unit": size,
                "scales": scales.tolist(),
                "bias_unit": bias_size,
                "biases": (bias / bias_size).round().long().tolist(),
                "weights": "".join(LETTERS[k + 32] for k in levels.view(-1).tolist()),
            }
        )
    activation, output = names
    kinds = {"activation": activation, "output": output, "noise": noise}
    return {"sizes": list(G.sizes), **kinds, "layers": layers}


def unpacked(content: dict) -> MLP:
    """The net that `packed` wrote down, in float32, with weights that need no gradient."""
    net = MLP(
        content["sizes"],
        activation=ACTIVATIONS[content["activation"]],
        output=OUTPUTS[content["output"]],
        generator=torch.Generator().manual_seed(0),
    )
    number = {letter: k - 32 for k, letter in enumerate(LETTERS)}
    for layer, weight, bias in zip(content["layers"], net.weights, net.biases, strict=True):
        levels = torch.tensor([number[letter] for letter in layer["weights"]])
        scales = layer["unit"] * torch.tensor(layer["scales"])
        weight.data = levels.view(weight.shape) * scales
        bias.data = layer["bias_unit"] * torch.tensor(layer["biases"]).view(bias.shape)
    return net.requires_grad_(False)


def quantised(G: MLP) -> MLP:
    """A generator with the weights that the page would have: 6 bits each.

    Raises:
        ValueError: for a net that the page cannot show; says what was given and expected.
    """
    return unpacked(packed(G))


def place(name: str) -> Path:
    """The file of a net's weights."""
    if name not in NETS:
        raise ValueError(f"expected a net among {tuple(NETS)}; got {name!r}")
    return FOLDER / f"latent-{name}.json"


def keep(name: str, G: MLP, noise: str = "normal") -> MLP:
    """The generator as the live figure has it; `make execute` also stores it for the figure.

    Args:
        name: ``"digits"`` or ``"faces"``.
        G: an MLP of relu or elu, its output tanh or nothing, that makes square pictures.
        noise: the law of each coordinate of z: ``"normal"``, or ``"uniform"`` from -1 to 1.

    Returns:
        the same net with rounded weights: what it makes is what a reader sees.

    Raises:
        ValueError: for a net that the page cannot show; says what was given and expected.
    """
    target, text = place(name), json.dumps(packed(G, noise)) + "\n"
    if len(text) > LIMIT:
        raise ValueError(
            f"expected weights of at most {LIMIT:,} letters; got {len(text):,} "
            f"from sizes={G.sizes}: take narrower layers"
        )
    if "GANBOOK_KEEP" in os.environ:
        # written beside and moved over: an interruption leaves a whole file, old or new
        draft = target.with_suffix(".part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(target)
    return unpacked(json.loads(text))


def load(name: str) -> tuple[dict, MLP]:
    """The stored weights of a net, as written and as a net.

    Raises:
        FileNotFoundError: if its chapter never ran; says how to run it.
        ValueError: for an unknown name, or a damaged file; says how to make it anew.
    """
    file = place(name)
    remedy = f"run  make execute NB={NETS[name][0]}"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return content, unpacked(content)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no {file}: {remedy}") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{file} is damaged ({error}): {remedy}") from error


# --- the figure -----------------------------------------------------------------------------------

TITLE = "A walk through the latent space"
CAPTION = (
    "**Drag the ring over the plane, or press Play to walk from A to B.** Each place is a z, the "
    "picture beside it is G(z). Where the plane is clear, z is as long as 99 % of all draws; the "
    "straight way from A to B leaves that zone, the way on the sphere keeps the length of z."
)
ALT = (
    "Two rows of generated pictures, each a walk from one draw of z to another: from picture to "
    "picture little changes, from end to end everything does."
)
DEFAULTS = {"seed": 1, "path": "straight"}
CHOICES = {"net": tuple(NETS), "path": ("straight", "sphere")}
RANGES = {"seed": (1, 20)}


def options(**given) -> dict:
    """Settings from an author's options net, path and seed; ValueError says what is possible."""
    return files.options("latent", given, CHOICES, RANGES)


def lengths(noise: str, n: int) -> list[float]:
    """Of |z|, the quantiles ½ % and 99½ % among draws, to one decimal."""
    z = NOISES[noise][0]((100_000, n), torch.Generator().manual_seed(0))
    quantiles = z.square().sum(1).sqrt().quantile(torch.tensor([0.005, 0.995]))
    return [round(q, 1) for q in quantiles.tolist()]


def generate(net: MLP):
    """The net as a pure function of its weights, (P,), and one z, (n,): a picture, (side²,)."""
    return lambda weights, z: step.apply(net, weights)(z[None]).view(-1)


def kernels(net: MLP) -> dict[str, str]:
    """JavaScript by name, for a net of these widths."""
    G = step.flatten(net)
    inputs = {"G": G, "z": G.new_zeros(net.sizes[0])}
    return {"generate": translate("generate", generate(net), inputs, ["x"])}


def script(name: str) -> str:
    """A net's weights, numbers and kernel as a classic script."""
    content, net = load(name)
    numbers = {
        **content,
        "letters": LETTERS,
        "ink": NETS[name][1],
        "typical": NOISES[content["noise"]][1] * net.sizes[0] ** 0.5,
        "band": lengths(content["noise"], net.sizes[0]),
        "defaults": DEFAULTS,
    }
    return files.script(f"latent_{name}", kernels(net), numbers)


def scripts(net: str | None = None, **_) -> dict[str, str]:
    """The figure's scripts by file name: those of one net, or of all."""
    nets = {f"latent-{name}.js": script(name) for name in ([net] if net else NETS)}
    return {**nets, "latent.js": files.text("latent.js")}


def still(pictures: int = 9) -> Figure:
    """For each net a walk from one draw to another that keeps the length of z."""
    figure, axes = plots.plt.subplots(len(NETS), 1, figsize=(6.88, 1.9), layout="constrained")
    angle = torch.linspace(0, math.pi / 2, pictures)[:, None]
    for ax, (name, (_, ink)) in zip(axes, NETS.items(), strict=True):
        content, net = load(name)
        a, b = NOISES[content["noise"]][0]((2, net.sizes[0]), torch.Generator().manual_seed(1))
        side = math.isqrt(net.sizes[-1])
        made = net(angle.cos() * a + angle.sin() * b).view(pictures, side, side)
        row = made.transpose(0, 1).reshape(side, -1)
        ax.imshow(row, cmap="gray_r" if ink else "gray", vmin=-1, vmax=1)
        ax.axis("off")
    return figure
