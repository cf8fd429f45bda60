"""Tables: none is left out, each once, each as CSV that reads back."""

from dataclasses import fields, is_dataclass, replace

import pandas as pd
import pytest
from synthetic_call import synthetic_diagnosis

from forensics.exports import call_tables, write_exports, write_tables
from forensics.model import EVENT_COLUMNS, STATISTICS_COLUMNS, Prompt, empty_table


@pytest.fixture(scope="module")
def diagnosis():
    plain = synthetic_diagnosis(seconds=20.0)
    stats = {"inbound-rtp": empty_table({**STATISTICS_COLUMNS["inbound-rtp"], "capture_s": "float64"})}
    scene = replace(plain.scene, stats=stats, events=empty_table(EVENT_COLUMNS))
    return replace(plain, scene=scene, prompts=(Prompt(0.4, 1.6, 0.1, spans=((0.5, 0.6, "lost"),), said="hi"),))


def tables_in(value):
    """Every table reachable from a noun, by identity."""
    if isinstance(value, pd.DataFrame):
        return {id(value)}
    if isinstance(value, dict):
        return set().union(*map(tables_in, value.values()), set())
    if isinstance(value, tuple):
        return set().union(*map(tables_in, value), set())
    if is_dataclass(value):
        return set().union(*(tables_in(getattr(value, field.name)) for field in fields(value)), set())
    return set()


def test_no_table_of_the_scene_is_left_out(diagnosis):
    tables = call_tables(diagnosis)
    assert tables_in(diagnosis.scene) == {id(table) for table in tables.values()} & tables_in(diagnosis.scene)
    assert len({id(table) for table in tables.values()}) == len(tables)
    assert {"downlink_packets", "downlink_losses", "heard_packets", "stats_inbound_rtp", "events"} <= set(tables)


def test_what_was_said_has_a_row_each(diagnosis):
    tables = call_tables(diagnosis)
    assert list(tables["glitches"]["id"]) == ["g01", "g02", "g03", "g04"]
    assert len(tables["evidence"]) == 4 * 4
    assert tables["turns"]["latency_s"].notna().sum() == 2
    assert tables["turns"]["parts_network_s"].notna().sum() == 2
    assert tables["prompts"]["said"].tolist() == ["hi"]
    assert tables["clocks"]["drift_ppm"].tolist() == [-3.1]
    assert tables["inputs"]["sha256"].tolist() == ["ab" * 32, "cd" * 32]


def test_every_table_reads_back(diagnosis, tmp_path):
    tables = call_tables(diagnosis)
    for path in write_tables(diagnosis, tmp_path / "tables"):
        table = tables[path.stem]
        if len(table.columns):
            assert len(pd.read_csv(path)) == len(table), path.stem
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == set(tables)


def test_one_folder_holds_it_all(diagnosis, tmp_path):
    out = write_exports(diagnosis, tmp_path / "deep" / "out")
    assert {path.name for path in out.iterdir()} == {
        "findings.json", "glitches.labels.txt", "agent.labels.txt", "user.labels.txt", "call.TextGrid", "tables",
    }  # fmt: skip
