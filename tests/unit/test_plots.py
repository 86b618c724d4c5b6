import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from ganbook import plots

x = np.linspace(-3, 3, 61)


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("background", ["paper", "surface"])
def test_text_colours_can_be_read(mode, background):
    palette = plots.PALETTE[mode]
    for name in ("data", "gen", "disc", "value", "ok", "warn", "link", "muted", "ink"):
        assert contrast(palette[name], palette[background]) >= 4.5, name
    assert contrast(palette["hair"], palette[background]) >= 3


def test_verdict_colours_go_from_fake_over_paper_to_real():
    assert to_hex(plots.VERDICT(0.0)) == plots.INK["d0"]
    assert to_hex(plots.VERDICT(1.0)) == plots.INK["d8"]


def test_use_style_sets_the_look():
    with plt.rc_context():
        plots.use_style()
        assert plt.rcParams["axes.labelcolor"] == plots.INK["muted"]


def test_hill_is_filled_and_labelled(ax):
    assert plots.hill(ax, x, np.exp(-(x**2)), "data", "real") is ax
    assert to_hex(ax.lines[0].get_color()) == plots.INK["data"]
    assert [t.get_text() for t in ax.texts] == ["real"]
    assert len(ax.collections) == 1


def test_learned_is_solid_and_optimal_is_dashed(ax):
    assert plots.verdict(ax, x, x, -x) is ax
    bound, optimal, learned = ax.lines
    assert [line.get_linestyle() for line in (bound, optimal, learned)] == [":", "--", "-"]


def test_fan_draws_every_run_and_the_median(ax):
    runs = np.stack([x, 2 * x, 6 * x])
    plots.fan(ax, x, runs, "gen")
    assert len(ax.lines) == 4
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), 2 * x)


def test_pictures_are_laid_out_in_rows():
    images = torch.full((6, 4), -1.0)
    images[4] = 1.0  # second row, second column of three
    figure = plots.pictures(images, columns=3)
    sheet = figure.axes[0].images[0].get_array()
    plt.close(figure)
    assert sheet.shape == (4, 6)
    assert (sheet[2:, 2:4] == -1).all()
    assert (sheet == -1).sum() == 4
    with pytest.raises(ValueError, match=r"multiple of 4, side²\); got shape \(6, 4\)"):
        plots.pictures(images, columns=4)
