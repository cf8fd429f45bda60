"""Does the diagnosis abstain where nothing could tell? Calls that are ambiguous by construction, with known truth.

    python benchmarks/ambiguity.py FOLDER [--calls 0:40] [--minutes 4]

Each number is one call, drawn as `calibration.py` draws them (voice, codec, packet length, path, buffer), with faults
that leave the same trace in what is then given:

* "late": the voice's sealed packets alone, no reports, no other flow. The source stood still with its timestamps
  contiguous, or the path held its packets: both are a packet that came late, and a backlog or none.
* "missing": the same packets alone. The network lost some, the sender left their numbers out, or only the tap missed
  them: all are a gap in the sequence.
* "recording": the recording alone. A hole is a hole, whoever made it.
* "sealed": the receiver's whole capture and the recording, no keys. Reports are closed, so nothing counts what was
  sent: a loss, and numbers that the sender left out. Here experience speaks, not evidence: a loss is what such a gap
  nearly always is, and it is named as that, with less confidence than one that was counted and the other beside it
  (`perhaps_never_sent`). Half of the truth is then named wrongly, unless packets bear transport-wide numbers.

Per kind of evidence: how many of the faults were named rightly, named wrongly, left undetermined, or not noticed. A
wrong name is worse than none: nine in ten of those that are told of at all should be left open or be right. A finding
where there is nothing counts as false. Calls are kept in FOLDER, so that a run can be taken up again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import SEALED, TOLERANCE_S, evidence_of, findings_of, leave_remedies_out, read_faults
from calibration import draw_fault, draw_lines, draw_receiver, draw_sender, write_sealed

import forensics as fx
from forensics.lab.scenario import Fault, Network, Scenario
from forensics.lab.simulate import simulate_call

KINDS: dict[str, tuple[dict[str, dict[str, str]], str]] = {
    "late": ({"stall": {"timestamps": "contiguous"}, "delay_spike": {}}, "bare"),
    "missing": ({"burst_loss": {}, "deliberate_drop": {"numbering": "sequence_gap"}, "capture_gap": {}}, "bare"),
    "recording": ({"stall": {"timestamps": "contiguous"}, "delay_spike": {}, "burst_loss": {}, "frozen_renderer": {},
                   "recording_gap": {}}, "recording"),
    "sealed": ({"burst_loss": {}, "deliberate_drop": {"numbering": "sequence_gap"}}, "closed"),
}  # fmt: skip
"""What is ambiguous → the faults that look alike there, with what is fixed of them, and the evidence that is given."""

APART_S = 2.5
"""From one fault to the next: longer than a delay takes to be given back."""

OUTCOMES = ("right", "wrong", "undetermined", "not noticed")
ARTEFACTS = ("capture_loss", "recording_artefact")


@dataclass
class Outcome:
    """What became of the faults, by what they were, and false findings beside them."""

    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        """Pool another call's."""
        self.faults.update(other.faults)
        self.false.update(other.false)


@dataclass(frozen=True)
class Told:
    """One finding: when, and which cause; masked ones are not told."""

    start_s: float
    end_s: float
    cause: str


def draw_call(number: int, *, kind: str, folder: Path) -> tuple[Scenario, Any]:
    """Draw the call of one number, with faults of one kind of ambiguity."""
    rng = np.random.default_rng([number, 77])
    sender = replace(draw_sender(rng), abs_send_time=False)
    lines, turns, duration_s = draw_lines(rng, folder=folder)
    faults = [fault for turn in turns for fault in _draw_faults(turn, kind=kind, sender=sender, rng=rng)]
    network = Network(float(rng.choice([0.005, 0.02, 0.04, 0.08])))
    name = f"ambiguous {kind} {number}"
    scenario = Scenario(
        name, duration_s, lines=lines, seed=number, sender=sender, network=network, faults=tuple(faults)
    )
    return scenario, draw_receiver(rng)


def _draw_faults(turn: tuple[float, float], *, kind: str, sender: Any, rng: np.random.Generator) -> Iterator[Fault]:
    """Draw faults into one turn of the agent, far enough apart."""
    at_s = turn[0] + float(rng.uniform(0.5, 1.5))
    while at_s < turn[1] - 1.2:
        name = str(rng.choice(list(KINDS[kind][0])))
        drawn = draw_fault(name, at_s, rng, room_s=turn[1] - at_s - 0.5, sender=sender)
        fault = replace(drawn, parameters={**drawn.parameters, **KINDS[kind][0][name]})
        yield fault
        at_s = fault.end_s + APART_S + float(rng.exponential(0.5))


def make(folder: Path, number: int, *, kind: str) -> Path:
    """Simulate a call that is not there yet."""
    call_folder = folder / f"{kind}-{number:03d}"
    if not call_folder.is_dir():
        voices = folder / "voices" / call_folder.name
        voices.mkdir(parents=True, exist_ok=True)
        scenario, receiver = draw_call(number, kind=kind, folder=voices)
        write_sealed(simulate_call(scenario, call_folder, receiver=receiver), call_folder / SEALED)
    return call_folder


def judge(folder: Path, *, kind: str) -> Outcome:
    """Diagnose one call with what its kind gives, and hold it against the truth."""
    truth = json.loads((folder / "truth.json").read_text())
    leave_remedies_out()
    with evidence_of(folder, KINDS[kind][1], truth) as case:
        diagnosis = fx.diagnose(case)
    heard = diagnosis.scene.recording is not None
    told = [Told(f.start_s, f.end_s, f.cause) for f in findings_of(diagnosis, as_captured=not heard) if f.audible]
    told += [Told(*_span(v.glitch, heard=heard), str(v.cause)) for v in diagnosis.verdicts if v.cause in ARTEFACTS]
    return compare(told, list(_faults(truth, None if heard else diagnosis.scene.origin_ns / 1e9)))


def _span(glitch: Any, *, heard: bool) -> tuple[float, float]:
    return (glitch.start_s, glitch.end_s) if heard else (glitch.capture_start_s, glitch.capture_end_s)


def _faults(truth: dict[str, Any], origin_s: float | None) -> Iterator[tuple[float, float, str, bool]]:
    """Every labelled fault, and what only looks like one: start, end, what it was, whether it was heard."""
    for fault in read_faults(truth, origin_s=origin_s, closed=False):
        yield fault.start_s, fault.end_s, fault.cause, fault.must
    for entry in truth["benign"]:
        if entry["kind"] == "capture_gap" and origin_s is not None:
            margin_s = TOLERANCE_S + truth["base_one_way_delay_ms"] / 1000
            yield entry["cap"][0] - origin_s - margin_s, entry["cap"][1] - origin_s + margin_s, "capture_loss", True
    for entry in truth["injected"]:
        if entry["kind"] == "recording_gap" and origin_s is None:
            start_s, end_s = entry["window_rec"]
            yield start_s - 0.5, end_s + 1.0, "recording_artefact", True


def compare(told: list[Told], faults: list[tuple[float, float, str, bool]]) -> Outcome:
    """What was told of each fault that was heard, and what was told of nothing."""
    outcome = Outcome()
    for start_s, end_s, cause, must in faults:
        causes = {t.cause for t in told if t.start_s <= end_s and t.end_s >= start_s}
        if must:
            named = causes - {"undetermined"}
            result = "right" if cause in named else "wrong" if named else "undetermined" if causes else "not noticed"
            outcome.faults[cause, result] += 1
    for one in told:
        if one.cause != "undetermined" and not any(one.start_s <= f[1] and one.end_s >= f[0] for f in faults):
            outcome.false[one.cause] += 1
    return outcome


def print_outcome(kind: str, outcome: Outcome, *, calls: int) -> None:
    """Print one kind of ambiguity."""
    print(f"\n{kind}: {calls} calls, evidence: {KINDS[kind][1]}")
    print(f"{'truth':<22}" + "".join(f"{name:>14}" for name in OUTCOMES))
    for cause in sorted({cause for cause, _ in outcome.faults}):
        print(f"{cause:<22}" + "".join(f"{outcome.faults[cause, name]:>14}" for name in OUTCOMES))
    sums = Counter({name: sum(n for (_, said), n in outcome.faults.items() if said == name) for name in OUTCOMES})
    noticed = sums.total() - sums["not noticed"]
    open_or_right = sums["undetermined"] + sums["right"]
    print(
        f"left open {sums['undetermined']} of {noticed} noticed, right {sums['right']}, wrong {sums['wrong']}: "
        f"{open_or_right / max(1, noticed):.0%} not wrong; false findings {dict(outcome.false) or 'none'}"
    )


def main() -> None:
    """Make, diagnose and count."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", default="0:40", help="first:last, the last one left out; of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--minutes", type=float, default=1e6, help="take up no more calls after so long")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    for kind in options.kinds.split(","):
        total, calls = Outcome(), 0
        for number in range(*map(int, options.calls.split(":"))):
            if time.monotonic() < until:
                total.add(judge(make(options.folder, number, kind=kind), kind=kind))
                calls += 1
        print_outcome(kind, total, calls=calls)


if __name__ == "__main__":
    main()
