"""The RTP lane's arrays."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_call import LOST

from forensics.model import FATES, Fate
from forensics.views.packets import DTX_BIT, MARKER_BIT, lost_arrays, packet_arrays, thinned


@pytest.fixture
def stream(diagnosis):
    return diagnosis.scene.downlink


def test_each_packet_is_there_in_the_order_of_the_axis(stream, view):
    arrays = packet_arrays(stream, view.axis)
    assert len(arrays["at_s"]) == len(stream.packets)
    assert (np.diff(arrays["at_s"]) >= 0).all()
    assert arrays["at_s"][0] == pytest.approx(view.axis.from_capture(stream.packets["arrival_s"].min()))


def test_fate_and_marker_are_told_apart(stream, view):
    kinds = packet_arrays(stream, view.axis)["kind"]
    assert ((kinds & 7) == FATES.index(Fate.REORDERED)).sum() == 1
    assert ((kinds & 7) == FATES.index(Fate.DUPLICATE)).sum() == 1
    assert ((kinds & MARKER_BIT) > 0).sum() == 2


def test_frames_of_two_octets_carry_no_speech(stream, view):
    packets = stream.packets.copy()
    packets.loc[5:7, "payload_bytes"] = 2
    kinds = packet_arrays(replace(stream, packets=packets), view.axis)["kind"]
    assert ((kinds & DTX_BIT) > 0).sum() == 3


def test_lost_packets_stand_between_their_neighbours(stream, view):
    lost = lost_arrays(stream, view.axis)
    run = stream.losses.iloc[0]
    before, after = (
        view.axis.from_capture(stream.packets["arrival_s"].iat[int(run[side])]) for side in ("before", "after")
    )
    assert lost["sequence_number"].tolist() == [1000 + s for s in LOST]
    assert before < lost["at_s"][0] < lost["at_s"][-1] < after
    assert np.diff(lost["at_s"]).std() < 1e-9


def test_a_stream_without_loss_has_no_lost_packets(stream, view):
    assert len(lost_arrays(replace(stream, losses=stream.losses.iloc[:0]), view.axis)["at_s"]) == 0


def test_thinning_keeps_extremes_the_unusual_and_what_is_near(stream, view):
    arrays = packet_arrays(stream, view.axis)
    few = thinned(arrays, rows=40, keep_s=[(5.0, 6.0)])
    assert len(few["at_s"]) < len(arrays["at_s"]) / 4
    assert few["delay_ms"].max() == arrays["delay_ms"].max()
    assert (few["kind"] != 0).sum() == (arrays["kind"] != 0).sum()
    near = (arrays["at_s"] >= 5.0) & (arrays["at_s"] < 6.0)
    assert np.isin(arrays["at_s"][near], few["at_s"]).all()


def test_few_packets_are_not_thinned(stream, view):
    arrays = packet_arrays(stream, view.axis)
    assert thinned(arrays, rows=10_000, keep_s=[]) is arrays
