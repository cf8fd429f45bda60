"""The same call from a sender that holds a cushion: each utterance starts a little later and then keeps its pace."""

from __future__ import annotations

import numpy as np

from forensics.model import RtpStream
from forensics.playout.arrivals import DTX_BYTES
from forensics.playout.interventions import LONGEST_STALL_S, arriving_at


def with_send_lead(
    stream: RtpStream, *, lead_s: float, sent_s: np.ndarray | None = None, starts: np.ndarray | None = None
) -> RtpStream:
    """Let the sender hold `lead_s` of audio back before it starts to speak.

    With a lead of 60 ms the first packet of every utterance leaves 60 ms later; a packet that is less than 60 ms behind
    its time then still leaves on time.

    Parameters
    ----------
    stream : RtpStream
    lead_s : float
        The cushion, from 0 on.
    sent_s : ndarray, (n,) float64, optional
        When each row of `stream.packets` left the sender, on the capture's clock. Without it the time of arrival stands
        for it, so the cushion covers delays of the path as well.
    starts : ndarray of int, optional
        Rows of `stream.packets` that begin an utterance; without it those that `find_utterance_starts` marks.

    Returns
    -------
    RtpStream
        With other arrivals. Losses stay lost.

    Notes
    -----
    A stall after which the timestamps went on with the clock leaves a hole that no cushion of this kind fills.

    Examples
    --------
    >>> replay_neteq(with_send_lead(stream, lead_s=0.06)).concealed
    """
    return arriving_at(stream, arrivals_with_send_lead(stream, lead_s=lead_s, sent_s=sent_s, starts=starts))


def arrivals_with_send_lead(
    stream: RtpStream, *, lead_s: float, sent_s: np.ndarray | None = None, starts: np.ndarray | None = None
) -> np.ndarray:
    """Return when each row of `stream.packets` would arrive: what `with_send_lead` is made of, (n,) float64."""
    packets = stream.packets
    arrival_s = packets["arrival_s"].to_numpy()
    ready_s = arrival_s if sent_s is None else np.asarray(sent_s)
    if lead_s <= 0:
        return arrival_s
    stamp = packets["ext_timestamp"].to_numpy()
    order = np.argsort(stamp, kind="stable")
    first = (find_utterance_starts(stream) if starts is None else np.isin(np.arange(len(packets)), starts))[order]
    first[0] = True
    opening = order[np.flatnonzero(first)][np.cumsum(first) - 1]
    paced_s = np.empty(len(packets))
    paced_s[order] = ready_s[opening] + lead_s + (stamp[order] - stamp[opening]) / stream.codec.clock_rate_hz
    return arrival_s + np.maximum(paced_s - ready_s, 0)


def find_utterance_starts(stream: RtpStream) -> np.ndarray:
    """Mark the packets that begin an utterance, as far as headers tell.

    Parameters
    ----------
    stream : RtpStream

    Returns
    -------
    ndarray, (n,) bool
        In the order of `stream.packets`: marker bits, the end of comfort noise, and jumps of the timestamp that are
        too long for a stall (`LONGEST_STALL_S`).

    Notes
    -----
    A sender that sends silence between its utterances, and sets no marker, shows none of them.
    """
    packets = stream.packets.reset_index(drop=True).sort_values("ext_timestamp", kind="stable")
    jump_s = packets["ext_timestamp"].diff().fillna(0) / stream.codec.clock_rate_hz
    quiet = packets["payload_bytes"] <= DTX_BYTES
    begins = packets["marker"] | (jump_s > LONGEST_STALL_S) | (quiet.shift(fill_value=False) & ~quiet)
    return begins.sort_index().to_numpy()
