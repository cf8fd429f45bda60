"""The recording's clock from what a jitter buffer should have done, where nothing counted how long packets waited."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forensics.model import ClockMap, Playout

HANDOVER_S = 0.008
"""From the replay's playout to the recording: a block of 10 ms has to be full before it is handed on. Median over 54
labelled calls of Chromium 156; ± 5 ms from call to call."""

AGREE_S = 0.04
"""So close together the middle half of the packets has to place the recording; a sound card that froze, or a buffer
that went another way, spreads them over hundreds of milliseconds."""

LEAST_PACKETS = 50
"""A second of located packets."""


def refine_by_replay(clock: ClockMap, playout: Playout, replay: Playout) -> ClockMap:
    """Place a recording where its packets were heard, by when a replay of the jitter buffer played them.

    Parameters
    ----------
    clock : ClockMap
        Of the recording, from `estimate_recording_clock`.
    playout : Playout
        What was heard, on the recording's clock.
    replay : Playout
        Of the same stream, on the capture's clock.

    Returns
    -------
    ClockMap
        With the offset that half of the packets agree on. Where they do not agree within `AGREE_S`, `clock` with an
        error as wide as what they say, less the outermost tenth: a sound card that stood still moves the clock, and
        neither packets nor sound tell when. `clock` itself where it has a drift or steps of its own.

    Notes
    -----
    The emptiest buffer, which `estimate_recording_clock` goes by, is 10 to 60 ms deep; the replay knows how deep it
    was, as long as the receiver is NetEq and its machine kept pace.
    """
    if clock.drift_ppm or clock.steps:
        return clock
    played_s = replay.packets.set_index("row")["heard_s"]
    heard = playout.packets.dropna(subset="heard_s")
    ahead_s = played_s.reindex(heard["row"]).to_numpy() - heard["heard_s"].to_numpy()
    ahead_s = ahead_s[np.isfinite(ahead_s)]
    if len(ahead_s) < LEAST_PACKETS:
        return clock
    least_s, low_s, middle_s, high_s, most_s = np.quantile(ahead_s, [0.05, 0.25, 0.5, 0.75, 0.95])
    if high_s - low_s > AGREE_S:
        apart_s = float(most_s - least_s)
        note = f"packets were heard {apart_s * 1e3:.0f} ms apart from the replay: did the card stand still?"
        return replace(clock, error_s=max(clock.error_s, apart_s), notes=(*clock.notes, note))
    note = f"half of {len(ahead_s)} packets were heard within {(high_s - low_s) * 1e3:.0f} ms of the replay"
    method = "decoded-audio, replay"
    return replace(clock, offset_s=float(middle_s) + HANDOVER_S, method=method, notes=(*clock.notes, note))
