"""The same call with one cause removed: the stream as it would have come, ready for any replay.

Each function takes a stream and returns another one; nothing else about it changes. What can be removed depends on
what is known of the sending: `sent_s`, the time at which each packet left the sender on the capture's clock (from a
capture at the sender, or abs-send-time), says which part of a delay was the path's. Without it the slope test has to
do: a delay that comes back to its baseline was the path's, a step that stays was the sender's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.model import FATES, LOSS_COLUMNS, Fate, RtpStream
from forensics.playout.arrivals import DEFAULT_FRAME_S, DTX_BYTES

BASELINE_S = 1.0
"""A delay that has not come down after a second is a new baseline. Queues of access links drain within some hundred
milliseconds once the burst is over; a second leaves room for the burst (inference)."""

SMALLEST_STALL_S = 0.03
"""Less than one and a half packets of 20 ms is the scheduling of a sender, not a stall."""

LONGEST_STALL_S = 3.0
"""A longer jump of timestamps is taken for the pause between two turns (inference)."""

INSERTED_FRAME = 0
"""Frame number of packets that no capture holds; real ones count from 1."""


def without_network_loss(stream: RtpStream) -> RtpStream:
    """Give back the packets that never came, at the times at which they would have come.

    Parameters
    ----------
    stream : RtpStream

    Returns
    -------
    RtpStream
        With one more row in `packets` for each missing sequence number: frame 0, no payload (`payload_offset` -1), size
        as its predecessor's, timestamp and arrival between those of its neighbours.

    Notes
    -----
    Sequence numbers that a sender skipped on purpose look the same and are filled too. Where a timestamp jumps by more
    than the missing packets explain, the rest of the jump stays.

    Examples
    --------
    >>> replay_neteq(without_network_loss(stream)).counters["concealed_samples"]
    """
    packets = _in_sequence(stream)
    sequence = packets["ext_sequence_number"].to_numpy()
    before = np.flatnonzero(np.diff(sequence) > 1)
    if not len(before):
        return stream
    counts = np.diff(sequence)[before] - 1
    owner = np.repeat(before, counts)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    share = nth / np.repeat(counts + 1, counts)
    stamp, arrival_s = packets["ext_timestamp"].to_numpy(), packets["arrival_s"].to_numpy()
    evenly = (share * (stamp[owner + 1] - stamp[owner])).astype(np.int64)
    rows = packets.iloc[owner].copy()
    rows["ext_sequence_number"] = sequence[owner] + nth
    rows["ext_timestamp"] = stamp[owner] + np.minimum(evenly, _frame_ticks(stream) * nth)
    rows["arrival_s"] = arrival_s[owner] + share * (arrival_s[owner + 1] - arrival_s[owner])
    rows["frame"], rows["payload_offset"], rows["marker"] = INSERTED_FRAME, -1, False
    return _restored(stream, pd.concat([stream.packets, rows]))


def without_delay_variation(stream: RtpStream, *, sent_s: np.ndarray | None = None) -> RtpStream:
    """Let every packet take as long through the network as the fastest one did.

    Parameters
    ----------
    stream : RtpStream
    sent_s : ndarray, (n,) float64, optional
        When each row of `stream.packets` left the sender, on the capture's clock; a constant error does not matter.

    Returns
    -------
    RtpStream
        With other arrivals. Losses stay lost.

    Notes
    -----
    Without `sent_s` every delay that returns to its baseline within `BASELINE_S` is taken for the network's, also that
    of a sender that held packets back and then released them.

    Examples
    --------
    >>> replay_neteq(without_delay_variation(stream, sent_s=sent_s)).concealed
    """
    arrival_s = stream.packets["arrival_s"].to_numpy()
    if sent_s is None:
        return arriving_at(stream, _media_s(stream) + _baseline_s(stream))
    return arriving_at(stream, sent_s + np.nanmin(arrival_s - sent_s))


def find_sender_stalls(stream: RtpStream, *, sent_s: np.ndarray | None = None) -> pd.DataFrame:
    """Find where the sender fell behind: steps of its delay that stay, and holes in its timestamps.

    Parameters
    ----------
    stream : RtpStream
    sent_s : ndarray, (n,) float64, optional
        When each row of `stream.packets` left the sender.

    Returns
    -------
    DataFrame
        One row per stall in the order of time: row (of the first packet after it, in `stream.packets`), stall_s, and
        jump (bool: the timestamps went on with the clock, and none of the audio is late).

    Notes
    -----
    A pause of a sender that stops sending between sentences looks like a stall with a jump, unless a marker bit or a
    packet of comfort noise announces it.
    """
    sequence = _in_sequence(stream)
    rows = sequence.index.to_numpy()
    delay_s = (_baseline_s(stream) if sent_s is None else sent_s - _media_s(stream))[rows]
    step_s = np.diff(delay_s, prepend=delay_s[0])
    hole_s = np.diff(sequence["ext_timestamp"], prepend=sequence["ext_timestamp"].iloc[0]) - _frame_ticks(stream)
    hole_s = hole_s / stream.codec.clock_rate_hz
    announced = sequence["marker"].to_numpy() | (sequence["payload_bytes"].shift(fill_value=0).to_numpy() <= DTX_BYTES)
    unbroken = np.diff(sequence["ext_sequence_number"], prepend=0) == 1
    jump = unbroken & ~announced & (hole_s >= SMALLEST_STALL_S) & (hole_s <= LONGEST_STALL_S)
    stall = (step_s >= SMALLEST_STALL_S) | jump
    found = {"row": rows[stall], "stall_s": np.where(jump, hole_s, step_s)[stall], "jump": jump[stall]}
    return pd.DataFrame(found)


def without_sender_stalls(
    stream: RtpStream, *, sent_s: np.ndarray | None = None, rows: np.ndarray | None = None
) -> RtpStream:
    """Let the sender have had its audio in time: everything after a stall comes earlier by its length.

    Parameters
    ----------
    stream : RtpStream
    sent_s : ndarray, (n,) float64, optional
        When each row of `stream.packets` left the sender.
    rows : ndarray of int, optional
        Only the stalls before these rows of `stream.packets`; without it all that `find_sender_stalls` finds.

    Returns
    -------
    RtpStream
        With other arrivals and, after stalls with a jump, other timestamps.

    Examples
    --------
    >>> replay_neteq(without_sender_stalls(stream)).concealed        # what remains is not the model's
    """
    stalls = find_sender_stalls(stream, sent_s=sent_s)
    if rows is not None:
        stalls = stalls[stalls["row"].isin(rows)]
    sequence = _in_sequence(stream)
    earlier_s, earlier_ticks = np.zeros(len(stream.packets)), np.zeros(len(stream.packets), dtype=np.int64)
    position = pd.Index(sequence.index).get_indexer(stalls["row"])
    shift_s, shift_ticks = np.zeros(len(sequence)), np.zeros(len(sequence))
    shift_s[position] = stalls["stall_s"]
    shift_ticks[position] = np.round(stalls["stall_s"] * stream.codec.clock_rate_hz) * stalls["jump"]
    earlier_s[sequence.index], earlier_ticks[sequence.index] = np.cumsum(shift_s), np.cumsum(shift_ticks)
    packets = stream.packets.copy()
    packets["ext_timestamp"] -= earlier_ticks
    return arriving_at(replace(stream, packets=packets), packets["arrival_s"].to_numpy() - earlier_s)


# ---------------------------------------------------------------------------------------------------------------------
# What a stream says about itself
# ---------------------------------------------------------------------------------------------------------------------


def _in_sequence(stream: RtpStream) -> pd.DataFrame:
    """Packets in the order of sequence, each once; the index is the row in `stream.packets`."""
    numbered = stream.packets.reset_index(drop=True)
    return numbered.sort_values(["ext_sequence_number", "arrival_s"]).drop_duplicates("ext_sequence_number")


def _media_s(stream: RtpStream) -> np.ndarray:
    stamp = stream.packets["ext_timestamp"].to_numpy()
    return (stamp - stamp.min()) / stream.codec.clock_rate_hz


def _frame_ticks(stream: RtpStream) -> int:
    """Ticks of the usual packet: the commonest step between neighbours in sequence."""
    packets = _in_sequence(stream)
    step = packets["ext_timestamp"].diff()[packets["ext_sequence_number"].diff() == 1]
    return int(step.mode().iloc[0]) if len(step) else round(DEFAULT_FRAME_S * stream.codec.clock_rate_hz)


def _baseline_s(stream: RtpStream) -> np.ndarray:
    """Delay against media time to which each packet's delay comes back within `BASELINE_S`."""
    media_s = _media_s(stream)
    order = np.argsort(media_s, kind="stable")
    delay_s = (stream.packets["arrival_s"].to_numpy() - media_s)[order]
    window = max(1, round(BASELINE_S * stream.codec.clock_rate_hz / _frame_ticks(stream)))
    baseline_s = np.empty(len(delay_s))
    baseline_s[order] = pd.Series(delay_s[::-1]).rolling(window, min_periods=1).min().to_numpy()[::-1]
    return baseline_s


# ---------------------------------------------------------------------------------------------------------------------
# Another stream
# ---------------------------------------------------------------------------------------------------------------------


def arriving_at(stream: RtpStream, arrival_s: np.ndarray) -> RtpStream:
    """Return `stream` with other arrivals, given row by row as (n,) float64; order, jitter and fates follow them."""
    return _restored(stream, stream.packets.assign(arrival_s=arrival_s))


def _restored(stream: RtpStream, packets: pd.DataFrame) -> RtpStream:
    """Put packets into the order of arrival and work out again what depends on it."""
    packets = packets.sort_values("arrival_s", kind="stable", ignore_index=True)
    sequence, stamp = packets["ext_sequence_number"], packets["ext_timestamp"]
    transit_s = packets["arrival_s"] - stamp / stream.codec.clock_rate_hz
    packets["sequence_number"], packets["timestamp"] = sequence & 0xFFFF, stamp & 0xFFFFFFFF
    packets["relative_delay_s"] = transit_s - transit_s.min()
    packets["jitter_s"] = transit_s.diff().abs().fillna(0).ewm(alpha=1 / 16, adjust=False).mean()  # RFC 3550 §6.4.1
    fate = pd.Series(FATES.index(Fate.IN_ORDER), index=packets.index)
    fate[sequence < sequence.cummax()] = FATES.index(Fate.REORDERED)
    fate[sequence.duplicated()] = FATES.index(Fate.DUPLICATE)
    packets["fate"] = fate
    packets = packets.astype(stream.packets.dtypes.to_dict())
    return replace(stream, packets=packets, losses=_losses(replace(stream, packets=packets)))


def _losses(stream: RtpStream) -> pd.DataFrame:
    packets = _in_sequence(stream)
    sequence, stamp = packets["ext_sequence_number"].to_numpy(), packets["ext_timestamp"].to_numpy()
    before = np.flatnonzero(np.diff(sequence) > 1)
    table = {
        "first_ext_sequence_number": sequence[before] + 1,
        "packets": np.diff(sequence)[before] - 1,
        "before": packets.index[before],
        "after": packets.index[before + 1],
        "media_s": (np.diff(stamp)[before] - _frame_ticks(stream)) / stream.codec.clock_rate_hz,
    }
    return pd.DataFrame(table).astype(dict(LOSS_COLUMNS))
