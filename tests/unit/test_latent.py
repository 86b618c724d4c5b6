"""Generators kept for the page: rounding, the file, and what is said when something is wrong."""

import json

import pytest
import torch
from torch import nn

from ganbook.live import latent
from ganbook.models import MLP, DCGenerator

SIZES = (6, 10, 16)


def net(sizes=SIZES, seed=0, **options):
    given = {"activation": torch.relu, "output": torch.tanh, **options}
    return MLP(sizes, generator=torch.Generator().manual_seed(seed), **given)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(latent, "FOLDER", tmp_path)
    return tmp_path


def test_rounding_is_fine_and_exact_in_either_precision():
    G = net((32, 128, 192, 784))
    once = latent.quantised(G)
    for theirs, ours in zip(G.weights, once.weights, strict=True):
        step = theirs.abs().amax(0) / latent.MOST
        assert ((ours - theirs).abs() <= 0.53 * step + 1e-6).all()
    for theirs, ours in zip(G.biases, once.biases, strict=True):
        assert (ours - theirs).abs().max() <= theirs.abs().max() / latent.FINER
    z = torch.randn(200, 32, generator=torch.Generator().manual_seed(1))
    made, meant = once(z), G(z)
    assert (made - meant).square().mean() < 1e-3 * meant.square().mean()
    assert not any(p.requires_grad for p in once.parameters())
    content = latent.packed(G)["layers"][0]
    exact = torch.tensor(content["biases"], dtype=torch.float64) * content["bias_unit"]
    assert torch.equal(once.biases[0].double(), exact.view(1, -1))


def test_columns_of_zeros_and_of_all_sizes():
    G = net()
    with torch.no_grad():
        G.weights[0][:, 0] = 0
        G.weights[0][:, 1] *= 1e4
        G.biases[1].zero_()
    kept = latent.quantised(G)
    assert (kept.weights[0][:, 0] == 0).all()
    assert (kept.biases[1] == 0).all()
    torch.testing.assert_close(kept.weights[0][:, 1], G.weights[0][:, 1], rtol=0.1, atol=100)


@pytest.mark.parametrize("activation", latent.ACTIVATIONS)
@pytest.mark.parametrize("output", latent.OUTPUTS)
@pytest.mark.parametrize("noise", latent.NOISES)
def test_what_is_kept_comes_back(folder, monkeypatch, activation, output, noise):
    monkeypatch.setenv("GANBOOK_KEEP", "1")
    G = net(activation=latent.ACTIVATIONS[activation], output=latent.OUTPUTS[output])
    kept = latent.keep("faces", G, noise)
    content, loaded = latent.load("faces")
    assert content["noise"] == noise
    assert [file.name for file in folder.iterdir()] == ["latent-faces.json"]
    z = torch.randn(5, 6)
    assert torch.equal(kept(z), loaded(z))
    assert (kept.activation, kept.output) == (G.activation, G.output)


def test_nothing_is_stored_unless_asked(folder, monkeypatch):
    monkeypatch.delenv("GANBOOK_KEEP", raising=False)
    latent.keep("digits", net())
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: latent.keep("birds", net()), r"among \('digits', 'faces'\); got 'birds'"),
        (lambda: latent.keep("digits", net(), "cauchy"), r"noise among .*got 'cauchy'"),
        (lambda: latent.keep("digits", net(activation=torch.sigmoid)), "activation among .*relu"),
        (lambda: latent.keep("digits", net(output=torch.sigmoid)), "output among .*tanh"),
        (lambda: latent.keep("digits", net((6, 15))), "square picture, side² outputs; got 15"),
        (lambda: latent.keep("digits", net((16, 16), skip=True)), "without skip; got MLP"),
        (lambda: latent.keep("digits", net((64, 512, 784))), "at most 200,000 letters; got 4"),
        (
            lambda: latent.keep("digits", DCGenerator(generator=torch.Generator())),
            r"expected an MLP .*got DCGenerator",
        ),
        (
            lambda: latent.keep("digits", MLP(SIZES, seeds=2, generator=[torch.Generator()] * 2)),
            "without a seed axis .*seeds=2",
        ),
    ],
)
def test_a_net_that_the_page_cannot_show_is_refused(folder, make, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make()


def test_weights_that_are_no_numbers_are_refused():
    G = net()
    nn.init.constant_(G.weights[0], torch.nan)
    with pytest.raises(ValueError, match="finite"):
        latent.quantised(G)


def test_missing_and_damaged_files_say_what_to_run(folder, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"make execute NB=book/images\.ipynb"):
        latent.load("digits")
    monkeypatch.setenv("GANBOOK_KEEP", "1")
    latent.keep("digits", net())
    file = folder / "latent-digits.json"
    whole = file.read_text()
    content = json.loads(whole)
    content["layers"][0]["weights"] = content["layers"][0]["weights"][1:]
    for damaged in (whole[:-10], "{}", json.dumps(content), whole.replace("relu", "gelu")):
        file.write_text(damaged)
        with pytest.raises(ValueError, match=r"damaged .*make execute NB=book/images\.ipynb"):
            latent.load("digits")
