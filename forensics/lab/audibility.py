"""Whether a fault was audible: a rule, not a listening test, and the measurements that it is made of.

audible
    * a loss of 40 ms of speech or more of which something was concealed, or of 20 ms whose concealment is more than
      12 dB (mean distance of log-mel spectra) from what was sent;
    * a hole of 40 ms or more with speech on both sides, whatever made it;
    * 60 ms of speech or more that was skipped.
marginal
    a hole of 15 ms or more in speech that is none of these.
masked
    everything else: hidden in silence, or absorbed by the jitter buffer.

The thresholds are those of the project's labelled calls. 40 ms is the least that people noticed as a dropout in
running speech there; 12 dB separates a vowel continued from a consonant replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from forensics.lab.account import Account

AUDIBLE_LOSS_MS = 40.0
AUDIBLE_SHORT_LOSS_MS, AUDIBLE_DISTANCE_DB = 20.0, 12.0
AUDIBLE_HOLE_MS = 40.0
AUDIBLE_SKIP_MS = 60.0
MARGINAL_HOLE_MS = 15.0
SOMETHING_CONCEALED_MS = 5.0

SPEECH_DBFS = -45.0
"""A packet at or above this level carries speech; the lab's voices speak at about -20 dBFS."""

CONTEXT_PACKETS = 3
"""Packets on each side of a hole that say whether there was speech: 60 ms, longer than a stop consonant's closure."""

MEL_BANDS, MEL_WINDOW, MEL_RANGE_DB = 40, 960, 40.0
"""Mel bands, samples of a window (20 ms, one packet), and how far below the loudest band counts: less is not heard
beside it."""

MEL_AT_1_KHZ, MEL_LOG_STEP = 15.0, float(np.log(6.4) / 27)
"""Slaney's Auditory Toolbox (1998): 200/3 Hz to the mel up to 1 kHz, 27 mels to the factor 6.4 above."""

LEAST_POWER = 1e-10
"""Below it a band is silent, as in librosa.power_to_db."""


def judge(evidence: Mapping[str, float]) -> str:
    """Return "audible", "marginal" or "masked" by the rule above.

    Parameters
    ----------
    evidence : mapping
        `effective_ms` of hole, `lost_speech_ms`, `concealed_ms`, `skipped_speech_ms`, `lsd_db`,
        `speech_both_sides` (0 or 1); what is absent counts as none.
    """
    hole_ms, lost_ms = evidence.get("effective_ms", 0.0), evidence.get("lost_speech_ms", 0.0)
    concealed = evidence.get("concealed_ms", 0.0) >= SOMETHING_CONCEALED_MS
    in_speech = bool(evidence.get("speech_both_sides", 0.0))
    if concealed and lost_ms >= AUDIBLE_LOSS_MS:
        return "audible"
    if concealed and lost_ms >= AUDIBLE_SHORT_LOSS_MS and evidence.get("lsd_db", 0.0) > AUDIBLE_DISTANCE_DB:
        return "audible"
    if in_speech and hole_ms >= AUDIBLE_HOLE_MS:
        return "audible"
    if evidence.get("skipped_speech_ms", 0.0) >= AUDIBLE_SKIP_MS:
        return "audible"
    return "marginal" if in_speech and hole_ms >= MARGINAL_HOLE_MS else "masked"


def measure_surroundings(account: Account, before: int, after: int) -> dict[str, float]:
    """Return the speech level on both sides of a hole between two packets, dBFS, and whether both are speech."""
    level = account.packets["level_dbfs"].to_numpy()
    left = float(level[max(0, before - CONTEXT_PACKETS + 1) : before + 1].max(initial=-120.0))
    right = float(level[after : after + CONTEXT_PACKETS].max(initial=-120.0))
    both = float(min(left, right) >= SPEECH_DBFS)
    return {"dbfs_before": round(left, 1), "dbfs_after": round(right, 1), "speech_both_sides": both}


def measure_counters(account: Account, start_s: float, end_s: float) -> dict[str, float]:
    """Return what the receiver's counters say between two recording times, on the grid at which they were read."""
    table = account.concealment
    own = table[(table["end_s"] > start_s) & (table["start_s"] < end_s)]
    return {
        "concealed_ms": round(float(own["concealed_ms"].sum()), 1),
        "silent_concealed_ms": round(float(own["silent_ms"].sum()), 1),
        "removed_ms": round(float(own["removed_ms"].sum()), 1),
        "discarded": float(own["discarded"].sum()),
    }


def speech_ms(account: Account, rows: list[int]) -> float:
    """Return how much speech some packets carry."""
    level = account.packets["level_dbfs"].to_numpy()[rows]
    return float(np.sum(level >= SPEECH_DBFS) * account.packet_s * 1000)


def log_mel_distance_db(one: np.ndarray, other: np.ndarray, *, rate_hz: int = 48_000) -> float:
    """Return the mean absolute difference of two sounds' log-mel spectra, in dB; the shorter one sets the length."""
    length = min(len(one), len(other))
    if length < MEL_WINDOW:
        return 0.0
    one_db, other_db = (_log_mel(sound[:length], rate_hz) for sound in (one, other))
    floor_db = max(one_db.max(), other_db.max()) - MEL_RANGE_DB
    return float(np.mean(np.abs(np.maximum(one_db, floor_db) - np.maximum(other_db, floor_db))))


def _log_mel(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return librosa's log-mel spectrogram (windows, bands) in dB: it takes a second to import, this a millisecond."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, MEL_WINDOW)[:: MEL_WINDOW // 4]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(MEL_WINDOW) / MEL_WINDOW)
    power = np.abs(np.fft.rfft(windows * hann, axis=1)) ** 2
    return 10 * np.log10(np.maximum(power @ _mel_weights(rate_hz).T, LEAST_POWER))


@lru_cache(maxsize=4)
def _mel_weights(rate_hz: int) -> np.ndarray:
    """Return the triangles of the mel scale in Slaney's form, (bands, bins): linear to 1 kHz, logarithmic above."""
    bins_hz = np.fft.rfftfreq(MEL_WINDOW, 1 / rate_hz)
    top = MEL_AT_1_KHZ + np.log(rate_hz / 2 / 1000) / MEL_LOG_STEP
    mel = np.linspace(0, top, MEL_BANDS + 2)
    edges_hz = np.where(
        mel < MEL_AT_1_KHZ, mel * 1000 / MEL_AT_1_KHZ, 1000 * np.exp((mel - MEL_AT_1_KHZ) * MEL_LOG_STEP)
    )
    low, middle, high = (edges_hz[shift : shift + MEL_BANDS, None] for shift in range(3))
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
