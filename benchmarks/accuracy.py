"""How often the diagnosis is right: labelled calls, diagnosed from every subset of their evidence.

    python benchmarks/accuracy.py CASES [CASES …] [--subsets all,receiver] [--json FILE]

CASES is a folder of case folders with truth.json, as the lab writes them. Per subset: precision, recall and F1 of each
cause, masked against audible, onset error, abstentions, who was taken for whom, and how far the stated confidence can
be believed; beside it, on the same calls, the plain rules that people use: a gap in the sequence is the network, a gap
in the arrivals is jitter.

What counts. Must be found: every audible fault. Neutral: faults that were masked or marginal, found with their cause.
A finding matches a fault that it overlaps within `TOLERANCE_S`; one of the wrong cause is a false one of the cause that
it names, and an abstention is a miss but no false finding. Where two causes cannot be told apart by construction with
the receiver's capture alone, `also_ok` of the truth counts as right for subsets without the sender's capture.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE_S = 0.1
LONGEST_EXTRA_S = 1.0
"""A finding may be so much longer than the faults it covers: else one long finding would be right about everything."""

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "receiver": ("sender_capture", "events", "stats"),
    "closed": ("sender_capture", "events", "stats", "keys"),
    "capture": ("sender_capture", "events", "stats", "recording", "microphone"),
    "recording": ("sender_capture", "events", "stats", "capture", "keys"),
}
"""Name → what is withheld: everything; receiver capture + recording + keys; the same without keys; …"""

CAUSES = (
    "network_drop",
    "buffer_underrun",
    "late_model_output",
    "deliberate_drop",
    "artificial_delay",
    "unpaced_burst",
)
"""`sender_policy` is scored by its mechanism: holding back and throwing away are two accusations."""

OTHER_NAMES = {"server_skip": "deliberate_drop"}
LATE_GAP_S = 0.06
"""The plain rules call an arrival gap of three packets jitter."""


@dataclass
class Tally:
    """Counts pooled over calls."""

    found: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    abstained: int = 0
    onset_s: list[float] = field(default_factory=list)
    masked: Counter[tuple[bool, bool]] = field(default_factory=Counter)  # (truly audible, said audible)
    confidence: list[tuple[float, bool]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Pool another tally into this one."""
        for name in ("found", "false", "missed", "confusion", "masked"):
            getattr(self, name).update(getattr(other, name))
        self.abstained += other.abstained
        self.onset_s += other.onset_s
        self.confidence += other.confidence
        self.seconds += other.seconds


@dataclass(frozen=True)
class Fault:
    """One labelled fault on the axis of the findings."""

    start_s: float
    end_s: float
    accepted: frozenset[str]
    cause: str
    audible: bool
    must: bool


def main() -> None:
    """Score the folders given on the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--subsets", default=",".join(SUBSETS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folders = sorted(
        folder for cases in options.cases for folder in cases.iterdir() if (folder / "truth.json").is_file()
    )
    document = {}
    with ProcessPoolExecutor(2) as pool:
        for name in options.subsets.split(","):
            total, plain = Tally(), Tally()
            for mine, theirs in pool.map(score_case, folders, [name] * len(folders)):
                total.add(mine)
                plain.add(theirs)
            print_tally(f"{name}: {len(folders)} calls, {total.seconds / max(1, len(folders)):.1f} s each", total)
            if plain.found or plain.false:
                print_tally(f"  plain rules on the same calls ({name})", plain, brief=True)
            document[name] = summary(total)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1))


def score_case(folder: Path, subset: str) -> tuple[Tally, Tally]:
    """Diagnose one case without what `subset` withholds; the tally of the diagnosis and of the plain rules."""
    import forensics as fx
    from forensics.errors import ForensicsError

    truth = json.loads((folder / "truth.json").read_text())
    case = replace(fx.open_case(folder), truth=None)
    started = time.perf_counter()
    try:
        diagnosis = fx.diagnose(replace(case, **{role: None for role in SUBSETS[subset]}))
    except ForensicsError as fault:
        print(f"{folder.name} ({subset}): {fault}")
        return Tally(), Tally()
    seconds = time.perf_counter() - started
    on_capture = "recording" not in diagnosis.scene.clocks and diagnosis.scene.capture is not None
    faults = list(
        read_faults(truth, origin_s=diagnosis.scene.origin_ns / 1e9 if on_capture else None, closed=subset != "all")
    )
    tally = score(list(findings_of(diagnosis)), faults)
    tally.seconds = seconds
    return tally, score(list(plain_findings(diagnosis)), faults)


def read_faults(truth: Mapping[str, Any], *, origin_s: float | None, closed: bool) -> Iterator[Fault]:
    """Labelled faults in recording time, or on the capture's clock where `origin_s` is given."""
    for event in truth["events"]:
        if event["cause"] == "none" or event.get("category") == "response_latency":
            continue
        keys = ("rec_start", "rec_end") if origin_s is None else ("cap_start", "cap_end")
        if event.get(keys[0]) is None or event.get(keys[1]) is None:
            continue
        start, end = sorted(float(event[key]) - (origin_s or 0.0) for key in keys)
        cause = name_of(event["cause"], event.get("mechanism", ""))
        accepted = {cause, *(OTHER_NAMES.get(other, other) for other in event.get("also_ok", []) if closed)}
        audible = event.get("audibility", "audible") == "audible"
        yield Fault(start - TOLERANCE_S, end + TOLERANCE_S, frozenset(accepted), cause, audible, audible)
        if "span" in event and origin_s is None:
            span = event["span"]
            yield Fault(
                span["rec_start"] - TOLERANCE_S, span["rec_end"] + TOLERANCE_S, frozenset(accepted), cause, False, False
            )


def name_of(cause: str, mechanism: str) -> str:
    """Name of a cause as it is scored."""
    return OTHER_NAMES.get(cause, mechanism or cause if cause == "sender_policy" else cause)


def findings_of(diagnosis: Any) -> Iterator[tuple[float, float, str, float, bool]]:
    """(start, end, cause, confidence, audible) of the verdicts that blame or abstain."""
    for verdict in diagnosis.verdicts:
        if verdict.mechanism == "late_first_audio" or verdict.cause in ("recording_artefact", "capture_loss"):
            continue
        glitch = verdict.glitch
        cause = name_of(str(verdict.cause), verdict.mechanism)
        yield glitch.start_s, glitch.end_s, cause, verdict.confidence, glitch.audible


def plain_findings(diagnosis: Any) -> Iterator[tuple[float, float, str, float, bool]]:
    """What the plain rules say of the same journey: sequence gap → network, arrival gap → jitter."""
    from forensics.glitches.boundaries import measure_boundaries

    journey = diagnosis.scene.journey
    if journey is None or len(journey) < 2:
        return
    for _, edge in measure_boundaries(journey).iterrows():
        start, end = sorted((float(edge["start_s"]), float(edge["end_s"])))
        if edge["lost_packets"] > 0:
            yield start, end, "network_drop", 1.0, True
        elif edge["arrival_gap_s"] > LATE_GAP_S:
            yield start, end, "buffer_underrun", 1.0, True


def score(findings: Sequence[tuple[float, float, str, float, bool]], faults: Sequence[Fault]) -> Tally:
    """Match findings against faults."""
    tally, taken = Tally(), set()
    for start, end, cause, confidence, audible in sorted(findings):
        hits = [i for i, fault in enumerate(faults) if start <= fault.end_s and end >= fault.start_s]
        right = [i for i in hits if cause in faults[i].accepted]
        if right:
            best = max(
                right,
                key=lambda i: (
                    faults[i].must and i not in taken,
                    min(end, faults[i].end_s) - max(start, faults[i].start_s),
                ),
            )
            tally.masked[faults[best].audible, audible] += 1
        if not audible:
            continue
        if cause == "undetermined":
            tally.abstained += 1
            continue
        new = [i for i in right if faults[i].must and i not in taken]
        covered_s = max((faults[i].end_s for i in right), default=0.0) - min(
            (faults[i].start_s for i in right), default=0.0
        )
        if right and not (new and end - start > covered_s - 2 * TOLERANCE_S + LONGEST_EXTRA_S):
            taken.update(new)
            for i in new:
                tally.found[faults[i].cause] += 1
                tally.confusion[faults[i].cause, cause] += 1
            if len(new) == 1:
                tally.onset_s.append(abs(start - faults[new[0]].start_s - TOLERANCE_S))
            tally.confidence.append((confidence, True))
        else:
            tally.false[cause] += 1
            tally.confidence.append((confidence, False))
            true = next((faults[i].cause for i in hits if faults[i].must), "masked" if hits else "nothing")
            tally.confusion[true, cause] += 1
    for i, fault in enumerate(faults):
        if fault.must and i not in taken:
            tally.missed[fault.cause] += 1
    return tally


def rates(found: int, false: int, missed: int) -> tuple[float, float, float]:
    """Precision, recall and F1; NaN where there is nothing to divide by."""
    precision = found / (found + false) if found + false else float("nan")
    recall = found / (found + missed) if found + missed else float("nan")
    f1 = 2 * found / (2 * found + false + missed) if found + false + missed else float("nan")
    return precision, recall, f1


def named_rates(found: int, false: int, missed: int) -> dict[str, float]:
    """`rates` by name."""
    return dict(zip(("precision", "recall", "f1"), rates(found, false, missed), strict=True))


def calibration_error(confidence: Sequence[tuple[float, bool]], *, bins: int = 10) -> float:
    """Expected calibration error: mean distance of stated confidence and share of right findings, over `bins` bins."""
    if not confidence:
        return float("nan")
    stated, right = np.array([c for c, _ in confidence]), np.array([r for _, r in confidence], float)
    index = np.minimum((stated * bins).astype(int), bins - 1)
    return float(
        sum(abs(stated[index == b].mean() - right[index == b].mean()) * (index == b).mean() for b in np.unique(index))
    )


def summary(tally: Tally) -> dict[str, Any]:
    """The figures of a tally as plain values."""
    return {
        "per_cause": {c: named_rates(tally.found[c], tally.false[c], tally.missed[c]) for c in CAUSES},
        "micro": named_rates(*(sum(counts.values()) for counts in (tally.found, tally.false, tally.missed))),
        "abstained": tally.abstained,
        "expected_calibration_error": calibration_error(tally.confidence),
    }  # fmt: skip


def print_tally(title: str, tally: Tally, *, brief: bool = False) -> None:
    """Print one table."""
    print(f"\n{title}\n{'cause':<20}{'found':>6}{'false':>6}{'missed':>7}{'prec':>7}{'recall':>7}{'F1':>7}")
    for cause in CAUSES:
        counts = tally.found[cause], tally.false[cause], tally.missed[cause]
        if any(counts):
            print(
                f"{cause:<20}{counts[0]:>6}{counts[1]:>6}{counts[2]:>7}"
                + "".join(f"{rate:>7.2f}" for rate in rates(*counts))
            )
    counts = tuple(sum(counter.values()) for counter in (tally.found, tally.false, tally.missed))
    print(
        f"{'all':<20}{counts[0]:>6}{counts[1]:>6}{counts[2]:>7}" + "".join(f"{rate:>7.2f}" for rate in rates(*counts))
    )
    if brief:
        return
    same = sum(n for (true, said), n in tally.masked.items() if true == said)
    onset_ms = 1000 * np.array(tally.onset_s or [np.nan])
    print(
        f"onset error {np.median(onset_ms):.0f} ms median, {np.quantile(onset_ms, 0.95):.0f} ms at 95 %; "
        f"abstained {tally.abstained}; ",
        end="",
    )
    print(
        f"masked or audible right {same / max(1, sum(tally.masked.values())):.0%}; "
        f"calibration error {calibration_error(tally.confidence):.3f}"
    )
    wrong = {pair: n for pair, n in tally.confusion.items() if pair[0] != pair[1]}
    if wrong:
        print("taken for another: " + ", ".join(f"{true} as {said} {n}" for (true, said), n in sorted(wrong.items())))
    for low in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
        high = {0.5: 0.7, 0.7: 0.8, 0.8: 0.9, 0.9: 0.95, 0.95: 0.99, 0.99: 1.01}[low]
        inside = [right for stated, right in tally.confidence if low <= stated < high]
        if inside:
            print(
                f"  confidence {low:.2f} to {min(high, 1):.2f}: {len(inside):4d} findings, {np.mean(inside):.0%} right"
            )


if __name__ == "__main__":
    main()
