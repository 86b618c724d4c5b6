import html
import re

import ipywidgets
import matplotlib.pyplot as plt
import pytest

from ganbook import widgets


def draw(**point):
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, sum(point.values())])
    return figure


def alt(**point):
    return f"a line up to {sum(point.values())} & <no more>"


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setenv("GANBOOK_PLAIN", "1")


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.delenv("GANBOOK_PLAIN", raising=False)


@pytest.mark.usefixtures("plain")
def test_plain_form_holds_every_frame_with_its_alt_text():
    page = widgets.explore(draw, alt=alt, step=[1, 2, 3]).data
    assert page.count("<img ") == 3
    assert page.count("<img hidden ") == 2
    alts = [html.unescape(text) for text in re.findall(r'alt="([^"]*)"', page)]
    assert alts == [alt(step=k) for k in (1, 2, 3)]
    assert page.count('class="gb-play"') == 1
    assert "http" not in page


@pytest.mark.usefixtures("plain")
def test_two_axes_have_two_sliders_no_play_and_frames_in_row_major_order():
    page = widgets.explore(draw, alt=alt, first_one=[10, 20], second=[1, 2]).data
    assert page.count('type="range"') == 2
    assert "first one" in page
    assert "<button" not in page
    assert re.findall(r"up to (\d+)", page) == ["11", "12", "21", "22"]


@pytest.mark.usefixtures("plain")
def test_plain_form_is_the_same_every_time_and_closes_its_figures():
    pages = [widgets.explore(draw, alt=alt, step=[1, 2]).data for _ in range(2)]
    assert pages[0] == pages[1]
    assert plt.get_fignums() == []


@pytest.mark.usefixtures("kernel")
def test_with_a_kernel_there_are_real_widgets_that_redraw(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda figure: shown.append(figure))
    box = widgets.explore(draw, alt=alt, step=[1, 2, 3])
    slider = box.children[0]
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert slider.options == (1, 2, 3)
    slider.value = 3
    assert shown[-1].axes[0].lines[0].get_ydata()[1] == 3
    assert plt.get_fignums() == []


@pytest.mark.parametrize("axes", [{}, {"step": []}])
def test_axes_must_hold_something(axes):
    with pytest.raises(ValueError, match="at least one axis"):
        widgets.explore(draw, alt=alt, **axes)


def test_too_many_frames_are_refused():
    with pytest.raises(ValueError, match="at most 24 frames; the axes give 25"):
        widgets.explore(draw, alt=alt, a=range(5), b=range(5))
