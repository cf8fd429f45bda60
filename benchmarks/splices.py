"""Fit and try the splice detector: `python benchmarks/splices.py [--recordings FOLDER …] [--write]`.

Speech is made by espeak-ng in many voices, and read from folders of recordings, one voice each. Some of it is cut at
packet edges as a sender would cut it, all of it is encoded (Opus at 16 to 64 kbit/s, mostly 20 ms; G.711) and decoded.
Most voices fit the trees; a quarter of espeak-ng's and every folder whose name begins with "held" say how many are
found at how many false ones an hour of speech. Linear prediction alone stands beside them as the peer. Folders whose
names begin with "joined" hold speech joined out of recorded units, which is spliced by nature: tried, not counted.

`--takes FILE` keeps the decoded takes for the next run. `--write` puts the numbers where the detector reads them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pickle
import random
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from forensics.audio.breaks import RATE_HZ, break_db, cut_windows, measure_breaks, prediction_breaks_db
from forensics.audio.recording import read_recording
from forensics.audio.resample import resample_track
from forensics.errors import AudioError
from forensics.glitches import splices
from forensics.lab.payloads import OPUS_DELAY_S, decode_payloads, encode_payloads
from forensics.lab.scenario import Sender
from forensics.model import AudioTrack

SPEECH_RATE_HZ = 48_000
VOICES, SENTENCES = 320, 14
LANGUAGES = (
    *("en-us", "en-gb", "en-gb-scotland", "en-029", "de", "fr", "es", "it", "pt", "pt-br", "nl", "sv", "da", "nb"),
    *("pl", "cs", "ru", "tr", "fi", "hu", "el", "ro", "hi", "sw", "vi", "ca"),
)
VARIANTS = (
    *("", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Annie", "Alicia", "Andy"),
    *("Denis", "Gene", "Lee", "Mario", "Michael", "steph", "klatt", "klatt2", "aunty"),
)
CONSONANTS = ("", "p", "t", "k", "b", "d", "g", "m", "n", "l", "r", "s", "f", "v", "z", "ch", "sh")
BITRATES_BPS = (16_000, 20_000, 24_000, 29_000, 29_000, 32_000, 40_000, 48_000, 64_000, 96_000)
PACKETS_MS = (20,) * 6 + (10, 40, 60)
RUN_S, CUT_S = (0.4, 1.0), (0.06, 0.6)
LONGEST_S = 400
SCREENED = 0.1
TREES, RATE = 250, 0.1
TAIL = 20
TOLERATED_PER_HOUR = 1.0
FALSE_PER_HOUR = (1, 3, 10, 30, 100)
DECIBAN = 10 / np.log(10)


@dataclass(frozen=True)
class Take:
    """Decoded speech at RATE_HZ, the instants at which packet edges in speech are heard, and whether they are cuts."""

    voice: str
    codec: str
    samples: np.ndarray
    instants: np.ndarray
    cut: bool

    @property
    def held_out(self) -> bool:
        """Whether this voice tries what others fitted: every fourth of espeak-ng's, and folders called "held…"."""
        kind, _, number = self.voice.partition(" ")
        return int(number) % 4 == 3 if kind == "espeak" else kind.startswith("held")

    @property
    def fitting(self) -> bool:
        """Whether this voice is fitted on: all others but "joined…", whose speech is itself made of splices."""
        return not self.held_out and not self.voice.startswith("joined")

    @property
    def band(self) -> str:
        """Which judge it is for."""
        return splices.BANDS[self.codec]

    @property
    def speech_s(self) -> float:
        """Length of the speech of an uncut take: a packet for every edge in it."""
        return len(self.instants) * int(np.diff(self.instants).min()) / RATE_HZ if len(self.instants) > 1 else 0.0


def make_takes(folders: list[Path], *, voices: int) -> Iterator[Take]:
    """Every voice, twice as it is and once cut, each time over a codec drawn for it."""
    spoken = [(f"espeak {number}", None) for number in range(voices)]
    sources = [*spoken, *((folder.name, folder) for folder in folders)]
    jobs = [(*source, cut) for source in sources for cut in (False, True, False)]
    random.Random(1).shuffle(jobs)
    with ProcessPoolExecutor() as pool:
        yield from pool.map(make_take, jobs, range(len(jobs)))


def make_take(job: tuple[str, Path | None, bool], seed: int) -> Take:
    """Speak or read, cut, encode, decode."""
    voice, folder, cut = job
    rng = np.random.default_rng(seed)
    speech = speak(int(voice.split()[1])) if folder is None else read_folder(folder)
    first = int(rng.integers(0, max(SPEECH_RATE_HZ, len(speech) - LONGEST_S * SPEECH_RATE_HZ)))
    speech = speech[first : first + LONGEST_S * SPEECH_RATE_HZ]
    codec = str(rng.choice(["opus", "opus", "opus", "pcmu"]))
    packet_s = int(rng.choice(PACKETS_MS)) / 1000 if codec == "opus" else 0.02
    size = round(packet_s * SPEECH_RATE_HZ)
    pieces = speech[: len(speech) // size * size].reshape(-1, size)
    everything = (np.arange(len(pieces)), np.arange(1, len(pieces)))
    kept, edges = choose_packets(len(pieces), packet_s, rng) if cut else everything
    application = str(rng.choice(["voip", "voip", "audio"]))
    sender = Sender(codec=codec, packet_s=packet_s, bitrate_bps=int(rng.choice(BITRATES_BPS)))
    decoded = pass_through(pieces[kept], sender, application=application)
    lag_s = OPUS_DELAY_S if codec == "opus" else 0.0
    instants = np.round((edges * packet_s + lag_s) * RATE_HZ).astype(int)
    instants = instants[splices.find_speech_edges(decoded, instants)]
    return Take(voice, codec, (np.clip(decoded, -1, 1) * 32767).astype(np.int16), instants, cut)


def speak(number: int) -> np.ndarray:
    """Sentences without meaning in one of espeak-ng's voices, at SPEECH_RATE_HZ."""
    rng = random.Random(number)
    words = ("".join(rng.choice(CONSONANTS) + rng.choice("aeiou") + rng.choice(["", "", "i", "n", "l", "s", "r"])
                     for _ in range(rng.randint(1, 4))) for _ in range(SENTENCES * 8))  # fmt: skip
    text = "".join(word + (". " if i % 8 == 7 else " ") for i, word in enumerate(words))
    voice = "+".join(filter(None, (rng.choice(LANGUAGES), rng.choice(VARIANTS))))
    options = ["-v", voice, "-s", str(rng.randint(125, 220)), "-p", str(rng.randint(15, 85)), "--stdout"]
    wave = subprocess.run(["espeak-ng", *options, text], capture_output=True, check=True).stdout
    samples = np.frombuffer(wave[44:], "<i2").astype(np.float32) / 32768
    return resample_track(AudioTrack(voice, samples, 22_050), sample_rate_hz=SPEECH_RATE_HZ).samples


def read_folder(folder: Path) -> np.ndarray:
    """All recordings of a folder, one after the other, at SPEECH_RATE_HZ."""
    tracks = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            tracks.append(resample_track(read_recording(path), sample_rate_hz=SPEECH_RATE_HZ).samples)
        except AudioError:
            print(f"{path} holds no audio; left out")
    return np.concatenate(tracks)


def choose_packets(count: int, packet_s: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which packets a sender that cuts again and again keeps, and before which of the kept ones it cut."""
    kept: list[int] = []
    edges: list[int] = []
    position = 0
    while position < count:
        run = int(rng.uniform(*RUN_S) / packet_s)
        kept += range(position, min(count, position + run))
        edges.append(len(kept))
        position += run + max(1, int(rng.uniform(*CUT_S) / packet_s))
    return np.array(kept), np.array([edge for edge in edges if edge < len(kept)])


def pass_through(pieces: np.ndarray, sender: Sender, *, application: str) -> np.ndarray:
    """Encode and decode, (n,) float32 at RATE_HZ."""
    if sender.codec == "opus":
        payloads = encode_opus(pieces, sender, application=application)
    else:
        payloads = encode_payloads(SimpleNamespace(audio=pieces), sender)  # type: ignore[arg-type]
    decoded = decode_payloads(payloads, sender).reshape(-1)
    return resample_track(AudioTrack("decoded", decoded, SPEECH_RATE_HZ), sample_rate_hz=RATE_HZ).samples


def encode_opus(pieces: np.ndarray, sender: Sender, *, application: str) -> list[bytes]:
    """Encode for speech ("voip") or for sound of all kinds ("audio"), as senders do."""
    import av

    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SPEECH_RATE_HZ, "mono", "flt"
    encoder.bit_rate = sender.bitrate_bps
    encoder.options = {"application": application, "frame_duration": f"{1000 * sender.packet_s:g}"}
    payloads: list[bytes] = []
    for number, piece in enumerate(pieces):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece[None, :]), format="flt", layout="mono")
        frame.sample_rate, frame.pts = SPEECH_RATE_HZ, number * pieces.shape[1]
        payloads += [bytes(packet) for packet in encoder.encode(frame)]
    return (payloads + [bytes(packet) for packet in encoder.encode(None)])[: len(pieces)]


def measure(takes: list[Take], chosen: np.ndarray, how: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Measure the chosen ones of all instants of all takes, (chosen, width)."""
    measured = []
    for take, some in zip(takes, np.split(chosen, np.cumsum([len(take.instants) for take in takes])[:-1]), strict=True):
        samples = take.samples.astype(np.float32) / 32768
        instants = take.instants[some]
        for start in range(0, len(instants), splices.BLOCK):
            measured.append(how(cut_windows(samples, instants[start : start + splices.BLOCK])))
    return np.concatenate(measured)


def fit_judge(takes: list[Take]) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Fit what judges a band.

    Returns
    -------
    numbers of the judge but for `splice_db`, score of every instant of all takes, and its break by prediction alone
    """
    cut, fitting = (per_instant(takes, fact) for fact in (lambda take: take.cut, lambda take: take.fitting))
    breaks_db = measure(takes, np.ones(len(cut), bool), lambda windows: break_db(prediction_breaks_db(windows)))
    from_db = float(np.quantile(breaks_db[fitting & ~cut], 1 - SCREENED))
    broken = breaks_db > from_db
    measures = measure(takes, broken, measure_breaks)
    trees = GradientBoostingClassifier(
        n_estimators=TREES,
        learning_rate=RATE,
        max_depth=splices.DEPTH,
        subsample=0.5,
        min_samples_leaf=20,
        random_state=1,
    ).fit(measures[fitting[broken]], cut[broken & fitting])
    prior = np.log((fitting & cut).sum() / (fitting & ~cut).sum())
    judge = {"break_db": from_db, **write_trees(trees, prior), "splice_db": np.inf}
    scores_db = np.full(len(cut), -np.inf)
    for block in np.array_split(np.flatnonzero(broken), max(1, broken.sum() // splices.BLOCK)):
        scores_db[block] = splices.Judge(**judge).weigh(measures[np.searchsorted(np.flatnonzero(broken), block)])
    return judge, scores_db, breaks_db


def write_trees(boosted: GradientBoostingClassifier, prior: float) -> dict[str, Any]:
    """Trees as the detector reads them: complete to `DEPTH`, a question that was not asked answered no."""
    nodes, leaves = 2**splices.DEPTH - 1, 2**splices.DEPTH
    asked, thresholds = np.zeros((TREES, nodes), int), np.full((TREES, nodes), 1e9)
    worth = np.zeros((TREES, leaves))
    for number, (estimator,) in enumerate(boosted.estimators_):
        tree, places = estimator.tree_, {0: 0}
        for place in range(nodes + leaves):
            node = places[place]
            asks = tree.children_left[node] >= 0
            if place >= nodes:
                worth[number, place - nodes] = tree.value[node, 0, 0]
            elif asks:
                asked[number, place], thresholds[number, place] = tree.feature[node], tree.threshold[node]
            places |= {2 * place + 1: tree.children_left[node] if asks else node}
            places |= {2 * place + 2: tree.children_right[node] if asks else node}
    start = boosted.init_.class_prior_
    bias = (np.log(start[1] / start[0]) - prior) * DECIBAN
    return {"bias": bias, "asked": asked, "thresholds": thresholds, "worth": worth * RATE * DECIBAN}


def per_instant(takes: list[Take], fact: Callable[[Take], bool]) -> np.ndarray:
    """Return a fact about takes for each of their instants, (n,) bool."""
    return np.concatenate([np.full(len(take.instants), fact(take)) for take in takes])


def print_rates(takes: list[Take], scores: dict[str, np.ndarray]) -> float:
    """Print what is found at which false rate, on voices not fitted on; return the threshold for the tolerated rate."""
    groups = {
        "voices held out": lambda take: take.held_out,
        "of them recorded": lambda take: take.held_out and not take.voice.startswith("espeak"),
        "joined units": lambda take: take.voice.startswith("joined"),
    }
    cut, tolerated = per_instant(takes, lambda take: take.cut), np.inf
    for method, values in scores.items():
        for group, belongs in groups.items():
            member, hours = per_instant(takes, belongs), hours_of(takes, belongs)
            false, true = np.sort(values[member & ~cut])[::-1], values[member & cut]
            if len(false) < TAIL or len(true) == 0:
                continue
            thresholds = [false[min(len(false) - 1, int(rate * hours))] for rate in FALSE_PER_HOUR]
            if not np.isfinite(tolerated):
                tolerated = tail_threshold(false, hours)
                thresholds[0] = tolerated
            found = (
                f"{np.mean(true > at):4.0%} at {rate:g}" for at, rate in zip(thresholds, FALSE_PER_HOUR, strict=True)
            )
            said = (
                f"{np.sum(false > tolerated) / hours:.1f} (highest {false[0]:.0f} dB)" if method == "detector" else "–"
            )
            print(f"{method:18s} {group:17s} {hours:5.2f} h, {len(true):4d} cuts, found at false an hour: "
                  + ", ".join(found) + f"; false an hour at the threshold: {said}")  # fmt: skip
    print(f"threshold {tolerated:.1f} dB")
    return tolerated


def tail_threshold(false: np.ndarray, hours: float) -> float:
    """Threshold of the tolerated rate by an exponential tail over the `TAIL` highest scores (peaks over threshold)."""
    from_db, excess_db = false[TAIL - 1], np.mean(false[: TAIL - 1] - false[TAIL - 1])
    return float(from_db + excess_db * np.log(TAIL / (TOLERATED_PER_HOUR * hours)))


def hours_of(takes: list[Take], belongs: Callable[[Take], bool]) -> float:
    """Hours of uncut speech: each edge stands for its packet."""
    return sum(take.speech_s for take in takes if belongs(take) and not take.cut) / 3600


def main() -> None:
    """Make takes, fit, try, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, nargs="*", default=[])
    parser.add_argument("--voices", type=int, default=VOICES)
    parser.add_argument("--takes", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    takes = read_takes(given.takes) if given.takes and given.takes.exists() else []
    if not takes:
        for number, take in enumerate(make_takes(given.recordings, voices=given.voices)):
            takes.append(take)
            if given.takes and number % 40 == 39:
                given.takes.write_bytes(pickle.dumps(takes))
                print(number, flush=True)
    if given.takes:
        given.takes.write_bytes(pickle.dumps(takes))
    judges = {band: fit_and_try(band, [take for take in takes if take.band == band]) for band in ("wide", "narrow")}
    if given.write:
        write_judges(judges)


def fit_and_try(band: str, takes: list[Take]) -> dict[str, Any]:
    """Fit the judge of a band and print what it finds."""
    fitting, held_out = ({take.voice for take in takes if getattr(take, role)} for role in ("fitting", "held_out"))
    print(f"\n{band}: {len(fitting)} voices to fit, {len(held_out)} to try")
    judge, scores_db, breaks_db = fit_judge(takes)
    return {**judge, "splice_db": print_rates(takes, {"detector": scores_db, "linear prediction": breaks_db})}


def write_judges(judges: dict[str, dict[str, Any]]) -> None:
    """Put the numbers where the detector reads them, to four digits."""
    made = {"made_by": "benchmarks/splices.py", "date": str(datetime.date.today()), **_rounded(judges)}
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in made.items())
    Path(splices.__file__).with_suffix(".json").write_text(f"{{\n{lines}\n}}\n")


def _rounded(numbers: Any) -> Any:
    if isinstance(numbers, dict):
        return {key: _rounded(value) for key, value in numbers.items()}
    if np.ndim(numbers):
        return [_rounded(number) for number in numbers]
    return int(numbers) if isinstance(numbers, np.integer) else float(f"{numbers:.4g}")


def read_takes(path: Path) -> list[Take]:
    """Takes that an earlier run kept."""
    return pickle.loads(path.read_bytes())


if __name__ == "__main__":
    main()
