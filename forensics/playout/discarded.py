"""Packets that came too late to be played: overtaken by others that were already being heard."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.model import ClockMap


def find_overtaken(row: np.ndarray) -> np.ndarray:
    """Tell which packets came after one that follows them.

    Parameters
    ----------
    row : ndarray, (n,) int64
        Of the capture, which rises with time, in media order.

    Returns
    -------
    ndarray, (n,) bool
    """
    return row > np.minimum.accumulate(row[::-1])[::-1]


def find_discarded(journey: pd.DataFrame, *, to_recording: ClockMap | None) -> np.ndarray:
    """Tell which packets the jitter buffer threw away, for their turn had passed when they came.

    Parameters
    ----------
    journey : DataFrame, n rows
        `row`, `duration_s`, `arrival_s`, `heard_s` (of packets that were not located: where their turn was) and
        `located`, in media order.
    to_recording : ClockMap, optional
        Of `heard_s`. Without it that is capture time.

    Returns
    -------
    ndarray, (n,) bool

    Notes
    -----
    A jitter buffer plays in the order of timestamps, so an overtaken packet can only be heard before the next one that
    came in turn. It is taken for discarded where less than its own length was left until then, and where it was not
    found in the recording. How far off the clock is does not matter much: packets are overtaken by more, or in time.
    """
    row, length_s = journey["row"].to_numpy(), journey["duration_s"].to_numpy()
    heard_s = journey["heard_s"].to_numpy()
    turn_s = heard_s if to_recording is None else np.asarray(to_recording.to_capture_s(heard_s))
    overtaken = find_overtaken(row)
    next_in_turn = np.minimum.accumulate(np.where(overtaken, len(row), np.arange(len(row)))[::-1])[::-1]
    left_s = np.append(turn_s, np.inf)[next_in_turn] - journey["arrival_s"].to_numpy()
    return overtaken & ~journey["located"].to_numpy() & (left_s < length_s)
