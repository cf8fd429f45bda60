"""A recording placed by what encryption leaves: levels in header extensions, sizes of packets, talkspurts and holes.

The replay says when each packet was played, its RFC 6464 level or its size how loud it was. Together they predict the
envelope of the recording, which is then found in it.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from forensics.audio.levels import frame_levels_dbfs
from forensics.errors import ClockError
from forensics.model import AudioTrack, ClockMap, Playout, RtpStream

ENVELOPE_HZ = 200
"""5 ms frames: a quarter of a packet, so that the peak of the correlation can be interpolated to a millisecond."""

DYNAMIC_RANGE_DB = 50.0
"""Both envelopes are clipped so far below their loudest; below lie room noise and comfort noise."""

LEAST_CORRELATION = 0.55
"""Envelopes of the same call correlate at 0.65 to 0.95, those of other speech of the same length below 0.5."""

LEAST_LEAD = 1.5
"""The best place has to be so much better than the best one elsewhere: 1.6 to 3.3 were measured for the same call,
below 1.5 where chance or a common rhythm of greeting and answer made the peak."""

ELSEWHERE_S = 0.5
"""Places closer than this to the best one are the same peak: about two syllables."""

PART_AGREE_S = 0.13
"""Each third of the call has to be found within this of the whole: the replay knows what moves the audio, but for some
six packets of a sound card that hiccuped. Two calls with the same words lie further apart somewhere."""

PART_REACH_S = 0.5
"""How far a third is looked for."""

LEAST_WAIT_S = 0.01 + 312 / 48_000
"""From the replay's playout to the recording: one 10 ms block has to be full before it is handed on, and the sound of
a packet lags what its level was taken from by the codec's look-ahead (RFC 7845 §4.2)."""

TOO_SHORT = "Less than a second of sound: too little to place the recording by its envelope."

ERROR_S = 0.03
"""A packet of level resolution and half a packet of what the replay does not know."""


def estimate_recording_clock_closed(stream: RtpStream, recording: AudioTrack, *, replay: Playout) -> ClockMap:
    """Place a recording on the capture's clock without decoding anything.

    Parameters
    ----------
    stream : RtpStream
        Its payloads may be closed.
    recording : AudioTrack
    replay : Playout
        Of the same stream, on the capture's clock.

    Returns
    -------
    ClockMap
        `method` "audio-level" or "payload-size".

    Raises
    ------
    ClockError
        The envelope is not in the recording, or could be in several places, or its parts disagree: a recording of
        another call, of the other direction, or one without enough change of level.
    """
    predicted, start_s, method = _predicted_envelope(stream, replay)
    heard = _lift(frame_levels_dbfs(recording.samples, frame_samples=recording.sample_rate_hz / ENVELOPE_HZ))
    lag, best, lead = _find(predicted, heard)
    if best < LEAST_CORRELATION or lead < LEAST_LEAD:
        raise ClockError(
            f"The envelope of SSRC {stream.ssrc:#010x} by {method} correlates with the recording at {best:.2f} "
            f"(at least {LEAST_CORRELATION} is expected), {lead:.2f} times the best other place (at least "
            f"{LEAST_LEAD}). Is it a recording of another call or of the other direction? Keys would decide (--keys)."
        )
    spread_s = _spread_of_parts(predicted, heard, lag)
    if spread_s > PART_AGREE_S:
        raise ClockError(
            f"Parts of the recording are found {spread_s:.2f} s apart from the whole, {PART_AGREE_S} s is the most "
            "that a jitter buffer moves them. Is it a recording of another call?"
        )
    offset_s = start_s + LEAST_WAIT_S - lag / ENVELOPE_HZ
    return ClockMap(
        "recording", offset_s, max(ERROR_S, spread_s), method, notes=(f"envelopes correlate at {best:.2f}",)
    )


def _predicted_envelope(stream: RtpStream, replay: Playout) -> tuple[np.ndarray, float, str]:
    """Lifted envelope at `ENVELOPE_HZ` as the replay played it, the capture time of its start, and its source."""
    played = replay.packets.dropna(subset="heard_s")
    rows = played["row"].to_numpy()
    if len(rows) == 0:
        raise ClockError(TOO_SHORT)
    level = stream.packets["audio_level_dbov"].to_numpy(dtype=float)[rows]
    method = "audio-level"
    if not np.isfinite(level).all():
        size = stream.packets["payload_bytes"].to_numpy(dtype=float)[rows]
        level, method = 60.0 * np.log2(np.maximum(size, 1)) / np.log2(max(size.max(), 2)), "payload-size"
    start_s = float(played["heard_s"].min())
    first = np.round((played["heard_s"].to_numpy() - start_s) * ENVELOPE_HZ).astype(int)
    length = np.round(played["duration_s"].to_numpy() * ENVELOPE_HZ).astype(int)
    levels = np.full(int((first + length).max()) + 1, level.min())
    for i, n, value in zip(first, length, level, strict=True):
        levels[i : i + n] = value
    return _lift(levels), start_s, method


def _lift(levels: np.ndarray) -> np.ndarray:
    """Level above a floor `DYNAMIC_RANGE_DB` below the loudest, zero mean, (n,) float64."""
    if len(levels) < ENVELOPE_HZ:
        raise ClockError(TOO_SHORT)
    lifted = np.maximum(levels.astype(np.float64) - (np.percentile(levels, 99) - DYNAMIC_RANGE_DB), 0.0)
    return lifted - lifted.mean()


def _find(predicted: np.ndarray, heard: np.ndarray) -> tuple[float, float, float]:
    """Lag in frames (interpolated) at which `predicted` lies in `heard`, its correlation, its lead over the rest."""
    size = fft.next_fast_len(len(predicted) + len(heard), real=True)
    product = fft.irfft(fft.rfft(heard, size) * np.conj(fft.rfft(predicted, size)), size)
    norm = np.sqrt(np.dot(predicted, predicted) * np.dot(heard, heard)) or 1.0
    best = int(np.argmax(product))
    near = np.arange(best - int(ELSEWHERE_S * ENVELOPE_HZ), best + int(ELSEWHERE_S * ENVELOPE_HZ) + 1) % size
    elsewhere = np.delete(product, near).max(initial=0.0)
    left, top, right = product[best - 1], product[best], product[(best + 1) % size]
    curve = left - 2 * top + right
    shift = 0.5 * (left - right) / curve if curve else 0.0
    lag = (best if best < len(heard) else best - size) + shift
    return lag, float(top / norm), float(top / elsewhere) if elsewhere > 0 else np.inf


def _spread_of_parts(predicted: np.ndarray, heard: np.ndarray, lag: float) -> float:
    """Largest distance, in seconds, between where each third of the envelope fits best near `lag` and `lag`."""
    reach = int(PART_REACH_S * ENVELOPE_HZ)
    spread = 0.0
    for part in np.array_split(np.arange(len(predicted)), 3):
        piece = predicted[part] - predicted[part].mean()
        low = round(lag) + part[0] - reach
        window = heard[max(low, 0) : max(low, 0) + len(piece) + 2 * reach]
        if len(window) <= len(piece) or np.std(piece) < 1.0:
            continue
        scores = np.correlate(window, piece, "valid")
        spread = max(spread, abs(int(np.argmax(scores)) + max(low, 0) - part[0] - lag) / ENVELOPE_HZ)
    return spread
