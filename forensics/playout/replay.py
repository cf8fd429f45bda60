"""A stream through NetEq: out of arrivals alone, what was played when, and what had to be concealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forensics.errors import AudioError
from forensics.model import PLAYOUT_COLUMNS, AudioTrack, Playout, RtpStream
from forensics.pcm import Pcm16, part
from forensics.playout.arrivals import Arrivals, arrange_packets
from forensics.playout.concealment import Blind
from forensics.playout.neteq import NetEq
from forensics.playout.packet_buffer import MAXIMUM_PACKETS
from forensics.playout.redundancy import find_copies, with_copies
from forensics.playout.ticks import TICK_S, TickClock, extended_ticks, regular_ticks
from forensics.playout.trace import ACTIONS, Trace
from forensics.playout.waveform import Waveform

INTERRUPTION_S = 0.15
"""webrtc-stats and statistics_calculator.cc: from 150 ms on a concealment counts as an interruption."""


def replay_neteq(
    stream: RtpStream,
    *,
    arrival_s: np.ndarray | None = None,
    sent: AudioTrack | None = None,
    minimum_delay_s: float = 0.0,
    maximum_packets: int = MAXIMUM_PACKETS,
    tick_s: np.ndarray | None = None,
    block_s: float = TICK_S,
    until_s: float | None = None,
) -> Playout:
    """Predict what Chromium's jitter buffer does with `stream`.

    Parameters
    ----------
    stream : RtpStream
        Payloads may be closed: only times, timestamps and sizes are read.
    arrival_s : ndarray, (n,) float64, optional
        Other arrivals than those of `stream.packets`, row by row: the "what if".
    sent : AudioTrack, optional
        The decoded stream on its media clock (`forensics.audio.decode_stream`), at the rate of the codec. Pitch, fading
        and the success of time scalings then come from the audio instead of from a typical voice.
    minimum_delay_s : float
        `RTCRtpReceiver.jitterBufferTarget`, 0..4 s; 0 leaves it to NetEq.
    maximum_packets : int
        Packets at which the buffer is flushed; Chromium's default is 200.
    tick_s : ndarray, (m,) float64, optional
        When the sound card asked for each 10 ms, capture seconds, where that is known (see `estimate_ticks`).
    block_s : float
        How much the sound card asks for at once, where `tick_s` is not known: 10 ms upwards.
    until_s : float, optional
        Go on to this capture time though no more packets come; without it the replay ends with the last packet.

    Returns
    -------
    Playout
        method "neteq". `packets` has `heard_s`, the predicted playout on the capture clock, NaN where a packet was
        never played; `concealed` one row per run of concealment; `counters` the W3C's inbound-rtp names;
        `curve` one row per 10 ms: tick_s, target_delay_s, buffer_s, action (one of `forensics.playout.trace.ACTIONS`)
        and the running sums jitter_buffer_delay [s] and jitter_buffer_emitted_count [samples].

    Raises
    ------
    StreamError
        When the stream has no packet.
    AudioError
        When `sent` has another rate than the codec.

    Notes
    -----
    A capture does not tell when the sound card asked for audio; without `tick_s` the replay assumes that it did so
    steadily. A sound card that froze, or a busy machine, made the true buffer deeper than the replayed one. In-band
    FEC is seen in readable payloads only; RED and retransmission on another SSRC are not: what they repaired is
    replayed as lost. NetEq's delay for video (lip sync) is taken as zero.

    Examples
    --------
    >>> replay = replay_neteq(stream)
    >>> replay.concealed[replay.concealed.late]            # outages: concealed because of delay
    >>> deeper = replay_neteq(stream, minimum_delay_s=0.2)
    >>> replay.counters["concealed_samples"] - deeper.counters["concealed_samples"]
    """
    arrivals = arrange_packets(stream, arrival_s=arrival_s)
    copies = find_copies(stream, arrivals)
    arrivals = with_copies(arrivals, copies)
    first_s = float(arrivals.arrival_s.min())
    last_s = float(arrivals.arrival_s.max()) + _longest_playout_s(arrivals, maximum_packets)
    last_s = max(last_s, until_s or last_s)
    if tick_s is None or not len(tick_s):
        clock = regular_ticks(first_s, last_s, block_s=block_s)
    else:
        clock = extended_ticks(tick_s, first_s, last_s)
    neteq = NetEq(
        arrivals,
        clock.first_tick_after(arrivals.arrival_s),
        ticks=len(clock),
        signal=make_signal(arrivals, sent),
        minimum_delay_s=minimum_delay_s,
        maximum_packets=maximum_packets,
        until_tick=0 if until_s is None else int(np.searchsorted(clock.tick_s, until_s)),
    )
    playout = describe(neteq, neteq.run(), clock, ssrc=stream.ssrc)
    return replace(playout, counters={**playout.counters, "fec_packets_received": int(copies.sum())})


def make_signal(arrivals: Arrivals, sent: AudioTrack | None) -> Blind:
    """Return what NetEq's signal processing works on: samples where there are any, else a typical voice."""
    if sent is None:
        return Blind(arrivals.rate_hz)
    if sent.sample_rate_hz != arrivals.rate_hz:
        raise AudioError(
            f"The audio has {sent.sample_rate_hz} Hz, the stream is played at {arrivals.rate_hz} Hz. "
            "Give the track that forensics.audio.payloads.decode_stream makes of this stream."
        )
    return Waveform(arrivals.rate_hz, _Packets(sent, arrivals.start, arrivals.length))


class _Packets(Sequence[np.ndarray | Pcm16]):
    """The samples of each packet, taken out of the decoded stream when asked for; those in a row as one piece."""

    def __init__(self, sent: AudioTrack, start: np.ndarray, length: np.ndarray) -> None:
        self._sent, self._start, self._length = sent, start, length

    def __len__(self) -> int:
        return len(self._start)

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            starts, lengths = self._start[which], self._length[which]
            if len(starts) and (starts[1:] == starts[:-1] + lengths[:-1]).all():  # nothing between them
                return [part(self._sent.samples, starts[0], starts[-1] + lengths[-1])]
            pairs = zip(starts.tolist(), lengths.tolist(), strict=True)
            return [self._sent.samples[start : start + length] for start, length in pairs]
        start = int(self._start[which])
        return self._sent.samples[start : start + int(self._length[which])]


def _longest_playout_s(arrivals: Arrivals, maximum_packets: int) -> float:
    """Time that a full buffer can take to be played, slowly."""
    return 1 + 2 * maximum_packets * float(arrivals.length.max()) / arrivals.rate_hz


def describe(neteq: NetEq, trace: Trace, clock: TickClock, *, ssrc: int) -> Playout:
    """Turn the trace of a replay into tables on the capture clock."""
    return Playout(
        ssrc=ssrc,
        method="neteq",
        packets=_packets(neteq, trace, clock),
        concealed=_concealed(neteq, trace, clock),
        counters=counters_of(neteq, trace),
        curve=_curve(neteq, trace, clock),
    )


def _packets(neteq: NetEq, trace: Trace, clock: TickClock) -> pd.DataFrame:
    arrivals = neteq.arrivals
    heard_s = clock.capture_s(trace.place / arrivals.rate_hz, first_tick=neteq.first_tick)
    columns = {
        "row": arrivals.row,
        "media_s": arrivals.start / arrivals.rate_hz,
        "duration_s": arrivals.length / arrivals.rate_hz,
        "heard_s": np.where(trace.played, heard_s, np.nan),
        "score": np.nan,
        "level_dbfs": np.nan,
    }
    table = pd.DataFrame(columns)[arrivals.received].reset_index(drop=True)
    return table.astype(dict(PLAYOUT_COLUMNS))


def _concealed(neteq: NetEq, trace: Trace, clock: TickClock) -> pd.DataFrame:
    runs = [c for c in trace.concealments if c.end > c.start]
    edges = np.array([(c.start, c.end) for c in runs], dtype=float).reshape(-1, 2) / neteq.arrivals.rate_hz
    edges_s = clock.capture_s(edges, first_tick=neteq.first_tick)
    late = np.array([c.late for c in runs], dtype=bool)
    return pd.DataFrame({"start_s": edges_s[:, 0], "end_s": edges_s[:, 1], "late": late})


def _curve(neteq: NetEq, trace: Trace, clock: TickClock) -> pd.DataFrame:
    ticks, length = len(trace.action), neteq.arrivals.length
    available, gone = np.minimum(neteq.available, ticks), np.minimum(np.maximum(trace.gone, neteq.available), ticks)
    came = np.bincount(available, weights=length, minlength=ticks + 1)
    went = np.bincount(gone, weights=length, minlength=ticks + 1)
    played = trace.played
    emitted = np.bincount(gone[played], weights=length[played], minlength=ticks + 1)
    delay = np.bincount(gone[played], weights=(_waited_s(neteq, trace) * length)[played], minlength=ticks + 1)
    buffered = np.cumsum(came - went)[:ticks] + np.maximum(trace.left, 0)
    return pd.DataFrame(
        {
            "tick_s": clock.tick_s[:ticks],
            "target_delay_s": trace.target_ms / 1000,
            "buffer_s": buffered / neteq.arrivals.rate_hz,
            "action": pd.Categorical.from_codes(trace.action, categories=list(ACTIONS)),
            "jitter_buffer_delay": np.cumsum(delay[:ticks]),
            "jitter_buffer_emitted_count": np.cumsum(emitted[:ticks]),
        }
    )


def _waited_s(neteq: NetEq, trace: Trace) -> np.ndarray:
    """Seconds that each packet spent in the packet buffer, as NetEq counts them: in ticks since the one before it."""
    return (trace.gone - neteq.available + 1) * TICK_S


def counters_of(neteq: NetEq, trace: Trace) -> dict[str, float]:
    """Sum a replay up under the names of the W3C's inbound-rtp statistics."""
    arrivals, counts, played = neteq.arrivals, trace.counts, trace.played
    samples = arrivals.length[played]
    target_s = trace.target_ms[np.minimum(trace.gone[played], len(trace.target_ms) - 1)] / 1000
    concealed = np.array([c.end - c.start for c in trace.concealments], dtype=float)
    long = concealed[concealed >= INTERRUPTION_S * arrivals.rate_hz]
    return {
        "packets_received": int(arrivals.received.sum()) + arrivals.duplicates,
        "packets_lost": arrivals.lost,
        "packets_discarded": counts["packets_discarded"] + arrivals.duplicates,
        "concealed_samples": max(0, int(concealed.sum())),
        "silent_concealed_samples": max(0, counts["silent_concealed_samples"]),
        "concealment_events": len(concealed),
        "inserted_samples_for_deceleration": int(trace.stretched.clip(min=0).sum()),
        "removed_samples_for_acceleration": -int(trace.stretched.clip(max=0).sum()),
        "jitter_buffer_delay": float((_waited_s(neteq, trace)[played] * samples).sum()),
        "jitter_buffer_target_delay": float((target_s * samples).sum()),
        "jitter_buffer_emitted_count": int(samples.sum()),
        "total_samples_received": int((len(trace.action) - neteq.first_tick) * neteq.step),
        "interruption_count": len(long),
        "total_interruption_duration": float(long.sum() / arrivals.rate_hz),
        "comfort_noise_samples": counts["comfort_noise_samples"],
        "buffer_flushes": counts["buffer_flushes"],
    }
