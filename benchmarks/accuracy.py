"""How often the diagnosis is right: labelled calls, diagnosed from every subset of their evidence.

    python benchmarks/accuracy.py CASES [CASES …] [--subsets all,receiver] [--json FILE]

CASES is a folder of case folders with truth.json, as the lab writes them. Per subset: precision, recall and F1 of each
cause, masked against audible, onset error, abstentions, who was taken for whom, and how far the stated confidence can
be believed; beside it, on the same calls, the plain rules that people use: a gap in the sequence is the network, a gap
in the arrivals is jitter.

What counts. Must be found: every audible fault. Neutral: faults that were masked or marginal, found with their cause.
A finding matches a fault that it overlaps within `TOLERANCE_S`; one of the wrong cause is a false one of the cause that
it names, and an abstention is a miss but no false finding. Without a recording both are placed by their packets at the
tap, for when they were heard can only be predicted. Where two causes cannot be told apart by construction with the
receiver's capture alone, `also_ok` of the truth counts as right for subsets without the sender's capture; what became
of those faults is told apart as well: named rightly, named as what looks alike, left open, or named wrongly. Speech
skipped with contiguous timestamps leaves a splice and nothing else: the totals are also told without such faults.

The subset "bare" is ambiguous by construction: the voice's packets alone, no reports, no other flow, no keys,
no recording. Who was late, the sender or the path, is not in them; there a wrong cause is worse than none.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

TOLERANCE_S = 0.1
LONGEST_EXTRA_S = 1.0
"""A finding may be so much longer than the faults it covers: else one long finding would be right about everything."""

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "all-events": ("events",),
    "receiver": ("sender_capture", "events", "stats"),
    "closed": ("sender_capture", "events", "stats", "keys"),
    "capture": ("sender_capture", "events", "stats", "recording", "microphone"),
    "recording": ("sender_capture", "events", "stats", "capture", "keys"),
    "statistics": ("sender_capture", "events"),
    "bare": ("sender_capture", "events", "stats", "recording", "microphone", "keys"),
    "receiver+events": ("sender_capture", "stats"),
    "closed+events": ("sender_capture", "stats", "keys"),
    "capture+events": ("sender_capture", "stats", "recording", "microphone"),
    "recording+events": ("sender_capture", "stats", "capture", "keys"),
    "statistics+events": ("sender_capture", "capture", "keys", "recording", "microphone"),
}
"""Name → what is withheld: nothing; the event log; all but receiver capture + recording + keys; the same without keys.
What ends in "+events" has the event log besides."""

SEALED = "sealed.pcap"
"""A simulated call is in plain RTP; its capture with every payload encrypted has this name and stands in for it where
keys are withheld."""

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

COUNTED_S = 0.04
"""The browser's counters speak from two packets on, as the listener does."""


@dataclass(frozen=True)
class Finding:
    """What a diagnosis says happened; `margin_db` is the weight of its evidence before it became a confidence."""

    start_s: float
    end_s: float
    cause: str
    confidence: float = 1.0
    audible: bool = True
    margin_db: float = np.nan


@dataclass
class Tally:
    """Counts pooled over calls."""

    found: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)  # what became of faults that look like another cause
    abstained: int = 0
    onset_s: list[float] = field(default_factory=list)
    masked: Counter[tuple[bool, bool]] = field(default_factory=Counter)  # (truly audible, said audible)
    confidence: list[tuple[float, bool]] = field(default_factory=list)
    margin_db: list[float] = field(default_factory=list)  # of the same findings
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Pool another tally into this one."""
        for name in ("found", "false", "missed", "confusion", "masked", "alike"):
            getattr(self, name).update(getattr(other, name))
        self.abstained += other.abstained
        self.onset_s += other.onset_s
        self.confidence += other.confidence
        self.margin_db += other.margin_db
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
    contiguous: bool = False  # a splice and nothing else


@dataclass
class Scores:
    """Tallies of the same calls: the diagnosis, it again without contiguous skips, and its peers."""

    diagnosis: Tally = field(default_factory=Tally)
    apart: Tally = field(default_factory=Tally)
    plain: Tally = field(default_factory=Tally)
    counters: Tally = field(default_factory=Tally)

    def add(self, other: Scores) -> None:
        """Pool the tallies of other calls into these."""
        for name in ("diagnosis", "apart", "plain", "counters"):
            getattr(self, name).add(getattr(other, name))


def main() -> None:
    """Score the folders given on the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--subsets", default=",".join(SUBSETS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folders = sorted(
        folder for cases in options.cases for folder in cases.iterdir() if (folder / "truth.json").is_file()
    )
    document = {}
    with ProcessPoolExecutor(options.processes) as pool:
        for name in options.subsets.split(","):
            total = Scores()
            for scores in pool.map(score_case, folders, [name] * len(folders)):
                total.add(scores)
            print_scores(name, total, calls=len(folders))
            document[name] = summary(total)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1))


def score_case(folder: Path, subset: str) -> Scores:
    """Diagnose one case without what `subset` withholds, and score it beside its peers."""
    import forensics as fx
    from forensics.errors import ForensicsError

    truth = json.loads((folder / "truth.json").read_text())
    leave_remedies_out()
    started = time.perf_counter()
    with evidence_of(folder, subset, truth) as case:
        try:
            diagnosis = fx.diagnose(case)
        except ForensicsError as fault:
            print(f"{folder.name} ({subset}): {fault}")
            return Scores()
    seconds = time.perf_counter() - started
    origin_s = diagnosis.scene.origin_ns / 1e9 if diagnosis.scene.recording is None else None
    faults = list(read_faults(truth, origin_s=origin_s, closed="sender_capture" in SUBSETS[subset]))
    findings = list(findings_of(diagnosis, as_captured=origin_s is not None))
    apart = [replace(fault, must=fault.must and not fault.contiguous) for fault in faults]
    scores = Scores(
        score(findings, faults),
        score(findings, apart),
        score(list(plain_findings(diagnosis)), faults),
        score(list(counter_findings(diagnosis)), faults) if diagnosis.scene.stats else Tally(),
    )
    scores.diagnosis.seconds = seconds
    return scores


def leave_remedies_out() -> None:
    """Do without the replays of other settings: they take half of the time, and change no cause."""
    from forensics.causes import verdict

    verdict.remedy_for = lambda *asked, **known: ("", "")


@contextmanager
def evidence_of(folder: Path, subset: str, truth: Mapping[str, Any]) -> Iterator[Any]:
    """The case of a folder without what `subset` withholds, and without its truth."""
    import forensics as fx

    case = replace(fx.open_case(folder), truth=None, **dict.fromkeys(SUBSETS[subset]))
    if "keys" in SUBSETS[subset] and case.capture is not None and (folder / SEALED).is_file():
        case = replace(case, capture=folder / SEALED)
    if subset != "bare":
        yield case
        return
    with TemporaryDirectory() as scratch:
        yield replace(case, capture=write_voice_alone(case.capture, Path(scratch) / "bare.pcap", truth["agent_ssrc"]))


def write_voice_alone(capture: Path, out: Path, ssrc: int) -> Path:
    """Write a capture that holds the RTP packets of one SSRC and nothing else."""
    from forensics.capture import read_capture
    from forensics.lab.taps import Datagram, write_capture

    whole = read_capture(capture)
    kept = []
    for row, datagram in enumerate(whole.datagrams.itertuples()):
        payload = whole.payload(row)
        flow = whole.flows.iloc[datagram.flow]
        media = len(payload) > 12 and payload[0] >> 6 == 2 and not 192 <= payload[1] <= 223
        if media and int.from_bytes(payload[8:12], "big") == ssrc:
            time_ns = whole.origin_ns + round(datagram.arrival_s * 1e9)
            ends = [(flow[f"{end}_address"], int(flow[f"{end}_port"])) for end in ("source", "destination")]
            kept.append(Datagram(time_ns, ends[0], ends[1], payload))
    return write_capture(kept, out)


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
        splice = event["kind"].startswith("server_skip:contig")
        yield Fault(start - TOLERANCE_S, end + TOLERANCE_S, frozenset(accepted), cause, audible, audible, splice)
        if "span" in event and origin_s is None:
            span = event["span"]
            yield Fault(
                span["rec_start"] - TOLERANCE_S, span["rec_end"] + TOLERANCE_S, frozenset(accepted), cause, False, False
            )


def name_of(cause: str, mechanism: str) -> str:
    """Name of a cause as it is scored."""
    return OTHER_NAMES.get(cause, mechanism or cause if cause == "sender_policy" else cause)


def findings_of(diagnosis: Any, *, as_captured: bool = False) -> Iterator[Finding]:
    """The verdicts that blame or abstain, when they were heard, or when their packets were captured."""
    for verdict in diagnosis.verdicts:
        if verdict.mechanism == "late_first_audio" or verdict.cause in ("recording_artefact", "capture_loss"):
            continue
        glitch = verdict.glitch
        if glitch.kind == "late_answer" or glitch.direction == "uplink":
            continue
        span = (glitch.capture_start_s, glitch.capture_end_s) if as_captured else (glitch.start_s, glitch.end_s)
        cause = name_of(str(verdict.cause), verdict.mechanism)
        yield Finding(*span, cause, verdict.confidence, glitch.audible, margin_db(verdict.evidence))


def margin_db(evidence: Sequence[Any]) -> float:
    """By how many decibans the best cause leads all others together."""
    from forensics.causes import weigh

    shares = sorted(weigh(evidence).values())
    return float(10 * np.log10(max(shares[-1], 1e-300) / max(sum(shares[:-1]), 1e-300)))


def plain_findings(diagnosis: Any) -> Iterator[Finding]:
    """What the plain rules say of the same journey: sequence gap → network, arrival gap → jitter."""
    from forensics.glitches.boundaries import measure_boundaries

    journey = diagnosis.scene.journey
    if journey is None or len(journey) < 2:
        return
    for _, edge in measure_boundaries(journey).iterrows():
        start, end = sorted((float(edge["start_s"]), float(edge["end_s"])))
        if edge["lost_packets"] > 0:
            yield Finding(start, end, "network_drop")
        elif edge["arrival_gap_s"] > LATE_GAP_S:
            yield Finding(start, end, "buffer_underrun")


def counter_findings(diagnosis: Any) -> Iterator[Finding]:
    """What the browser's counters say between two readings: packetsLost → network, other concealedSamples → jitter."""
    from forensics.playout.arrivals import playout_rate_hz

    scene = diagnosis.scene
    table, clock = scene.stats.get("inbound-rtp"), scene.clocks.get("recording")
    names = ["packets_lost", "concealed_samples", "silent_concealed_samples"]
    if table is None or scene.downlink is None or not {"capture_s", *names} <= set(table):
        return
    table = table[table["ssrc"] == scene.downlink.ssrc].dropna(subset=names).sort_values("capture_s")
    at_s = table["capture_s"].to_numpy(float)
    at_s = clock.from_capture_s(at_s) if clock is not None else at_s
    lost, concealed, silent = (np.diff(table[name].to_numpy(float)) for name in names)
    heard_s = (concealed - silent) / playout_rate_hz(scene.downlink.codec)
    for row in np.flatnonzero(heard_s >= COUNTED_S):
        yield Finding(at_s[row], at_s[row + 1], "network_drop" if lost[row] > 0 else "buffer_underrun")


def score(findings: Sequence[Finding], faults: Sequence[Fault]) -> Tally:
    """Match findings against faults."""
    tally, taken = Tally(), set()
    for finding in sorted(findings, key=lambda finding: (finding.start_s, finding.end_s)):
        start, end, cause = finding.start_s, finding.end_s, finding.cause
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
            tally.masked[faults[best].audible, finding.audible] += 1
        if not finding.audible:
            continue
        true = next((faults[i].cause for i in hits if faults[i].must), "masked" if hits else "nothing")
        if cause == "undetermined":
            tally.abstained += 1
            tally.confusion[true, cause] += 1
            continue
        new = [i for i in right if faults[i].must and i not in taken]
        covered_s = max((faults[i].end_s for i in right), default=0.0) - min(
            (faults[i].start_s for i in right), default=0.0
        )
        correct = bool(right) and not (new and end - start > covered_s - 2 * TOLERANCE_S + LONGEST_EXTRA_S)
        tally.confidence.append((finding.confidence, correct))
        tally.margin_db.append(finding.margin_db)
        if not correct:
            tally.false[cause] += 1
            tally.confusion[true, cause] += 1
            continue
        taken.update(new)
        for i in new:
            tally.found[faults[i].cause] += 1
            tally.confusion[faults[i].cause, cause] += 1
        if len(new) == 1:  # of several in a row the one that it lies on, which may have been found before
            tally.onset_s.append(abs(start - _onset_s(finding, [faults[i] for i in right])))
    for i, fault in enumerate(faults):
        if fault.must and i not in taken:
            tally.missed[fault.cause] += 1
        if fault.must and len(fault.accepted) > 1:
            tally.alike[_outcome(fault, findings)] += 1
    return tally


def _onset_s(finding: Finding, faults: Sequence[Fault]) -> float:
    """When that one of several faults began on which a finding lies the most, without what they were widened by."""
    spans = [(fault.start_s + TOLERANCE_S, fault.end_s - TOLERANCE_S) for fault in faults]
    return max(spans, key=lambda span: min(finding.end_s, span[1]) - max(finding.start_s, span[0]))[0]


def _outcome(fault: Fault, findings: Sequence[Finding]) -> str:
    """What became of a fault that nothing in this evidence tells from another cause."""
    named = {f.cause for f in findings if f.audible and f.start_s <= fault.end_s and f.end_s >= fault.start_s}
    if fault.cause in named:
        return "rightly"
    if named & fault.accepted:
        return "as what looks alike"
    return "wrongly" if named - {"undetermined"} else "undetermined" if named else "not noticed"


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


def summary(scores: Scores) -> dict[str, Any]:
    """The figures of a subset as plain values."""
    tally = scores.diagnosis
    return {
        "per_cause": {c: named_rates(tally.found[c], tally.false[c], tally.missed[c]) for c in CAUSES},
        "micro": named_rates(*totals(tally)),
        "micro_without_contiguous_skips": named_rates(*totals(scores.apart)),
        "contiguous_skips_found": tally.found.total() - scores.apart.found.total(),
        "micro_plain_rules": named_rates(*totals(scores.plain)),
        "micro_counters": named_rates(*totals(scores.counters)),
        "abstained": tally.abstained,
        "look_like_another_cause": dict(tally.alike),
        "masked_or_audible": agreement(tally),
        "expected_calibration_error": calibration_error(tally.confidence),
    }  # fmt: skip


def totals(tally: Tally) -> tuple[int, int, int]:
    """Found, false, missed over all causes."""
    return tally.found.total(), tally.false.total(), tally.missed.total()


def agreement(tally: Tally) -> float:
    """Share of the faults found whose audibility was told right."""
    same = sum(n for (true, said), n in tally.masked.items() if true == said)
    return same / max(1, tally.masked.total())


def print_scores(name: str, scores: Scores, *, calls: int) -> None:
    """Print everything about one subset."""
    tally = scores.diagnosis
    print_rates(f"{name}: {calls} calls, {tally.seconds / max(1, calls):.1f} s each", tally)
    print_totals("without contiguous skips", scores.apart)
    skips = tally.found.total() - scores.apart.found.total(), tally.missed.total() - scores.apart.missed.total()
    print(f"contiguous skips: {skips[0]} of {sum(skips)} found")
    for peer, title in ((scores.plain, "plain rules"), (scores.counters, "browser counters")):
        if any(totals(peer)):
            print_totals(title, peer)
    onset_ms = 1000 * np.array(tally.onset_s or [np.nan])
    decided = tally.found.total() + tally.false.total()
    print(
        f"onset error {np.median(onset_ms):.0f} ms median, {np.quantile(onset_ms, 0.95):.0f} ms at 95 %; "
        f"masked or audible right {agreement(tally):.0%}; "
        f"abstained {tally.abstained} of {tally.abstained + decided}, wrong {tally.false.total()}"
    )
    if tally.alike:
        told = ", ".join(f"{count} {outcome}" for outcome, count in tally.alike.most_common())
        print(f"faults that look like another cause in this evidence, by the truth: {told}")
    print_confusion(tally)
    print_reliability(tally)


def print_rates(title: str, tally: Tally) -> None:
    """Print precision, recall and F1 of each cause."""
    print(f"\n{title}\n{'cause':<26}{'found':>6}{'false':>6}{'missed':>7}{'prec':>7}{'recall':>7}{'F1':>7}")
    for cause in CAUSES:
        counts = tally.found[cause], tally.false[cause], tally.missed[cause]
        if any(counts):
            print(f"{cause:<26}{counts[0]:>6}{counts[1]:>6}{counts[2]:>7}" + _percentages(counts))
    print_totals("all", tally)


def print_totals(title: str, tally: Tally) -> None:
    """Print one line over all causes."""
    counts = totals(tally)
    print(f"{title:<26}{counts[0]:>6}{counts[1]:>6}{counts[2]:>7}" + _percentages(counts))


def _percentages(counts: tuple[int, int, int]) -> str:
    return "".join(f"{rate:>7.2f}" for rate in rates(*counts))


def print_confusion(tally: Tally) -> None:
    """Print the true cause against the named one; faults found without a finding of their own are in no column."""
    shown = ("masked", "nothing", "undetermined")
    names = [name for name in (*CAUSES, *shown) if any(name in pair for pair in tally.confusion)]
    columns = [name for name in names if name not in shown[:2]]
    if not columns:
        return
    print("true cause, named as:      " + " ".join(f"{name[:13]:>13}" for name in columns))
    for true in (name for name in names if name != "undetermined"):
        print(f"  {true:<25}" + " ".join(f"{tally.confusion[true, said] or '·':>13}" for said in columns))


def print_reliability(tally: Tally) -> None:
    """Print how often findings of a stated confidence were right."""
    print(f"calibration error {calibration_error(tally.confidence):.3f}")
    for low, high in pairwise((0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)):
        inside = [(stated, right) for stated, right in tally.confidence if low <= stated < high]
        if inside:
            stated, right = np.mean(inside, axis=0)
            print(f"  confidence {low:.2f} to {min(high, 1):.2f}: {len(inside):4d} findings, {stated:.0%} stated, "
                  f"{right:.0%} right")  # fmt: skip


if __name__ == "__main__":
    main()
