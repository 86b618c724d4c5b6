import pytest
import torch

from ganbook.models import MLP, AutoEncoder, DCDiscriminator, DCGenerator, generators


def test_a_stack_equals_single_nets():
    stack = MLP((2, 8, 8, 3), seeds=4, activation=torch.tanh, generator=generators(4)).double()
    x = torch.randn(4, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    together = stack(x)
    assert together.shape == (4, 5, 3)
    for seed, generator in enumerate(generators(4)):
        alone = MLP((2, 8, 8, 3), activation=torch.tanh, generator=generator).double()
        torch.testing.assert_close(together[seed], alone(x[seed]), rtol=0, atol=1e-14)


def test_an_mlp_equals_a_sequence_of_linear_layers():
    net = MLP((2, 8, 1), generator=torch.Generator().manual_seed(1))
    layers = [torch.nn.Linear(2, 8), torch.nn.Linear(8, 1)]
    for layer, weight, bias in zip(layers, net.weights, net.biases, strict=True):
        layer.weight.data, layer.bias.data = weight.data.T, bias.data[0]
    x = torch.randn(7, 2, generator=torch.Generator().manual_seed(2))
    sequence = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    torch.testing.assert_close(net(x), sequence(x))


def test_weights_start_within_the_bound_and_fill_it():
    net = MLP((100, 400, 1), generator=torch.Generator().manual_seed(0))
    for weight, n_in in zip(net.weights, (100, 400), strict=True):
        assert weight.abs().max() <= n_in**-0.5
        assert abs(weight.std() * (3 * n_in) ** 0.5 - 1) < 0.1


def test_skip_and_output():
    generator = torch.Generator().manual_seed(0)
    net = MLP((2, 4, 2), skip=True, output=torch.tanh, generator=generator)
    plain = MLP((2, 4, 2), generator=generator.manual_seed(0))
    x = torch.ones(3, 2)
    torch.testing.assert_close(net(x), torch.tanh(x + plain(x)))


def test_shared_points_go_to_every_seed():
    net = MLP((1, 4, 1), seeds=3, generator=generators(3))
    x = torch.linspace(-1, 1, 5)[:, None]
    torch.testing.assert_close(net(x), net(x.expand(3, 5, 1)))


def test_repr_counts_parameters():
    assert "parameters=25" in repr(MLP((2, 6, 1), generator=torch.Generator()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": (2,)}, r"two or more positive widths; got sizes=\(2,\)"),
        ({"sizes": (2, 0, 1)}, "two or more positive widths"),
        ({"sizes": (2, 1), "seeds": 0}, "seeds >= 1; got 0"),
        ({"sizes": (2, 4, 1), "skip": True}, "skip needs equal ends"),
        ({"sizes": (2, 1), "seeds": 3, "generator": generators(2)}, "each of 3 seeds; got 2"),
    ],
)
def test_bad_options_say_what_is_expected(options, message):
    with pytest.raises(ValueError, match=message):
        MLP(**{"generator": torch.Generator(), **options})


@pytest.mark.parametrize("shape", [(5, 3), (5,), (2, 5, 2), (3, 5, 1)])
def test_bad_input_says_what_is_expected(shape):
    net = MLP((2, 4, 1), seeds=3, generator=generators(3))
    with pytest.raises(ValueError, match=r"expected .*got .*\("):
        net(torch.zeros(shape))


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [28, 24])
def test_dcgan_pair_maps_rows_of_pixels(side):
    gen = torch.Generator().manual_seed(0)
    G, D = DCGenerator(noise=8, side=side, generator=gen), DCDiscriminator(side=side, generator=gen)
    images = G(torch.randn(3, 8, generator=gen))
    assert images.shape == (3, side**2)
    assert images.abs().max() <= 1
    assert D(images).shape == (3, 1)
    assert "parameters=" in repr(G)


def test_dcgan_starts_from_the_generator_alone_and_judges_each_image_by_itself():
    first, again = (DCDiscriminator(generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )
    images = torch.randn(4, 784, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(first(images)[:2], first(images[:2]))


def test_convolutions_start_so_that_no_layer_shrinks_the_signal():
    gen = torch.Generator().manual_seed(0)
    G, D = DCGenerator(generator=gen), DCDiscriminator(generator=gen)
    transposed, strided = G.body[2], D.body[3]
    # stride 2 leaves one in four cells of the 4 x 4 kernel
    for layer, n_in in ((transposed, 32 * 4 * 4 / 4), (strided, 32 * 4 * 4)):
        bound = (6 / n_in) ** 0.5
        assert 0.98 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()
    x = torch.randn(64, 32, 7, 7, generator=gen)
    assert transposed(x.relu()).var().item() == pytest.approx(1, rel=0.2)
    x = torch.randn(64, 32, 14, 14, generator=gen)
    assert strided(x.relu()).var().item() == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("options", [{"side": 30}, {"side": 0}, {"channels": 12}])
def test_images_that_do_not_halve_are_refused(options):
    for model in (DCGenerator, DCDiscriminator):
        with pytest.raises(ValueError, match="multiple of 4 and channels a multiple of 8; got"):
            model(**options, generator=torch.Generator())


def test_auto_encoder_returns_minus_the_mean_error():
    D = AutoEncoder((6, 4, 2), generator=torch.Generator().manual_seed(0))
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    error = (x - D.decoder(D.encoder(x))).abs().mean(1)
    torch.testing.assert_close(D(x), -error[:, None])
    G = D.as_generator()
    assert G.sizes == (2, 4, 6)
    torch.testing.assert_close(G(x[:, :2]), D.decoder(x[:, :2]))
    G.weights[0].data.zero_()  # a copy, not the decoder itself
    assert D.decoder.weights[0].abs().sum() > 0
