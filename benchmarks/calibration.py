"""Hundreds of simulated calls with known truth: is the diagnosis right, and is its confidence?

    python benchmarks/calibration.py run FOLDER [--calls 0:300] [--subsets all,receiver,closed] [--minutes 9]
    python benchmarks/calibration.py report FOLDER [--write]
    python benchmarks/calibration.py record FOLDER --calls 9000:9034

`run` draws one call per number: voice, level, noise behind the voice and in the recording, codec, bitrate, packet
length, path, buffer settings, sound card, and up to six faults, or none, or only benign ones. The same number is the
same call on any machine with the same espeak-ng and codecs. Each is scored as `accuracy.py` does; scores are kept, so
that a run can be broken off and taken up. `report` prints the tables; `--write` fits the confidence to
the even calls, prints what it is worth on the odd ones, and puts it where verdicts read it.

The simulator is not a browser: recorded calls have the last word (`accuracy.py sample_captures`). `record` plays the
calls of these numbers to a real one, in real time, on a machine that is left alone; `accuracy.py FOLDER` scores them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import SEALED, Scores, calibration_error, print_scores, score_case

from forensics.errors import ScenarioError
from forensics.lab.checks import Disturbed
from forensics.lab.record import record_call
from forensics.lab.scenario import Fault, Line, Network, Scenario, Sender, Voice
from forensics.lab.scenario_check import check_scenario
from forensics.lab.simulate import simulate_call
from forensics.lab.simulate_playout import Receiver
from forensics.lab.speech import SPEECH_RATE_HZ, speak
from forensics.lab.taps import Datagram, write_capture

LANGUAGES = ("en-us", "en", "en-gb-scotland", "en-029", "en-gb-x-rp", "de", "fr", "es", "it", "nl", "sv", "pl")
VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+f5", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7", "+klatt", "+klatt2")
SENTENCES = (
    "Good morning, this is the booking desk, what can I do for you today?",
    "I have found three trains this afternoon, and the first of them leaves in an hour.",
    "Your parcel was handed to the driver at seven and should reach you before noon.",
    "Let me look at that account; I will need the last four digits of the card.",
    "The doctor has time on Tuesday at nine, or on Friday after four.",
    "We are open every day but Sunday, and the kitchen closes at half past ten.",
    "There were heavy showers in the valley, so the lower road may still be closed.",
    "You can change the room until the evening before you arrive without any fee.",
    "I am sorry to hear that; we will send a new one and collect the old one.",
    "Please hold the button for ten seconds until the yellow light begins to blink.",
    "The museum shows paintings from Norway, and the guided tour begins every hour.",
    "All of our engineers are in the field now, one will call you in a moment.",
    "If you would rather have a window seat, there is one left in the second row.",
    "The total comes to eighty four euros and thirty cents, including delivery.",
)
QUESTIONS = ("Could you tell me more about that?", "And what would it cost?", "Is there anything later in the day?")

PAUSE_S, USER_AFTER_S, ANSWER_AFTER_S, TAIL_S = 0.3, 0.6, 0.8, 1.5
APART_S = 0.9
"""Faults begin so long after one another's end at least: the buffer's refill is then told from the next fault."""

QUIET_SHARE, BENIGN_SHARE = 0.12, 0.1
KEY = bytes(range(30))
SUBSETS = ("all", "receiver", "closed", "capture", "bare")
TRIES = 40

CALIBRATION = Path(__file__).parents[1] / "forensics" / "causes" / "calibration.json"


def draw_call(number: int, *, folder: Path) -> tuple[Scenario, Receiver]:
    """Draw the call of one number; its voices are written into `folder`."""
    rng = np.random.default_rng([number, 2026])
    sender = draw_sender(rng)
    lines, speech_s, duration_s = draw_lines(rng, folder=folder)
    base = Scenario(
        f"simulated {number}",
        duration_s,
        lines=lines,
        seed=number,
        sender=sender,
        network=Network(float(rng.choice([0.005, 0.02, 0.04, 0.08, 0.15]))),
    )
    for _ in range(TRIES):
        scenario = replace(base, faults=draw_faults(rng, speech_s, sender=sender))
        try:
            check_scenario(scenario)
        except ScenarioError:
            continue
        return scenario, draw_receiver(rng)
    return base, draw_receiver(rng)


def draw_sender(rng: np.random.Generator) -> Sender:
    """Draw codec, bitrate, packet length, silence suppression, in-band FEC, clock and first numbers."""
    codec = str(rng.choice(["opus", "pcmu", "pcma", "g722"], p=[0.7, 0.1, 0.1, 0.1]))
    opus = codec == "opus"
    packets_s = [0.01, 0.02, 0.04, 0.06] if opus else [0.01, 0.02, 0.04]
    shares = [0.1, 0.7, 0.12, 0.08] if opus else [0.15, 0.7, 0.15]
    return Sender(
        codec=codec,
        packet_s=float(rng.choice(np.array(packets_s), p=shares)),
        bitrate_bps=int(rng.choice([16_000, 20_000, 24_000, 32_000, 48_000, 64_000, 96_000])),
        dtx=bool(opus and rng.random() < 0.15),
        inband_fec=bool(opus and rng.random() < 0.15),
        clock_drift_ppm=float(rng.choice([0.0, rng.normal(0, 40)])),
        first_sequence_number=int(rng.choice([rng.integers(0, 65_535), 65_000])),
        first_timestamp=int(rng.integers(0, 2**32 - 1)),
        abs_send_time=bool(rng.random() < 0.2),
    )


def draw_receiver(rng: np.random.Generator) -> Receiver:
    """Draw the buffer's settings, the sound card and the recording's noise."""
    return Receiver(
        minimum_delay_s=float(rng.choice([0.0, 0.0, 0.0, 0.06, 0.12, 0.2])),
        maximum_packets=int(rng.choice([200, 200, 200, 100])),
        block_s=float(rng.choice([0.01, 0.01, 0.02, 0.03])),
        clock_drift_ppm=float(rng.choice([0.0, rng.normal(0, 40)])),
        noise_dbfs=float(rng.choice([-np.inf, -80.0, -70.0, -62.0])),
    )


def draw_lines(rng: np.random.Generator, *, folder: Path) -> tuple[tuple[Line, ...], list[tuple[float, float]], float]:
    """Draw what is said: an agent's turn, a question, an answer; where the agent speaks; how long the call is."""
    voice = Voice(str(rng.choice(LANGUAGES)) + str(rng.choice(VARIANTS)), int(rng.integers(130, 200)),
                  int(rng.integers(25, 75)))  # fmt: skip
    level_db, noise_dbfs = float(rng.uniform(-10, 4)), float(rng.choice([-np.inf, -np.inf, -70.0, -60.0, -50.0]))
    texts = [" ".join(rng.permutation(SENTENCES)[: rng.integers(2, 4)]) for _ in range(2)]
    spoken = [place_voice(text, voice, folder / f"agent{i}.wav", rng=rng, level_db=level_db, noise_dbfs=noise_dbfs)
              for i, text in enumerate(texts)]  # fmt: skip
    asked = place_voice(str(rng.choice(QUESTIONS)), Voice("en+f2", 150, 55), folder / "user.wav", rng=rng)
    first_s = 0.5
    asked_s = first_s + spoken[0][1] + USER_AFTER_S
    answer_s = asked_s + asked[1] + ANSWER_AFTER_S
    lines = (
        Line("agent", first_s, wav=spoken[0][0]),
        Line("user", asked_s, wav=asked[0]),
        Line("agent", answer_s, wav=spoken[1][0]),
    )
    turns = [(first_s, first_s + spoken[0][1]), (answer_s, answer_s + spoken[1][1])]
    return lines, turns, turns[-1][1] + TAIL_S + 4.0


def place_voice(
    text: str, voice: Voice, path: Path, *, rng: np.random.Generator, level_db: float = 0.0, noise_dbfs: float = -np.inf
) -> tuple[Path, float]:
    """Speak a text at a level, with noise behind it, into a sound file; the file and its length in seconds."""
    import soundfile

    samples = speak(text, voice=voice).samples * 10 ** (level_db / 20)
    if np.isfinite(noise_dbfs):
        samples = samples + rng.standard_normal(len(samples)) * 10 ** (noise_dbfs / 20)
    soundfile.write(path, np.clip(samples, -1, 1), SPEECH_RATE_HZ, subtype="FLOAT")
    return path, len(samples) / SPEECH_RATE_HZ


# ---------------------------------------------------------------------------------------------------------------------
# Faults
# ---------------------------------------------------------------------------------------------------------------------


def draw_faults(rng: np.random.Generator, speech_s: list[tuple[float, float]], *, sender: Sender) -> tuple[Fault, ...]:
    """Draw up to six faults into the agent's turns, or only benign ones, or none."""
    chance = rng.random()
    if chance < QUIET_SHARE:
        return ()
    benign = chance < QUIET_SHARE + BENIGN_SHARE
    faults: list[Fault] = []
    at_s = speech_s[0][0] + float(rng.uniform(0.3, 1.5))
    while at_s < speech_s[-1][1] - 1.0 and len(faults) < 6:
        inside = next(((a, b) for a, b in speech_s if a <= at_s < b - 0.8), None)
        if inside is None:
            at_s = speech_s[-1][0] + float(rng.uniform(0.2, 1.5)) if at_s < speech_s[-1][0] else speech_s[-1][1]
            continue
        names = BENIGN if benign else tuple(FAULTS)
        kind = str(rng.choice(names, p=None if benign else WEIGHTS))
        fault = draw_fault(kind, at_s, rng, room_s=inside[1] - at_s - 0.3, sender=sender)
        faults.append(fault)
        at_s = fault.end_s + APART_S + float(rng.exponential(1.2))
    late = rng.random() < 0.08 and not benign and all(f.end_s < speech_s[1][0] - 1.0 or f.at_s > speech_s[1][0] + 3.0
                                                      for f in faults)  # fmt: skip
    return (*faults, Fault("late_first_audio", speech_s[1][0], float(rng.uniform(1.0, 2.5)))) if late else (*faults,)


def draw_fault(kind: str, at_s: float, rng: np.random.Generator, *, room_s: float, sender: Sender) -> Fault:
    """Draw length and parameters of one fault; it ends within `room_s`."""
    low, high, parameters = FAULTS.get(kind) or BENIGN_FAULTS[kind]
    length_s = float(np.exp(rng.uniform(np.log(low), np.log(high)))) if high else 0.0
    length_s = min(length_s, max(room_s, 0.06)) if high else 0.0
    drawn = {name: draw_parameter(value, rng) for name, value in parameters.items()}
    if kind == "rate_limit":
        overhead_bps = 8 * 40 / sender.packet_s
        media_bps = sender.bitrate_bps if sender.codec == "opus" else 64_000
        drawn["rate_bps"] = float((media_bps + overhead_bps) * rng.uniform(0.6, 0.95))
    return Fault(kind, round(at_s, 3), round(length_s, 3), drawn)


def draw_parameter(value: Any, rng: np.random.Generator) -> Any:
    """Draw from a choice of words, from a range on a logarithmic scale, or keep what is given."""
    if isinstance(value, tuple) and isinstance(value[0], str):
        return str(rng.choice(value))
    if isinstance(value, tuple):
        return float(np.exp(rng.uniform(np.log(value[0]), np.log(value[1]))))
    return value


FAULTS: dict[str, tuple[float, float, dict[str, Any]]] = {
    "packet_loss": (0, 0, {"packets": 1.0}),
    "burst_loss": (0.04, 0.4, {}),
    "independent_loss": (1.5, 5.0, {"probability": (0.02, 0.15)}),
    "gilbert_elliott_loss": (2.0, 5.0, {"good_to_bad": (0.01, 0.06), "bad_to_good": (0.2, 0.6)}),
    "rate_limit": (1.0, 3.0, {"queue_bytes": (1500.0, 12_000.0)}),
    "jitter": (1.5, 5.0, {"mean_s": (0.01, 0.06), "shape": (0.4, 3.0)}),
    "delay_spike": (0.08, 0.8, {}),
    "reordering": (1.0, 3.0, {"probability": (0.05, 0.3), "delay_s": (0.03, 0.15)}),
    "stall": (0.08, 0.9, {"timestamps": ("contiguous", "clock", "fill")}),
    "slow_generation": (1.5, 5.0, {"real_time_factor": (1.05, 1.6), "timestamps": ("contiguous", "clock", "fill")}),
    "artificial_delay": (1.2, 5.0, {"delay_s": (0.08, 0.5), "release": ("burst", "drop")}),
    "deliberate_drop": (0.08, 0.5, {"numbering": ("contiguous", "timestamp_jump", "sequence_gap")}),
    "unpaced_burst": (0.5, 2.5, {}),
    "frozen_renderer": (0.15, 0.5, {}),
    "frozen_audio_service": (0.15, 0.5, {}),
    "capture_gap": (0.05, 0.3, {}),
    "recording_gap": (0.03, 0.3, {"content": ("zeros", "cut")}),
}
"""Kind → shortest and longest (s, drawn on a logarithmic scale; 0 for a fault without length) and its parameters."""

BENIGN_FAULTS: dict[str, tuple[float, float, dict[str, Any]]] = {
    "duplication": (1.0, 4.0, {"probability": (0.02, 0.3)}),
    "capture_gap": FAULTS["capture_gap"],
    "recording_gap": FAULTS["recording_gap"],
}
BENIGN = tuple(BENIGN_FAULTS)

_SHARES = {"stall": 4, "burst_loss": 2, "delay_spike": 3, "deliberate_drop": 3, "artificial_delay": 2}
WEIGHTS = np.array([_SHARES.get(kind, 1) for kind in FAULTS]) / sum(_SHARES.get(kind, 1) for kind in FAULTS)


# ---------------------------------------------------------------------------------------------------------------------
# Calls on disk
# ---------------------------------------------------------------------------------------------------------------------


def work_through(folder: Path, numbers: range, *, subsets: tuple[str, ...], within_s: float) -> None:
    """Make and score call after call until time is up."""
    until = time.monotonic() + within_s
    for number in numbers:
        left_s = until - time.monotonic()
        if left_s <= 0:
            return
        make(folder, range(number, number + 1))
        diagnose(folder, range(number, number + 1), subsets=subsets, within_s=left_s)


def make(folder: Path, numbers: range) -> None:
    """Simulate the calls of these numbers that are not there yet."""
    for number in numbers:
        call_folder = folder / f"{number:04d}"
        if call_folder.is_dir():
            continue
        voices = folder / "voices" / f"{number:04d}"
        voices.mkdir(parents=True, exist_ok=True)
        scenario, receiver = draw_call(number, folder=voices)
        try:
            call = simulate_call(scenario, call_folder, receiver=receiver)
        except ScenarioError as refusal:
            print(f"{number}: {refusal}", file=sys.stderr)
            continue
        write_sealed(call, call_folder / SEALED)


def record(folder: Path, numbers: range) -> None:
    """Record the calls of these numbers that are not there yet; one that the machine keeps disturbing is left out."""
    for number in numbers:
        call_folder, voices = folder / f"{number:04d}", folder / "voices" / f"{number:04d}"
        if call_folder.is_dir():
            continue
        voices.mkdir(parents=True, exist_ok=True)
        scenario, _ = draw_call(number, folder=voices)
        try:
            print(record_call(scenario, call_folder, tell=print), flush=True)
        except (Disturbed, ScenarioError) as refusal:
            print(f"{number}: {refusal}", file=sys.stderr)


def write_sealed(call: Any, path: Path) -> Path:
    """Write the receiver's capture once more, every RTP and RTCP payload encrypted (SRTP, RFC 3711)."""
    import pylibsrtp

    policy = {"key": KEY, "ssrc_type": pylibsrtp.Policy.SSRC_ANY_OUTBOUND}
    session = pylibsrtp.Session(pylibsrtp.Policy(**policy))
    sealed: list[Datagram] = []
    known: dict[tuple[Any, bytes], bytes] = {}
    for datagram in call.wire.tap("receiver", zero_ns=call.zero_ns):
        if any(f["capture"] in ("receiver", "both") and f.at_s <= (datagram.time_ns - call.zero_ns) / 1e9 < f.end_s
               for f in call.account.scenario.faults_of("tap")):  # fmt: skip
            continue
        place = datagram.source, datagram.payload
        if datagram.payload[0] >> 6 == 2 and place not in known:
            reports = 192 <= datagram.payload[1] <= 223
            known[place] = (session.protect_rtcp if reports else session.protect)(datagram.payload)
        sealed.append(replace(datagram, payload=known.get(place, datagram.payload)))
    return write_capture(sealed, path)


def diagnose(folder: Path, numbers: range, *, subsets: tuple[str, ...], within_s: float) -> None:
    """Score the calls that have no score yet, until time is up."""
    until = time.monotonic() + within_s
    for number in numbers:
        for subset in subsets:
            kept = folder / "scores" / f"{number:04d}-{subset}.pickle"
            if kept.is_file() or not (folder / f"{number:04d}" / "truth.json").is_file():
                continue
            if time.monotonic() > until:
                return
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(pickle.dumps(score_case(folder / f"{number:04d}", subset)))


def read_scores(folder: Path, subset: str) -> dict[int, Scores]:
    """Scores of one subset by the number of the call."""
    files = sorted((folder / "scores").glob(f"*-{subset}.pickle"))
    return {int(file.name[:4]): pickle.loads(file.read_bytes()) for file in files}


def pool(scores: dict[int, Scores]) -> Scores:
    """Pool calls."""
    total = Scores()
    for one in scores.values():
        total.add(one)
    return total


# ---------------------------------------------------------------------------------------------------------------------
# Confidence
# ---------------------------------------------------------------------------------------------------------------------


def fit_confidence(margin_db: np.ndarray, right: np.ndarray, *, least: int = 50) -> dict[str, list[float]]:
    """Fit a monotone step of confidence over the margin of the evidence (pool adjacent violators).

    Findings are put in bins of at least `least`; each level is (right + 1) / (findings + 2), Laplace's rule, so that
    no count of findings makes certain.
    """
    order = np.argsort(margin_db, kind="stable")
    bins = np.array_split(order, max(1, len(order) // least))
    blocks = [[float(margin_db[b].mean()), float(right[b].sum()), float(len(b))] for b in bins]
    merged: list[list[float]] = []
    for block in blocks:
        merged.append(block)
        while len(merged) > 1 and _level(merged[-2]) >= _level(merged[-1]):
            margin, hits, count = merged.pop()
            last = merged[-1]
            last[0] = (last[0] * last[2] + margin * count) / (last[2] + count)
            last[1], last[2] = last[1] + hits, last[2] + count
    return {
        "margin_db": [round(block[0], 2) for block in merged],
        "confidence": [round(_level(block), 4) for block in merged],
        "findings": [block[2] for block in merged],
    }


def _level(block: list[float]) -> float:
    return (block[1] + 1) / (block[2] + 2)


def report(folder: Path, *, write: bool) -> None:
    """Print every subset, and what a confidence that is fitted to half of the calls is worth on the other half."""
    subsets = [subset for subset in (*SUBSETS, "recording", "statistics") if read_scores(folder, subset)]
    read = {subset: read_scores(folder, subset) for subset in subsets}
    for subset, scores in read.items():
        print_scores(subset, pool(scores), calls=len(scores))
    told_apart = {subset: scores for subset, scores in read.items() if subset != "bare"}  # made to be ambiguous
    halves = [_findings(told_apart, parity) for parity in (0, 1)]
    fitted = fit_confidence(*halves[0])
    print("\nmargin of the evidence → confidence, fitted to the even calls:")
    for margin_db, level, count in zip(*fitted.values(), strict=True):
        print(f"  {margin_db:7.1f} dB {level:7.1%} {count:6.0f} findings")
    print(f"calibration error on the odd calls {_error(fitted, *halves[1]):.3f}")
    for subset in subsets:
        alone = _findings({subset: read[subset]}, 1)
        print(f"  {subset:<12} {_error(fitted, *alone):.3f} over {len(alone[0])} findings")
    if write:
        calls = max(len(scores) for scores in read.values())
        provenance = {
            "made_by": "benchmarks/calibration.py", "on": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "calls": calls, "fitted_to": "even numbers", "subsets": list(told_apart), "tried_on": "odd numbers",
            "expected_calibration_error": round(_error(fitted, *halves[1]), 4),
        }  # fmt: skip
        CALIBRATION.write_text(json.dumps({**provenance, **fitted}, indent=1) + "\n")
        print(f"written to {CALIBRATION}")


def _findings(read: dict[str, dict[int, Scores]], parity: int) -> tuple[np.ndarray, np.ndarray]:
    tallies = [one.diagnosis for scores in read.values() for number, one in scores.items() if number % 2 == parity]
    margins = np.array([margin for tally in tallies for margin in tally.margin_db])
    return margins, np.array([right for tally in tallies for _, right in tally.confidence], bool)


def _error(fitted: dict[str, list[float]], margin_db: np.ndarray, right: np.ndarray) -> float:
    stated = np.interp(margin_db, fitted["margin_db"], fitted["confidence"])
    return calibration_error(list(zip(stated.tolist(), right.tolist(), strict=True)))


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("work", choices=("run", "report", "record"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", default="0:300", help="first:last, the last one left out")
    parser.add_argument("--subsets", default=",".join(SUBSETS))
    parser.add_argument("--minutes", type=float, default=1e6, help="break off after so long")
    parser.add_argument("--write", action="store_true", help="fit the confidence, and put it where verdicts read it")
    options = parser.parse_args()
    numbers = range(*map(int, options.calls.split(":")))
    if options.work == "run":
        subsets = tuple(options.subsets.split(","))
        work_through(options.folder, numbers, subsets=subsets, within_s=60 * options.minutes)
    elif options.work == "record":
        record(options.folder, numbers)
    else:
        report(options.folder, write=options.write)


if __name__ == "__main__":
    main()
