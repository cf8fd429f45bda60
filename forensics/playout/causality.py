"""No packet is heard before it came: places that say otherwise are taken back.

After a hole the first packet is looked for in all of it, and a concealment that repeats the voice may fit better than
the packet does where it was really played. The shared clock knows better, as far as its stated error goes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forensics.model import ClockMap, Playout, RtpStream

CERTAIN = 2.0
"""A stated error holds in 95 of 100 cases, which is two standard deviations; four of them leave nothing open."""

LONGEST_S = 0.1
"""Places are mistaken packet by packet, next to a hole. Where more in a row than this were heard before they came, it
is the clock that is off, not the places."""


def take_back_early(playout: Playout, stream: RtpStream, *, clock: ClockMap) -> Playout:
    """Take back the places at which packets would have been heard before they arrived.

    Parameters
    ----------
    playout : Playout
        From `forensics.playout.heard.locate_packets`.
    stream : RtpStream
        Whose packets they are.
    clock : ClockMap
        Of the recording.

    Returns
    -------
    Playout
        With `heard_s` NaN for packets that were heard earlier than they came by more than `CERTAIN` times the clock's
        `error_s`, unless they are more than `LONGEST_S` of packets in a row, or all.

    Notes
    -----
    A place that is wrong by less than the packet waited in the buffer is not seen.
    """
    table = playout.packets
    heard_s = table["heard_s"].to_numpy()
    located = np.flatnonzero(np.isfinite(heard_s))
    arrival_s = stream.packets["arrival_s"].to_numpy()[table["row"].to_numpy()[located]]
    early = np.asarray(clock.to_capture_s(heard_s[located])) < arrival_s - CERTAIN * clock.error_s
    edges = np.flatnonzero(np.diff(np.r_[False, early, False].astype(np.int8))).reshape(-1, 2)
    length_s = table["duration_s"].to_numpy()[located]
    mistaken = [
        located[first:last]
        for first, last in edges
        if last - first < len(located) and length_s[first:last].sum() <= LONGEST_S + 1e-6
    ]
    if not mistaken:
        return playout
    kept_s = heard_s.copy()
    kept_s[np.concatenate(mistaken)] = np.nan
    return replace(playout, packets=table.assign(heard_s=kept_s))
