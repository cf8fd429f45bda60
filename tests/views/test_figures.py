"""Still figures: what is on them, with units."""

import matplotlib as mpl
import pytest

from forensics.views import plot_call, plot_glitch, plot_relative_delay


@pytest.fixture(autouse=True)
def without_a_screen():
    mpl.use("agg")
    yield
    mpl.pyplot.close("all")


def labels(figure):
    return [ax.get_ylabel() for ax in figure.axes]


def test_the_call_has_a_panel_for_each_plane(diagnosis):
    figure = plot_call(diagnosis)
    assert labels(figure)[:4] == ["verdict", "arrival −\nmedia (ms)", "as heard\n(full scale = 1)", "frequency (Hz)"]
    assert figure.axes[3].get_xlabel() == "recording time (s)"


def test_causes_are_named_beside_their_colour(diagnosis):
    texts = [t.get_text() for t in plot_call(diagnosis).axes[0].get_legend().get_texts()]
    assert texts == ["Network drop", "Late model output", "Buffer underrun", "Undetermined"]


def test_a_glitch_is_shown_with_some_call_around_it(diagnosis):
    start_s, end_s = plot_glitch(diagnosis, "g02").axes[-2].get_xlim()
    glitch = diagnosis.verdict("g02").glitch
    assert start_s < glitch.start_s - 0.5
    assert end_s > glitch.end_s + 0.5


def test_an_unknown_glitch_is_refused(diagnosis):
    with pytest.raises(KeyError, match="it has: g01"):
        plot_glitch(diagnosis, "g77")


def test_delay_is_plotted_over_capture_time(diagnosis):
    figure = plot_relative_delay(diagnosis.scene.downlink)
    assert figure.axes[0].get_xlabel() == "capture time (s)"
    assert len(figure.axes[0].lines[0].get_xdata()) == len(diagnosis.scene.downlink.packets)
