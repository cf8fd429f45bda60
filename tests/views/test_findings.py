"""Verdicts as rows, evidence by side."""

import json
from dataclasses import replace

import numpy as np

from forensics.model import Cause, Evidence
from forensics.views.axis import scene_axis
from forensics.views.findings import frames_around, frames_of, merged, plain, sides, verdict_rows


def test_rows_stand_in_the_order_of_time(diagnosis):
    shuffled = replace(diagnosis, verdicts=diagnosis.verdicts[::-1])
    assert [row["id"] for row in verdict_rows(shuffled, scene_axis(shuffled.scene))] == ["g01", "g02", "g03", "g04"]


def test_evidence_against_another_cause_speaks_for_the_chosen_one(diagnosis):
    found = sides(diagnosis.verdict("g01"))
    assert [e.rule for e in found["for"]] == ["sequence_gap", "slope"]
    assert [e.rule for e in found["against"]] == ["other_flows"]
    assert [e.rule for e in found["unchecked"]] == ["sender_capture"]


def test_one_statement_about_two_causes_is_said_once():
    items = [
        Evidence("r", Cause.NETWORK_DROP, True, "Said.", weight=3.0),
        Evidence("q", Cause.NETWORK_DROP, True, "More.", weight=9.0),
        Evidence("r", Cause.SENDER_POLICY, False, "Said.", weight=-5.0),
    ]
    groups = merged(items)
    assert [[e.cause for e in group] for group in groups] == [
        [Cause.NETWORK_DROP],
        [Cause.SENDER_POLICY, Cause.NETWORK_DROP],
    ]


def test_frames_of_glitch_and_evidence_are_joined(diagnosis):
    assert frames_of(diagnosis.verdict("g01")) == (720, 722, 724)


def test_values_become_json_without_nan():
    value = {"a": np.float64("nan"), "b": (np.int64(3), float("inf")), "c": Cause.NETWORK_DROP}
    assert json.dumps(plain(value), allow_nan=False) == '{"a": null, "b": [3, null], "c": "network_drop"}'


def test_the_packets_on_either_edge_are_opened_with_those_that_are_named(diagnosis):
    verdict, stream = diagnosis.verdict("g01"), diagnosis.scene.downlink
    chosen = frames_around(verdict, stream, most=12)
    assert {720, 722, 724} <= {*chosen}
    at = stream.packets.set_index("frame")["arrival_s"].reindex(chosen)
    assert (at < verdict.glitch.capture_start_s).sum() >= 3
    assert (at > verdict.glitch.capture_end_s).sum() >= 3


def test_no_more_frames_are_opened_than_wanted(diagnosis):
    assert len(frames_around(diagnosis.verdict("g01"), diagnosis.scene.downlink, most=4)) == 4
    assert frames_around(diagnosis.verdict("g01"), None, most=12) == (720, 722, 724)
