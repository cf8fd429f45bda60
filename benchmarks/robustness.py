"""Does any threshold fit one call? Each one is moved by a fifth up and down, and everything is scored again.

    python benchmarks/robustness.py CASES [CASES …] [--subsets all,closed] [--only glitches.playout] [--minutes 9]

CASES holds labelled calls, recorded ones or those that `calibration.py` made. Every numeric constant of the rooms
`streams`, `glitches` and `causes` is varied alone, and of the measures that detectors take of sound (`READ_BY`).
Numbers inside a tuple move together. For `glitches` and `causes` the scenes are read once: what comes before them does
not change. For `streams` the packets are read again, and where streams or the vantage come out otherwise, the whole
call. Per constant: the micro F1 that ± 20 % cost or gained. Whole numbers move by one at least. Numbers that a fit put
into a file are not varied, nor are those that only name a rate, a size or a field of a protocol.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import json
import pickle
import pkgutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from accuracy import Fault, Tally, evidence_of, findings_of, leave_remedies_out, rates, read_faults, score, totals

import forensics.causes
import forensics.glitches
import forensics.streams
from forensics.causes import judge_glitches
from forensics.errors import ForensicsError
from forensics.glitches import find_glitches

SHARE = 0.2
NOTABLE = 0.02
EVERY_DETECTOR = {"forensics.glitches.boundaries", "forensics.glitches.candidate"}
"""What all detectors read."""
READ_BY = {
    "forensics.audio.breaks": ("forensics.glitches.splices", "forensics.glitches.unsent"),
    "forensics.audio.repeats": ("forensics.glitches.recording",),
    "forensics.audio.similarity": ("forensics.glitches.silence",),
}
"""Measures of sound, and the detectors that take them."""

NOT_THRESHOLDS = (
    *("RATE_HZ", "SIDE", "BLOCK", "DEPTH", "BANDS", "MINIMUM_DELAYS_S", "LEADS_S", "LAG_S", "OPUS_LAG_S"),
    # windows of the measures that the splice detector's judge was fitted to
    *("BANDS_S", "ERROR", "FIT", "GAP", "JOINT", "MOVES", "ONSETS", "ORDER", "PREDICTION_REACH", "REACH"),
    *("HOP", "SPAN", "WINDOW", "MEL_BANDS", "_BLOCK", "_KEPT", "_MEMORY", "_LONG_SEGMENT"),
    # fields of STUN, TLS, RTP, RTCP, SRTP and their extensions
    *(
        "CHANGE_CIPHER",
        "CLIENT_HELLO",
        "HANDSHAKE",
        "REQUEST",
        "SUCCESS",
        "USE_CANDIDATE",
        "CLOCKS_HZ",
        "FIRST_DYNAMIC",
    ),
    *(
        "_FRAMES_S",
        "_HEADER_OCTETS",
        "_UNAVAILABLE",
        "ABS_SEND_PERIOD_S",
        "ONE_BYTE",
        "TWO_BYTE",
        "DUPLICATE",
        "IN_ORDER",
    ),
    *("LATE", "REORDERED", "_DELTA_S", "_LARGE", "_REFERENCE_S", "_SMALL", "CRYPTEX", "FIXED_OCTETS", "GAIN"),
    *("_ACCEPTED", "_REJECTED", "_WAITING", "HIGHEST_ROLLOVER", "_NEIGHBOURS", "APP", "BYE", "NACK", "NTP_EPOCH_S"),
    *("PAYLOAD_FEEDBACK", "RR", "SDES", "SR", "TRANSPORT_FEEDBACK", "TRANSPORT_WIDE", "XR", "_NTP_ERA_S", "_TAGS"),
    *("USUAL_TAG_OCTETS", "_OCTETS_PER_MS", "_OCTETS", "FORGET_AFTER"),
)
"""Sizes, rates and facts of a codec or a protocol: to move them is another program, not another threshold."""


@dataclass(frozen=True)
class Constant:
    """A constant of one module, and the modules that imported it."""

    name: str
    module: ModuleType
    value: Any
    holders: tuple[ModuleType, ...]

    @property
    def title(self) -> str:
        """Where it stands."""
        return f"{self.module.__name__.removeprefix('forensics.')}.{self.name}"

    def set_to(self, value: Any) -> None:
        """Give it another value wherever it is known, and forget what was worked out with the old one."""
        for module in self.holders:
            setattr(module, self.name, value)
            for own in vars(module).values():
                if getattr(own, "__module__", "") == module.__name__ and hasattr(own, "cache_clear"):
                    own.cache_clear()


@dataclass(frozen=True, eq=False)
class Call:
    """A call read once: its scene and its truth."""

    scene: Any
    faults: list[Fault]
    subset: str
    folder: Path


def find_constants() -> Iterator[Constant]:
    """Find every numeric constant of the rooms and of the measures, in the module that defines it."""
    rooms = (forensics.streams, forensics.glitches, forensics.causes)
    modules = [module for package in rooms for module in modules_of(package)]
    modules += [importlib.import_module(name) for name in READ_BY]
    for module in modules:
        defined = {
            target.id
            for node in ast.parse(Path(str(module.__file__)).read_text()).body
            if isinstance(node, ast.Assign)
            for targets in node.targets
            for target in (targets.elts if isinstance(targets, ast.Tuple) else [targets])
            if isinstance(target, ast.Name)
        }
        for name in sorted(defined):
            value = getattr(module, name)
            if name.lstrip("_").isupper() and name not in NOT_THRESHOLDS and is_numeric(value):
                holders = tuple(m for m in modules if getattr(m, name, None) is value or m is module)
                yield Constant(name, module, value, holders)


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Every module of a package."""
    names = [f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(package.__path__)]
    return [importlib.import_module(name) for name in names]


def is_numeric(value: Any) -> bool:
    """Whether a constant is a number, or a tuple or mapping of numbers."""
    if isinstance(value, dict):
        return bool(value) and all(is_numeric(entry) for entry in value.values())
    if isinstance(value, tuple):
        return bool(value) and all(is_numeric(entry) for entry in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def moved(value: Any, factor: float) -> Any:
    """Move a number by a factor, whole ones by one at least; what holds numbers, entry by entry."""
    if isinstance(value, dict):
        return {key: moved(entry, factor) for key, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(moved(entry, factor) for entry in value)
    if isinstance(value, int):
        return max(1, round(value * factor), value + 1) if factor > 1 else max(1, min(round(value * factor), value - 1))
    return value * factor


def read_calls(folders: Sequence[Path], subsets: Sequence[str]) -> Iterator[Call]:
    """Diagnose each call once, for its scene."""
    for folder in folders:
        for subset in subsets:
            yield read_call(folder, subset)


def read_call(folder: Path, subset: str) -> Call:
    """Diagnose one call, for its scene."""
    import forensics as fx

    truth = json.loads((folder / "truth.json").read_text())
    with evidence_of(folder, subset, truth) as case:
        scene = fx.diagnose(case).scene
    on_capture = "recording" not in scene.clocks and scene.capture is not None
    origin_s = scene.origin_ns / 1e9 if on_capture else None
    return Call(scene, list(read_faults(truth, origin_s=origin_s, closed=subset != "all")), subset, folder)


def read_digest(scene: Any) -> str:
    """What the packets of a scene come out as: every stream with its tables, and which end the tap stood at."""
    from forensics.streams import find_streams
    from forensics.streams.vantage import find_vantage

    case, digest = scene.case, hashlib.sha256()
    for capture in (scene.capture, scene.sender_capture):
        if capture is None:
            continue
        try:
            streams = find_streams(capture, keys=case.keys, decode_as=case.decode_as, sdp=case.sdp).streams
        except ForensicsError as fault:
            digest.update(str(fault).encode())
            continue
        vantage = find_vantage(capture, streams)
        digest.update(repr(vantage and vantage.near).encode())
        for stream in streams:
            digest.update(repr((stream.ssrc, stream.codec, stream.readable)).encode())
            for table in (stream.packets, stream.losses, stream.reports):
                digest.update(table.to_csv().encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Judged:
    """What `findings_of` reads of a diagnosis."""

    verdicts: tuple[Any, ...]


class Remembered:
    """One call scored again and again: detectors that a constant does not touch are not run again."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.detectors = {
            name: detector
            for name, detector in vars(forensics.glitches).items()
            if name.startswith("find_") and name != "find_glitches" and "found" not in signature(detector).parameters
        }
        self.found: dict[str, Any] = {}
        self.scored: dict[str, Tally] = {}
        self.read = ""

    def score(self, touched: Sequence[ModuleType]) -> Tally:
        """Score the call; `touched` are the modules whose constants were moved."""
        names = {module.__name__ for module in touched}
        if any(name.startswith("forensics.streams") for name in names):
            return self.score_reading(names)
        names |= {reader for name in names for reader in READ_BY.get(name, ())}
        glitches = self.find(names)
        told = repr(glitches)
        if any(name.startswith("forensics.causes") for name in names):
            return self.judge(glitches)
        if told not in self.scored:
            self.scored[told] = self.judge(glitches)
        return self.scored[told]

    def score_reading(self, names: set[str]) -> Tally:
        """Score the call with its packets read otherwise; the whole of it only where something comes out otherwise."""
        if read_digest(self.call.scene) == self.read:
            others = {name for name in names if not name.startswith("forensics.streams")}
            return self.judge(self.find(others)) if others else self.scored[repr(self.found[""])]
        try:
            again = read_call(self.call.folder, self.call.subset)
        except ForensicsError:
            return score([], self.call.faults)
        return Remembered(again).score(())

    def find(self, touched: set[str]) -> Any:
        """Find the glitches, with what each untouched detector found before."""
        if not touched & {module.__name__ for module in modules_of(forensics.glitches)} and "" in self.found:
            return self.found[""]
        everything = bool(touched & EVERY_DETECTOR)
        for name, detector in self.detectors.items():
            if not everything and detector.__module__ not in touched:
                setattr(forensics.glitches, name, partial(self.again, name, detector))
        try:
            glitches = find_glitches(self.call.scene)
        finally:
            for name, detector in self.detectors.items():
                setattr(forensics.glitches, name, detector)
        return self.found.setdefault("", glitches) if not touched else glitches

    def again(self, name: str, detector: Any, *given: Any, **known: Any) -> Any:
        """What a detector found when nothing was moved."""
        if name not in self.found:
            self.found[name] = detector(*given, **known)
        return list(self.found[name])  # whoever asks adds to it

    def judge(self, glitches: Any) -> Tally:
        """Judge the glitches and score them."""
        verdicts = judge_glitches(glitches, self.call.scene)
        return score(list(findings_of(Judged(verdicts))), self.call.faults)


def vary(calls: Iterator[Call], constants: Sequence[Constant], *, until: float) -> tuple[dict[str, Tally], int]:
    """Score every call with every constant moved; the tally of each variation by its title, and the calls done."""
    tallies: dict[str, Tally] = {}
    done = 0
    for call in calls:
        if time.monotonic() > until:
            break
        remembered = Remembered(call)
        tallies.setdefault("", Tally()).add(remembered.score(()))
        if any(constant.title.startswith("streams") for constant in constants):
            remembered.read = read_digest(call.scene)
        for constant in constants:
            for factor in (1 - SHARE, 1 + SHARE):
                constant.set_to(moved(constant.value, factor))
                try:
                    tallies.setdefault(f"{constant.title} {factor:.1f}", Tally()).add(
                        remembered.score(constant.holders)
                    )
                finally:
                    constant.set_to(constant.value)
        done += 1
    return tallies, done


def f1_of(tally: Tally) -> float:
    """Micro F1."""
    return rates(*totals(tally))[2]


def print_table(tallies: dict[str, Tally], constants: Sequence[Constant]) -> None:
    """Print what each constant costs, the most sensitive first."""
    base = f1_of(tallies[""])
    rows = []
    for constant in constants:
        change = [f1_of(tallies[f"{constant.title} {factor:.1f}"]) - base for factor in (1 - SHARE, 1 + SHARE)]
        rows.append((max(map(abs, change)), constant, change))
    rows.sort(key=lambda row: -row[0])
    print(f"micro F1 {base:.3f}\n{'constant':<44}{'value':>26}{'-20 %':>9}{'+20 %':>9}")
    for largest, constant, change in rows:
        mark = " *" if largest > NOTABLE else ""
        if largest > 0:
            print(f"{constant.title:<44}{str(constant.value)[:25]:>26}{change[0]:>+9.3f}{change[1]:>+9.3f}{mark}")
    still = sum(row[0] == 0 for row in rows)
    print(f"{still} of {len(rows)} constants change nothing; {sum(r[0] > NOTABLE for r in rows)} more than {NOTABLE}")


def main() -> None:
    """Vary the constants over the calls given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--subsets", default="all")
    parser.add_argument("--only", default="", help="parts of the names of the constants to vary, comma separated")
    parser.add_argument("--calls", default="", help="first:last of the folders")
    parser.add_argument("--minutes", type=float, default=1e6, help="take up no more calls after so long")
    parser.add_argument("--keep", type=Path, help="pool with what earlier runs over other calls left in this file")
    options = parser.parse_args()
    leave_remedies_out()
    folders = sorted(
        folder for cases in options.cases for folder in cases.iterdir() if (folder / "truth.json").is_file()
    )
    first, _, last = options.calls.partition(":")
    folders = folders[int(first or 0) : int(last or len(folders))]
    wanted = options.only.split(",")
    constants = [constant for constant in find_constants() if any(part in constant.title for part in wanted)]
    calls = read_calls(folders, options.subsets.split(","))
    tallies, done = vary(calls, constants, until=time.monotonic() + 60 * options.minutes)
    if options.keep is not None:
        done += pool_with(options.keep, tallies, done)
    print(f"{done} calls, {len(constants)} constants")
    print_table(tallies, constants)


def pool_with(path: Path, tallies: dict[str, Tally], done: int) -> int:
    """Add the tallies of earlier runs, keep all for the next, and return how many calls the earlier ones had."""
    earlier, calls = pickle.loads(path.read_bytes()) if path.is_file() else ({}, 0)
    for title, tally in earlier.items():
        tallies.setdefault(title, Tally()).add(tally)
    path.write_bytes(pickle.dumps((tallies, calls + done)))
    return int(calls)


if __name__ == "__main__":
    main()
