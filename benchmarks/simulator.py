"""Hold the simulator to the recorder: `python benchmarks/simulator.py FOLDER…`, a recorded call or several in each.

For each fault of a recorded call, the hole or stretch that the real browser rendered (truth.json: `evidence.gap_ms`,
found by correlation) beside the one that the simulator renders. A call that brings its scenario.toml is simulated from
it, network and all; any other call lends its own arrivals and audio, so that only the model of the listener is tested.
Rows beyond 20 ms or 15 % are marked. Then the simulator's speed against real time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forensics.audio.payloads import decode_stream
from forensics.capture import read_capture
from forensics.case import open_case
from forensics.lab.scenario import Fault, Line, Scenario
from forensics.lab.scenario_file import read_scenario
from forensics.lab.simulate import simulate_call
from forensics.lab.truth import describe_truth
from forensics.playout import replay_neteq
from forensics.streams import find_streams

LARGEST_ERROR_MS, LARGEST_RATIO_ERROR = 20.0, 0.15

TEXT = (
    "Welcome to Bluebird airlines, how may I help you today? I can look up a flight for you, or change a booking, "
    "or tell you about the weather where you are going."
)


def from_scenario(folder: Path, truth: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Pair the events of a recorded and a simulated run of one scenario by fault and kind, in order."""
    own = describe_truth(simulate_call(read_scenario(folder / "scenario.toml")).account)["events"]
    for event in truth["events"]:
        twins = [e for e in own if (e["injected_id"], e["kind"]) == (event["injected_id"], event["kind"])]
        if event["injected_id"] and twins:
            twin = twins[0]
            own.remove(twin)
            yield event["kind"], event["evidence"].get("gap_ms", np.nan), twin["evidence"].get("gap_ms", np.nan)


def from_arrivals(folder: Path, truth: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Measure the holes that the model of the listener renders between the packets that truth names."""
    case = open_case(folder)
    streams = find_streams(read_capture(case.capture), keys=case.keys)
    (stream,) = (s for s in streams if s.ssrc == truth["agent_ssrc"])
    packets = replay_neteq(stream, sent=decode_stream(stream).track).packets
    number = stream.packets["sequence_number"].to_numpy()[packets["row"]]
    heard_s = pd.Series(packets["heard_s"].to_numpy(), index=number)
    length_s = pd.Series(packets["duration_s"].to_numpy(), index=number)
    for event in truth["events"]:
        before, after = event.get("seq_before"), event.get("seq_after")
        if event["injected_id"] and before in heard_s.index and after in heard_s.index:
            gap_s = heard_s[after] - heard_s[before] - length_s[before]
            yield event["kind"], event["evidence"].get("gap_ms", np.nan), 1000 * gap_s


def compare(folder: Path) -> list[dict[str, Any]]:
    truth = json.loads((folder / "truth.json").read_text())
    whole = (folder / "scenario.toml").exists()
    pairs = (from_scenario if whole else from_arrivals)(folder, truth)
    by = "scenario" if whole else "arrivals"
    return [{"call": folder.name, "by": by, "kind": kind, "real": real, "own": own} for kind, real, own in pairs]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.dropna().assign(error=(rows["own"] - rows["real"]).abs())
    table = rows.groupby(["by", "kind"]).agg(
        holes=("error", "size"), median_error_ms=("error", "median"), real_ms=("real", "sum"), own_ms=("own", "sum")
    )
    table["time_ratio"] = (table["own_ms"] / table["real_ms"].where(table["real_ms"].abs() > 1)).round(2)
    far = (table["median_error_ms"] > LARGEST_ERROR_MS) | ((table["time_ratio"] - 1).abs() > LARGEST_RATIO_ERROR)
    table["beyond"] = np.where(far, "*", "")
    return table.round(1)


def time_it() -> None:
    call = Scenario(
        "speed", 30.0, lines=(Line("agent", 0.5, TEXT), Line("user", 14.0, "Thank you."), Line("agent", 17.0, TEXT))
    )
    faults = (Fault("burst_loss", 3.0, 0.3), Fault("stall", 6.0, 0.4), Fault("delay_spike", 20.0, 0.3))
    short = Scenario("slider", 12.0, lines=(Line("agent", 0.5, TEXT),), faults=faults[:2])
    seconds = {}
    simulate_call(short)
    for name, scenario in (
        ("30 s of new speech", replace(call, faults=faults)),
        ("30 s, the loss moved", replace(call, faults=(Fault("burst_loss", 3.2, 0.3), *faults[1:]))),
        ("12 s, the loss moved", replace(short, faults=(Fault("burst_loss", 3.2, 0.3), faults[1]))),
        ("12 s, the stall longer", replace(short, faults=(faults[0], Fault("stall", 6.0, 0.5)))),
    ):
        start = time.perf_counter()
        simulate_call(scenario)
        seconds[name] = (time.perf_counter() - start, scenario.duration_s)
    for name, (taken_s, length_s) in seconds.items():
        print(f"{name}: {taken_s:.2f} s, {length_s / taken_s:.0f} times real time")


def main(folders: list[str]) -> None:
    found = sorted({p.parent for f in folders for p in [*Path(f).glob("truth.json"), *Path(f).glob("*/truth.json")]})
    rows = pd.DataFrame([row for folder in found for row in compare(folder)])
    if len(rows):
        print(summarise(rows).to_string(), end="\n\n")
    time_it()


if __name__ == "__main__":
    main(sys.argv[1:])
