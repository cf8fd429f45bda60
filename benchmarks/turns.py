"""How exact the turns are: response latencies, interruptions and damaged prompts against labelled calls.

    python benchmarks/turns.py CASES [CASES …] [--subsets all,packets]

CASES is a folder of case folders with truth.json, as the lab writes them. The truth of a latency runs from the user's
last loud 10 ms in the microphone to the agent's first speech found in the recording. A latency that is labelled and not
told, or told and not labelled, is counted apart.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "no log": ("events", "sender_capture"),
    "no microphone": ("microphone",),
    "packets": ("recording", "microphone", "events", "stats", "sender_capture"),
}
"""Name → what is withheld. "packets" is one capture with keys; its times are on the capture's clock."""

NEAR_S = 0.5
"""A turn belongs to a label whose answer begins so close to it."""


def main() -> None:
    """Score the folders given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--subsets", default=",".join(SUBSETS))
    options = parser.parse_args()
    folders = sorted(f for cases in options.cases for f in cases.iterdir() if (f / "truth.json").is_file())
    for subset in options.subsets.split(","):
        report(subset, [score(folder, SUBSETS[subset]) for folder in folders])


def score(folder: Path, withheld: tuple[str, ...]) -> dict[str, Any]:
    """Compare the turns of one call with its labels."""
    import forensics as fx

    truth = json.loads((folder / "truth.json").read_text())
    case = replace(fx.open_case(folder), truth=None, **dict.fromkeys(withheld))
    diagnosis = fx.diagnose(case)
    shift_s = 0.0 if case.recording is not None else diagnosis.scene.origin_ns / 1e9
    turns = diagnosis.scene.turns
    answers = [turn for turn in turns if turn.latency_s is not None]
    labels = [event for event in truth["events"] if event.get("category") == "response_latency"]
    key = "rec_end" if case.recording is not None else "cap_end"
    found = {n: near(answers, label[key] - shift_s) for n, label in enumerate(labels)}
    cuts = [entry for entry in truth["benign"] if entry["kind"] == "interruption"]
    silent = [near([t for t in turns if t.barge_in_s], cut["rec_start"], end=True) for cut in cuts]
    return {
        "latency": [turn.latency_s - labels[n]["latency_s"] for n, turn in found.items() if turn],
        "missed": sum(turn is None for turn in found.values()),
        "added": len(answers) - sum(turn is not None for turn in found.values()),
        "barge_in": [t.barge_in_s - cut["barge_in_s"] for t, cut in zip(silent, cuts, strict=True) if t],
        "cuts_missed": sum(turn is None for turn in silent),
        "cuts_added": sum(turn.barge_in_s is not None for turn in turns) - sum(turn is not None for turn in silent),
        "lost": list(prompt_errors(truth, diagnosis.prompts)),
    }


def near(turns: list[Any], at_s: float, *, end: bool = False) -> Any:
    """Return the turn that begins, or ends, closest to a moment; None where none is within `NEAR_S`."""
    edges = [abs((turn.end_s if end else turn.start_s) - at_s) for turn in turns]
    return turns[int(np.argmin(edges))] if edges and min(edges) <= NEAR_S else None


def prompt_errors(truth: Mapping[str, Any], prompts: tuple[Any, ...]) -> list[float]:
    """Return how far the lost speech of the call's prompts is off, in seconds; one value a call with damage."""
    labelled_s = sum(entry["lost_speech_ms"] for entry in truth.get("uplink", [])) / 1000
    told_s = sum(prompt.lost_s for prompt in prompts)
    return [told_s - labelled_s] if labelled_s or told_s else []


def report(subset: str, scores: list[dict[str, Any]]) -> None:
    """Print one subset."""
    print(f"\n{subset}: {len(scores)} calls")
    for name, missed, added in (("latency", "missed", "added"), ("barge_in", "cuts_missed", "cuts_added")):
        off_ms = 1000 * np.array([error for score in scores for error in score[name]])
        counts = f"not told {sum(s[missed] for s in scores)}, told without a label {sum(s[added] for s in scores)}"
        print(f"  {name:<9}{describe(off_ms)}; {counts}")
    print(f"  lost     {describe(1000 * np.array([error for score in scores for error in score['lost']]))}")


def describe(off_ms: np.ndarray) -> str:
    """Mean, 95 % and largest of absolute errors in words."""
    if len(off_ms) == 0:
        return "nothing to compare"
    size = np.abs(off_ms)
    return (
        f"{len(size):3d} compared: mean error {size.mean():.0f} ms, 95 % within {np.quantile(size, 0.95):.0f} ms, "
        f"largest {size.max():.0f} ms, bias {off_ms.mean():+.0f} ms"
    )


if __name__ == "__main__":
    main()
