"""Glitches that the recording alone shows: where nothing tells which packet was played when, or there are no packets.

Two things are heard in a recording that no voice does: one pitch period over and over, fading, which is how a jitter
buffer conceals; and sound that stops or starts at full level at the edge of digital silence. The one says that audio
was not there when it was due, the other that silence was sent or that the recorder has a hole. Why, no recording tells.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from forensics.audio.levels import frame_levels_dbfs
from forensics.audio.repeats import QUIET_DB, RATE_HZ, Repeat, find_repeats
from forensics.audio.resample import resample_track
from forensics.glitches.splices import FLOOR_DBFS, SPEECH_DB
from forensics.model import AudioTrack, Glitch, Scene

FRAME_S = 0.005
"""Resolution of levels: the shortest pitch period of a low voice would show in less."""

FADED_DB = 5.0
"""Copies that end within this of where they are too faint to be followed have faded away; others were cut short by the
voice."""

RESUMED_S = 2.0
"""Within so long the voice comes back, or it was the end of what was said."""

DIGITAL = 1.5 / 32_768
"""Digital silence in 16 bits, with a bit of dither."""

SHORTEST_S, LONGEST_S = 0.03, 3.0
"""A hole of less is a click; from 40 ms on it is judged audible. Longer silences are pauses, whatever their edges."""

EDGE_S = 0.001
"""Sound that was filtered to the band of a codec needs a millisecond and more to die away; one that is cut by zeros
stops from one sample to the next."""

SHARP_DB = -15.0
"""How loud, against loud speech, the last millisecond before digital silence is where it was cut: codecs ring on for
10 ms and fall by 25 dB a millisecond at most."""

CONCEALED, CUT = "repeated pitch", "digital silence"
"""What the two detectors call themselves in `found_by`."""


def find_in_recording(scene: Scene) -> list[Glitch]:
    """Return the holes of the recording that its own sound gives away.

    Parameters
    ----------
    scene : Scene
        With a recording; what packets there are is left aside.

    Returns
    -------
    list of Glitch
        Kind "hole" for concealment, with `period_s`, `fall_db` and `alike`; kind "silence" for digital silence with a
        sharp edge, with `edge_before_db` and `edge_after_db`. Capture times are those of the recording where there is
        no clock between the two.

    Notes
    -----
    Of the audible holes of recorded calls about a third are found, none elsewhere: concealment shorter than 70 ms, that
    of unvoiced sounds, and holes in a recording with noise above the concealment are not seen, nor is a splice, for
    which the edges of packets have to be known.

    Two things are not looked for, because sound alone does not give them away. A word whose start was clipped rises
    from silence to speech within 2 ms in 65 of 100 random cuts; but so do 20 of 100 starts that nobody clipped, for
    that is how a plosive begins (1704 starts in 240 lines of synthetic voices; within 1 ms it is 54 against 6). And a
    stretch: a jitter buffer inserts a pitch period only where two neighbours are alike by 0.9 or more, and blends the
    two; in 65 of 100 looks at loud speech that nobody stretched (10 015) two neighbours are as alike. With packets,
    both are found (`forensics.glitches.clipped`, `forensics.glitches.stretches`).
    """
    if scene.recording is None or len(scene.recording.samples) == 0:
        return []
    loud_dbfs = _loud_dbfs(scene.recording)
    if not np.isfinite(loud_dbfs):
        return []
    found = [*_concealed(scene, loud_dbfs=loud_dbfs), *_cuts(scene, loud_dbfs=loud_dbfs)]
    return sorted(found, key=lambda glitch: glitch.start_s)


def _loud_dbfs(track: AudioTrack) -> float:
    levels = frame_levels_dbfs(track.samples, frame_samples=0.02 * track.sample_rate_hz)
    sounding = levels[levels > FLOOR_DBFS]
    return float(np.percentile(sounding, 95)) if len(sounding) else float("nan")


def _concealed(scene: Scene, *, loud_dbfs: float) -> Iterator[Glitch]:
    """Yield the stretches of repeated pitch behind which the voice comes back."""
    assert scene.recording is not None
    samples = np.asarray(resample_track(scene.recording, sample_rate_hz=RATE_HZ).samples)
    levels = frame_levels_dbfs(samples, frame_samples=FRAME_S * RATE_HZ) - loud_dbfs
    repeats = find_repeats(samples)
    ends = [_resumed_s(repeat, levels) for repeat in repeats]
    for k, (repeat, end_s) in enumerate(zip(repeats, ends, strict=True)):
        within = k > 0 and np.isfinite(ends[k - 1]) and repeat.start_s < ends[k - 1]
        if np.isfinite(end_s) and not within:
            numbers = {"period_s": repeat.period_s, "fall_db": repeat.fall_db, "alike": repeat.alike}
            yield _glitch(scene, "hole", (repeat.start_s, end_s), CONCEALED, numbers)


def _resumed_s(repeat: Repeat, levels: np.ndarray) -> float:
    """Find when the voice is back: where the copies end, or behind the silence into which they faded; NaN if never."""
    last = round(repeat.end_s / FRAME_S)
    if levels[max(0, last - 2) : last].min(initial=0.0) > FADED_DB - QUIET_DB:
        return repeat.end_s
    back = np.flatnonzero(levels[last : last + round(RESUMED_S / FRAME_S)] > -SPEECH_DB)
    return (last + int(back[0])) * FRAME_S if len(back) else float("nan")


def _cuts(scene: Scene, *, loud_dbfs: float) -> Iterator[Glitch]:
    """Yield the stretches of digital silence that cut a sound, at one edge at least, between two sounds."""
    track = scene.recording
    assert track is not None
    rate_hz = track.sample_rate_hz
    silent = np.abs(track.samples) <= DIGITAL
    edges = np.flatnonzero(np.diff(np.r_[False, silent, False].astype(np.int8))).reshape(-1, 2)
    long_enough = np.diff(edges, axis=1)[:, 0] >= SHORTEST_S * rate_hz
    for start, stop in _between_sounds(edges[long_enough], len(track.samples), limit=LONGEST_S * rate_hz):
        step = round(EDGE_S * rate_hz)
        before, after = track.samples[max(0, start - step) : start], track.samples[stop : stop + step]
        edge_db = [_peak_dbfs(piece) - loud_dbfs for piece in (before, after)]
        if min(edge_db) >= SHARP_DB:
            numbers = {"edge_before_db": edge_db[0], "edge_after_db": edge_db[1]}
            yield _glitch(scene, "silence", (start / rate_hz, stop / rate_hz), CUT, numbers)


def _between_sounds(edges: np.ndarray, length: int, *, limit: float) -> Iterator[tuple[int, int]]:
    """Yield the runs that neither begin nor end the recording and are no pauses."""
    for start, stop in edges:
        if start > 0 and stop < length and stop - start <= limit:
            yield int(start), int(stop)


def _peak_dbfs(piece: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(piece).max(initial=1e-6)))


def _glitch(scene: Scene, kind: str, span_s: tuple[float, float], found_by: str, numbers: dict[str, float]) -> Glitch:
    clock = scene.clocks.get("recording")
    on_capture = [float(clock.to_capture_s(edge_s)) if clock is not None else edge_s for edge_s in span_s]
    return Glitch(
        kind=kind,
        start_s=span_s[0],
        end_s=span_s[1],
        capture_start_s=on_capture[0],
        capture_end_s=on_capture[1],
        direction="downlink",
        ssrc=None,
        measurements=numbers,
        found_by=(found_by,),
    )
