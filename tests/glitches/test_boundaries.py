import numpy as np
import pytest
from building import make_journey

from forensics.glitches.boundaries import measure_boundaries

COUNT = 40


def edges(discarded, **columns):
    gone = np.isin(np.arange(COUNT), discarded)
    return measure_boundaries(make_journey(COUNT, discarded=gone, **columns))


def test_neighbours_that_were_both_heard_meet_where_one_ended():
    table = edges([])
    assert table["inserted_s"].to_numpy() == pytest.approx(np.zeros(COUNT - 1), abs=1e-9)
    assert (table["discarded_packets"] == 0).all()


def test_discarded_packets_leave_one_hole_from_the_last_that_was_heard_to_the_next():
    table = edges([20, 21, 22])
    heard_s = make_journey(COUNT)["heard_s"]
    assert table.loc[20, ["start_s", "end_s"]].tolist() == pytest.approx([heard_s[20], heard_s[23]])
    assert table.loc[20, "inserted_s"] == pytest.approx(0.06)
    assert table["discarded_packets"].loc[19:24].tolist() == [0, 3, 0, 0, 0, 0]
    behind = table.loc[21:23]
    assert behind["start_s"].to_numpy() == pytest.approx(behind["end_s"].to_numpy())
    assert table["lost_packets"].sum() == 0


def test_runs_of_discarded_packets_are_counted_one_by_one():
    assert edges([10, 12, 13])["discarded_packets"].loc[10:13].tolist() == [1, 0, 2, 0]


def test_a_call_that_ends_with_a_discarded_packet_ends_there():
    table = edges([COUNT - 1])
    assert np.isfinite(table["end_s"]).all()
    assert table.loc[COUNT - 1, "discarded_packets"] == 1
