"""Hold the simulator to the recorder: `python benchmarks/simulator.py FOLDER… [--again FOLDER…] [--draws N]`.

A FOLDER is a recorded call, or holds several. For each fault two figures of the real browser (truth.json, by
correlation and by its own counters) stand beside those of the simulator: the longest hole or stretch that came of it,
and the time that was concealed in all. One row per kind of fault; beyond 20 ms or 15 % it is marked. Each call is
simulated in two ways:

scenario
    from its scenario.toml, network and all: where chance acts on single packets it falls otherwise;
arrivals
    with the arrivals of its own capture: only the model of the listener is left to differ.

Some of what a browser does is left to chance: when its sound card asks, which of its threads wakes up first. So each
call is heard by several listeners (`--draws`), and calls may be recorded several times (`--again`, folders of the same
names): of both the median hole of a fault counts, and the mean concealed time. By how much one recording differs from
the next is the column "browser": the second against the first.

`--record FOLDER` first records what FOLDER does not hold yet of the scenarios in benchmarks/lab_scenarios, in real time
and on an otherwise idle machine; these, and the sample captures, are what the table in docs/lab.md was made from:

    python benchmarks/simulator.py sample_captures --record /tmp/lab_calls

Then the simulator's speed in processor time, in a process of its own for the very first call.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from forensics.capture import read_capture
from forensics.lab.account import PACKET_COLUMNS
from forensics.lab.happening import AFTERMATH_S
from forensics.lab.microphone import speak_user
from forensics.lab.payloads import encode_payloads
from forensics.lab.plan import SendPlan, plan_sending
from forensics.lab.record import record_call
from forensics.lab.scenario import Fault, Line, Scenario
from forensics.lab.scenario_file import read_scenario
from forensics.lab.simulate import play_out, simulate_call
from forensics.lab.truth import describe_truth
from forensics.streams import find_streams

LARGEST_ERROR_MS, LARGEST_RATIO_ERROR = 20.0, 0.15

LEAST_MS = 20.0
"""A ratio of less concealed time than one packet says nothing."""

SCENARIOS = Path(__file__).parent / "lab_scenarios"

DRAWS = 5
"""Listeners of each call, whose sound cards and races chance decides differently."""

HELD_S = 0.005
"""A relay on loopback forwards within a few milliseconds; what came later was held."""

SHOWN = ("error_ms", "ratio", "beyond")
HEADINGS = {"scenario": "from the scenario", "arrivals": "from the arrivals", "browser": "the browser again"}

FIRST = "I can look up a flight for you, or change a booking, or tell you about the weather where you are going."
SECOND = "There are two flights on Friday, one at seven in the morning, and one at a quarter past three."


def kind_of(fault: dict[str, Any]) -> str:
    """Name a fault by its kind, and by what its variants are told apart by."""
    chosen = fault["params"]
    variant = [chosen[name] for name in ("timestamps", "release", "numbering") if name in chosen]
    return " ".join([fault["kind"], *(str(v).replace("_", " ") for v in variant)])


def effects(truth: dict[str, Any]) -> pd.DataFrame:
    """Return what came of each injected fault: kind, longest hole and concealed time in ms."""
    rows = {}
    for fault in truth["injected"]:
        own = [event for event in truth["events"] if event["injected_id"] == fault["id"]]
        if own:
            holes = [_hole_ms(event) for event in own]
            rows[fault["id"]] = (kind_of(fault), max(holes), _concealed_ms(truth, fault, holes))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["kind", "hole_ms", "concealed_ms"])


def _hole_ms(event: dict[str, Any]) -> float:
    """Return the hole of an event; what the jitter buffer absorbed has none, a wait is no concealment but as long."""
    if event["kind"] == "slow_first_audio":
        return float(event["evidence"]["gap_ms"])
    return float(event["evidence"].get("effective_ms", 0.0))


def _concealed_ms(truth: dict[str, Any], fault: dict[str, Any], holes: list[float]) -> float:
    """Return what the receiver's counters say from the beginning of a fault until its aftermath or the next fault.

    Silence that was sent and a late beginning are no concealment: their holes count.
    """
    if fault["kind"] == "late_first_audio" or fault["params"].get("timestamps") == "fill":
        return sum(holes)
    start_s, end_s = fault["window_rec"]
    later = [other["window_rec"][0] for other in truth["injected"] if other["window_rec"][0] > start_s]
    end_s = min([end_s + AFTERMATH_S, *later])
    readings = truth["observed"]["concealment_intervals"]
    return float(sum(r["concealed_ms"] for r in readings if r["rec_end"] > start_s and r["rec_start"] < end_s))


def from_scenario(folder: Path, draws: int) -> pd.DataFrame:
    scenario = read_scenario(folder / "scenario.toml")
    account = simulate_call(scenario).account
    times = {name: account.packets[name] - account.zero_s for name in ("sent_s", "arrived_s")}
    return heard_from(scenario, account.plan, account.packets.assign(**times), draws)


def from_arrivals(folder: Path, draws: int) -> pd.DataFrame:
    scenario = read_scenario(folder / "scenario.toml")
    plan = plan_sending(scenario)
    return heard_from(scenario, plan, fates(folder, scenario, plan), draws)


def heard_from(scenario: Scenario, plan: SendPlan, packets: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Let several listeners, whom chance treats differently, play the same packets."""
    payloads, spoken = encode_payloads(plan, scenario.sender), speak_user(scenario)
    seeds = [crc32(f"{scenario.name} {scenario.seed} {draw}".encode()) for draw in range(draws)]
    heard = [replace(scenario, seed=seed) for seed in seeds]
    runs = (play_out(own, plan, packets=packets, payloads=payloads, spoken=spoken)[0] for own in heard)
    return together(effects(describe_truth(account)) for account in runs)


def together(runs: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Sum up what chance made of one scenario: the median hole of each fault, and its mean concealed time."""
    every = list(runs)
    kinds = {fault: kind for run in every for fault, kind in run["kind"].items()}
    faults = sorted({fault for run in every for fault in run.index})
    aligned = [run.reindex(faults) for run in every]
    holes, concealed = (
        np.nan_to_num([run[name].to_numpy(dtype=float) for run in aligned]) for name in ("hole_ms", "concealed_ms")
    )
    columns = {"hole_ms": np.median(holes, axis=0), "concealed_ms": np.mean(concealed, axis=0)}
    return pd.DataFrame({"kind": [kinds[fault] for fault in faults], **columns}, index=faults)


def fates(folder: Path, scenario: Scenario, plan: SendPlan) -> pd.DataFrame:
    """Return when each planned packet passed the two captures of a recorded call."""
    truth = json.loads((folder / "truth.json").read_text())
    missed = {row["capture"]: row["seqs"] for row in truth["benign"] if row["kind"] == "capture_gap"}
    table = pd.DataFrame({name: np.full(len(plan.packets), np.nan) for name in PACKET_COLUMNS})
    number = np.array([packet.ext_sequence_number % 2**16 for packet in plan.packets])
    for column, side in (("sent_s", "sender"), ("arrived_s", "receiver")):
        capture = read_capture(next(folder.glob(f"{side}.pcap*")))
        stream = next(s for s in find_streams(capture) if s.ssrc == truth["agent_ssrc"])
        first = stream.packets.drop_duplicates("sequence_number").set_index("sequence_number")["arrival_s"]
        table[column] = first.reindex(number).to_numpy() + capture.origin_ns / 1e9 - truth["call_zero_epoch"]
        gone = np.isin(number, missed.get(side, [])) & table[column].isna()
        table.loc[gone, column] = [plan.packets[row].due_s for row in np.flatnonzero(gone)]
    table["copies"] = table["arrived_s"].notna().astype(int)
    table["fault"] = [blamed(scenario, *row) for row in zip(table["sent_s"], table["arrived_s"], strict=True)]
    return table


def blamed(scenario: Scenario, sent_s: float, arrived_s: float) -> int:
    """Return the network fault that lost a packet or held it for more than a few milliseconds, -1 for none."""
    late_s = arrived_s - sent_s - scenario.network.one_way_delay_s
    for row, fault in enumerate(scenario.faults):
        near = fault.at_s - 0.001 <= sent_s <= fault.end_s + (0.5 if fault.kind == "packet_loss" else 0.0)
        if fault.hits("downlink") and near and not late_s < HELD_S:
            return row
    return -1


def recorded(folder: Path) -> pd.DataFrame:
    return effects(json.loads((folder / "truth.json").read_text()))


def summarise(pairs: list[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Pair the faults of two runs of each scenario, and sum up by kind."""
    rows = pd.concat(one.join(other[["hole_ms", "concealed_ms"]].add_suffix("_other")) for one, other in pairs)
    rows = rows.fillna({"hole_ms_other": 0.0, "concealed_ms_other": 0.0})
    rows["error"] = (rows["hole_ms_other"] - rows["hole_ms"]).abs()
    table = rows.groupby("kind").agg(
        faults=("error", "size"),
        error_ms=("error", "median"),
        real_ms=("concealed_ms", "sum"),
        own_ms=("concealed_ms_other", "sum"),
    )
    table["ratio"] = table["own_ms"] / table["real_ms"].where(table["real_ms"] >= LEAST_MS)
    far = (table["error_ms"] > LARGEST_ERROR_MS) | ((table["ratio"] - 1).abs() > LARGEST_RATIO_ERROR)
    return table.assign(beyond=np.where(far, "*", ""))


def compare(folders: list[Path], again: list[Path], *, draws: int) -> pd.DataFrame:
    """Return the table: the simulator against the recordings of each scenario, and one recording against another."""
    takes = {folder.name: [folder, *(other for other in again if other.name == folder.name)] for folder in folders}
    twice = [(recorded(every[0]), recorded(every[1])) for every in takes.values() if len(every) > 1]
    browser = {name: together(map(recorded, every)) for name, every in takes.items()}
    parts = {
        "scenario": summarise([(browser[name], from_scenario(every[0], draws)) for name, every in takes.items()]),
        "arrivals": summarise(
            [(browser[name], together(from_arrivals(take, draws) for take in every)) for name, every in takes.items()]
        ),
    }
    parts |= {"browser": summarise(twice)} if twice else {}
    counts = parts["scenario"][["faults", "real_ms"]].rename(columns={"real_ms": "concealed_ms"})
    figures = {name: table[["error_ms", "ratio", "beyond"]] for name, table in parts.items()}
    return counts.join(pd.concat(figures, axis=1).set_axis([f"{a} {b}" for a in figures for b in SHOWN], axis=1))


def print_table(table: pd.DataFrame) -> None:
    """Print it as the documentation has it."""
    parts = [part for part in HEADINGS if f"{part} ratio" in table]
    header = ["kind of fault", "faults", "concealed by the browser", *(HEADINGS[part] for part in parts)]
    print("| " + " | ".join(header) + " |")
    print("| " + " | ".join(["---"] * len(header)) + " |")
    for kind, row in table.iterrows():
        cells = [f"`{kind}`", f"{row['faults']}", f"{row['concealed_ms'] / 1000:.1f} s"]
        print("| " + " | ".join([*cells, *(_cell(row, part) for part in parts)]) + " |")


def _cell(row: pd.Series, part: str) -> str:
    error_ms, ratio = row[f"{part} error_ms"], row[f"{part} ratio"]
    if np.isnan(error_ms):
        return ""
    return (
        f"{error_ms:.0f} ms" + ("" if np.isnan(ratio) else f", {ratio:.2f}") + (" \\*" if row[f"{part} beyond"] else "")
    )


def record_missing(out: Path) -> None:
    """Record the scenarios that `out` does not hold yet."""
    for path in sorted(SCENARIOS.glob("*.toml")):
        if not (out / path.stem).exists():
            print(record_call(read_scenario(path), out / path.stem, tell=print), flush=True)


def calls_in(folders: list[Path]) -> list[Path]:
    found = {path.parent for folder in folders for path in (*folder.glob("truth.json"), *folder.glob("*/truth.json"))}
    return sorted(folder for folder in found if (folder / "scenario.toml").exists())


# -- speed ------------------------------------------------------------------------------------------------------------

LONG = Scenario(
    "half_a_minute", 30.0, (Line("agent", 0.5, FIRST), Line("user", 10.0, "Thank you."), Line("agent", 13, SECOND)),
    faults=(Fault("burst_loss", 3.0, 0.3), Fault("stall", 5.0, 0.4), Fault("delay_spike", 14.0, 0.3)),
)  # fmt: skip
SHORT = Scenario("slider", 10.0, lines=(Line("agent", 0.5, FIRST),), faults=LONG.faults[:2])


def seconds(scenario: Scenario) -> float:
    """Return the processor time that a simulation takes, espeak-ng's with it: the clock lies on a busy machine."""
    before_s = _processor_s()
    simulate_call(scenario)
    return _processor_s() - before_s


def _processor_s() -> float:
    own, programs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + programs.ru_utime + programs.ru_stime


def time_it() -> None:
    first = subprocess.run([sys.executable, __file__, "--first"], capture_output=True, text=True, check=True)
    print(f"30 s, the first call of a process: {first.stdout.strip()}")
    for name, base, scenario in (
        ("30 s, new words", LONG, replace(LONG, lines=tuple(replace(x, text=f"Well. {x.text}") for x in LONG.lines))),
        ("30 s, a loss moved", LONG, replace(LONG, faults=(Fault("burst_loss", 3.2, 0.3), *LONG.faults[1:]))),
        ("10 s, a loss moved", SHORT, replace(SHORT, faults=(Fault("burst_loss", 3.2, 0.3), SHORT.faults[1]))),
        ("10 s, a stall longer", SHORT, replace(SHORT, faults=(SHORT.faults[0], Fault("stall", 5.0, 0.5)))),
        ("10 s, a stall shorter", SHORT, replace(SHORT, faults=(SHORT.faults[0], Fault("stall", 5.0, 0.3)))),
        ("10 s, a spike instead", SHORT, replace(SHORT, faults=(Fault("delay_spike", 3.2, 0.3),))),
    ):
        simulate_call(base)
        taken_s = seconds(scenario)
        print(f"{name}: {taken_s:.2f} s of processor time, {scenario.duration_s / taken_s:.0f} times real time")
    slid = [seconds(replace(SHORT, faults=faults)) for faults in slider_positions()]
    print(f"10 s, {len(slid)} more changes: median {np.median(slid):.2f} s, at most {max(slid):.2f} s")


def slider_positions() -> Iterable[tuple[Fault, ...]]:
    """Move, lengthen and shorten faults of SHORT, and put others in their place, none of them rendered before."""
    for step in range(1, 9):
        yield Fault("burst_loss", 3.2 + 0.05 * step, 0.3), SHORT.faults[1]
        yield SHORT.faults[0], Fault("stall", 5.0, 0.2 + 0.07 * step)
        yield (Fault("delay_spike", 3.0 + 0.1 * step, 0.3),)
        yield (Fault("jitter", 3.0 + 0.1 * step, 1.0, {"mean_s": 0.02, "shape": 0.5}),)


def time_first() -> None:
    """Print what the first call costs, whose words have to be spoken and whose modules to be imported."""
    whole_s = seconds(LONG)
    print(f"{whole_s:.2f} s of processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--again", nargs="*", type=Path, default=[])
    parser.add_argument("--record", type=Path, metavar="FOLDER")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--first", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.first:
        time_first()
        return
    if given.record:
        record_missing(given.record)
    folders = calls_in([*given.folders, *([given.record] if given.record else [])])
    if folders:
        print_table(compare(folders, calls_in(given.again), draws=given.draws))
    time_it()


if __name__ == "__main__":
    main()
