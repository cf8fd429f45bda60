"""Figures of the playout: what is on them, with units."""

import matplotlib as mpl
import numpy as np
import pytest
from building import silent_stream

from forensics.model import Playout
from forensics.playout import estimate_buffer_curve, estimate_lead_curve, replay_neteq
from forensics.views import plot_buffer_target, plot_playout_curve, plot_what_if_curve


@pytest.fixture(autouse=True)
def without_a_screen():
    mpl.use("agg")
    yield
    mpl.pyplot.close("all")


@pytest.fixture(scope="module")
def held():
    """Ten seconds in which everything is held for 300 ms once."""
    arrival_s = np.arange(500) * 0.02
    arrival_s[200:215] = np.maximum(arrival_s[200:215], arrival_s[200] + 0.3)
    return silent_stream(arrival_s)


@pytest.fixture(scope="module")
def replay(held):
    return replay_neteq(held)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_playout_curve_steps_where_time_was_put_in(replay):
    ax = plot_playout_curve(replay).axes[0]
    (line,) = ax.get_lines()
    assert np.diff(line.get_ydata()).max() > 100
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("capture time (s)", "heard − media (ms)")
    assert legend(ax) == ["heard − media time", "hole"]


def test_what_was_heard_is_on_the_clock_of_the_recording(replay):
    heard = Playout(replay.ssrc, "heard", replay.packets, replay.concealed)
    assert plot_playout_curve(heard).axes[0].get_xlabel() == "recording time (s)"


def test_the_target_stands_beside_the_packets(held, replay):
    ax = plot_buffer_target(held, replay).axes[0]
    assert {"packet, above the quickest", "buffered", "target", "concealed"} <= set(legend(ax))
    assert ax.get_ylim()[1] > 300


def test_what_was_heard_shows_no_buffer(held, replay):
    heard = Playout(replay.ssrc, "heard", replay.packets, replay.concealed)
    with pytest.raises(ValueError, match="'heard' has no buffer curve"):
        plot_buffer_target(held, heard)


def test_the_what_if_curve_shows_gain_and_cost(held):
    figure = plot_what_if_curve(estimate_buffer_curve(held, minimum_delays_s=(0.0, 0.2, 0.4)))
    assert figure.axes[0].get_xlabel() == "buffer target (ms)"
    assert [ax.get_ylabel() for ax in figure.axes] == ["concealed in the call (ms)", "added latency, mean (ms)"]
    lead = plot_what_if_curve(estimate_lead_curve(held, leads_s=(0.0, 0.3)))
    assert lead.axes[0].get_xlabel() == "send lead (ms)"


def test_the_curves_can_share_a_figure(replay):
    _, axes = mpl.pyplot.subplots(2)
    assert plot_playout_curve(replay, ax=axes[1]) is axes[0].get_figure()
