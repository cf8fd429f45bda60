import numpy as np
import pytest

from forensics.playout import estimate_buffer_curve, estimate_lead_curve

COLUMNS = ["concealed_s", "concealment_events", "interruption_s", "mean_delay_s", "added_latency_s", "saved"]


@pytest.fixture
def held(make_stream, steady):
    steady[500:515] = np.maximum(steady[500:515], steady[500] + 0.25)
    return make_stream(steady)


def test_more_buffer_means_less_concealment_and_more_latency(held):
    curve = estimate_buffer_curve(held, minimum_delays_s=(0.0, 0.1, 0.2, 0.3))
    assert list(curve) == ["minimum_delay_s", *COLUMNS]
    assert curve["concealed_s"].is_monotonic_decreasing
    assert curve["saved"].iloc[-1] == pytest.approx(1.0, abs=0.05)
    assert curve["mean_delay_s"].is_monotonic_increasing
    assert curve["added_latency_s"].iloc[-1] > 0.15


def test_a_fixed_buffer_has_its_curve_too(held):
    curve = estimate_buffer_curve(held, minimum_delays_s=(0.05, 0.3), model="fixed")
    assert curve["concealed_s"].tolist() == pytest.approx([0.2, 0.0], abs=0.02)
    assert curve["added_latency_s"].iloc[1] == pytest.approx(0.25, abs=0.01)


def test_an_unknown_model_is_refused(held):
    with pytest.raises(ValueError, match='Choose "neteq" or "fixed"'):
        estimate_buffer_curve(held, model="adaptive")


def test_nothing_saved_where_nothing_was_concealed(make_stream):
    curve = estimate_buffer_curve(make_stream(np.arange(100) * 0.02), minimum_delays_s=(0.0, 0.1))
    assert curve["saved"].isna().all()


def test_a_lead_as_long_as_the_stall_covers_it(make_stream, steady):
    steady[500:] += 0.1
    curve = estimate_lead_curve(make_stream(steady), leads_s=(0.0, 0.06, 0.12))
    assert list(curve) == ["lead_s", *COLUMNS]
    assert curve["saved"].iloc[1] > 0.3
    assert curve["saved"].iloc[2] == pytest.approx(1.0, abs=0.05)
    assert curve["added_latency_s"].iloc[2] > 0.02


def test_a_new_utterance_gets_its_cushion_again(make_stream, steady):
    """Two stalls of 100 ms in two utterances: a cushion of 120 ms covers both, for it is there at each beginning."""
    sequence = np.arange(1000)
    arrival_s = steady + 0.1 * (sequence >= 250) + 1.0 * (sequence >= 500) + 0.1 * (sequence >= 750)
    media = np.where(sequence < 500, sequence, sequence + 50)
    stream = make_stream(arrival_s, timestamp=media * 960)
    stream.packets.loc[500, "marker"] = True
    curve = estimate_lead_curve(stream, leads_s=(0.0, 0.12))
    assert curve["concealed_s"].iloc[0] > 0.07
    assert curve["concealed_s"].iloc[1] < 0.03


def test_a_pause_between_utterances_is_no_hole(make_stream, steady):
    sequence = np.arange(1000)
    media = np.where(sequence < 500, sequence, sequence + 250)
    stream = make_stream(steady + 5.0 * (sequence >= 500), timestamp=media * 960)
    assert estimate_buffer_curve(stream, minimum_delays_s=(0.0,))["concealed_s"].iloc[0] < 0.05


def test_with_times_of_sending_a_lead_does_not_cover_the_path(make_stream, steady):
    sent_s = steady.copy()
    steady[500:515] = np.maximum(steady[500:515], steady[500] + 0.25)
    stream = make_stream(steady)
    blind = estimate_lead_curve(stream, leads_s=(0.0, 0.3))
    exact = estimate_lead_curve(stream, leads_s=(0.0, 0.3), sent_s=sent_s)
    assert blind["concealed_s"].iloc[1] < 0.05 < exact["concealed_s"].iloc[1]
