"""NetEq's decisions, tick by tick: what Chromium's jitter buffer does with packets that come when they come.

Every 10 ms the listener's sound card wants 10 ms of audio. NetEq then decides: decode the next packet, conceal
(expand), join a packet to a concealment (merge), take out a pitch period (accelerate) or put one in (preemptive
expand), or make comfort noise. What was decoded but not yet played waits in the *future* of the output.

Source of every constant and rule: libwebrtc (state of July 2026), modules/audio_coding/neteq, the file named at each.
"""

from __future__ import annotations

import numpy as np

from forensics.playout.arrivals import Arrivals
from forensics.playout.concealment import OVERLAP, UNITY, Blind
from forensics.playout.glide import glide
from forensics.playout.packet_buffer import MAXIMUM_PACKETS, PacketBuffer
from forensics.playout.target import GRANULARITY_MS, TICK_MS, DelayPath, estimate_delay_path
from forensics.playout.ticks import TICK_S
from forensics.playout.trace import ACCELERATE, EXPAND, FAILED, MERGE, NOISE, NORMAL, PREEMPTIVE, Trace

STRETCH_INTERVAL_TICKS = 5  # decision_logic.h, kMinTimescaleInterval
POSTPONE_SHARE = 0.5  # decision_logic.cc, kPostponeDecodingLevel
TARGET_WINDOW_MS = 100  # decision_logic.cc, kTargetLevelWindowMs
NOISE_TIMEOUT_S = 1.0  # decision_logic.cc, kCngTimeoutMs
FAST_FACTOR = 4  # decision_logic.cc, ExpectedPacketAvailable
BUFFER_SHARE = 0.75  # delay_constraints.cc, Clamp
STRETCH_TICKS = 3  # neteq_impl.cc: a time scaling needs 30 ms of decoded audio
RECENT_PACKETS = 16  # more than can stand in the last 30 ms of the output


class NetEq:
    """One jitter buffer at work on one stream.

    Parameters
    ----------
    arrivals : Arrivals
    available : ndarray, (n,) int64
        The tick that first finds each packet in the buffer; the first of them starts the playout.
    ticks : int
        Ticks to run at most, counted from tick 0.
    signal : Blind
        Or a `Waveform`.
    minimum_delay_s, maximum_packets
        `jitterBufferTarget` of the RTCRtpReceiver (0: none) and the number of packets at which the buffer is flushed.
    until_tick : int
        Go on to this tick at least.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        available: np.ndarray,
        *,
        ticks: int,
        signal: Blind,
        minimum_delay_s: float = 0.0,
        maximum_packets: int = MAXIMUM_PACKETS,
        until_tick: int = 0,
    ) -> None:
        self.arrivals, self.available, self.ticks, self.signal = arrivals, available, ticks, signal
        self.minimum_ms, self.until_tick = round(minimum_delay_s * 1000), until_tick
        self.step = round(TICK_S * arrivals.rate_hz)
        self.overlap = round(OVERLAP * arrivals.rate_hz)
        self.trace = Trace.empty(len(arrivals), ticks)
        self.buffer = PacketBuffer(arrivals, available, self.trace, maximum_packets=maximum_packets)
        self.tick = self.first_tick = int(available.min())
        self.end = int(arrivals.start[self.buffer.order[0]])  # media sample that is to be decoded next
        self.heard = 0  # samples given to the listener
        self.mode = NORMAL
        self.fresh = True  # the next decoding starts everything anew
        self.stretched = False  # the last tick scaled time
        self.stretch_tick = 0  # the next time scaling is allowed from here on
        self.noise_tick: int | None = None  # concealment or comfort noise began
        self.last_was_noise = False
        self._learn(since=self.first_tick)

    def _learn(self, *, since: int) -> None:
        """Work out targets and bounds for the rest of the call, from the packets after tick `since`."""
        self.path: DelayPath = estimate_delay_path(self.arrivals, self.available, ticks=self.ticks, since=since)
        frame_ms = float(np.median(self.arrivals.length)) * 1000 / self.arrivals.rate_hz
        most_ms = int(BUFFER_SHARE * self.buffer.maximum_packets * frame_ms)
        self.target_ms = np.minimum(np.maximum(self.path.wanted, self.minimum_ms), most_ms)
        self.high_ms = self.target_ms + self.path.spread + GRANULARITY_MS
        self.trace.target_ms[since:] = self.target_ms[since:]

    # -- the loop -----------------------------------------------------------------------------------------------------

    def run(self) -> Trace:
        """Play until the last packet has been played out, or the last tick has come."""
        while self.tick < self.ticks and not self._is_over():
            if not glide(self):
                self._play_tick()
        if self.mode == EXPAND:
            self.trace.close_concealment(self.signal.size, late=False)
        return self.trace.until(self.tick)

    def _is_over(self) -> bool:
        return self.buffer.exhausted and self.left() < self.step and self.tick >= self.until_tick

    def _play_tick(self) -> None:
        self.fresh |= self.buffer.insert(self.tick)
        rest = self._is_silent() and not self.buffer.waiting
        self.trace.action[self.tick] = self._stay_silent() if rest else self._act(self._decide())
        self.heard += self.step
        self.trace.left[self.tick] = self.left()
        self.tick += 1

    def left(self) -> int:
        """Count the decoded samples that wait to be played, without the overlap."""
        return self.signal.size - self.overlap - self.heard

    def playout_ms(self) -> int:
        """Return the time less the media time of what is being played."""
        media = self.end - (self.signal.size - self.heard)
        return self.tick * TICK_MS - media * 1000 // self.arrivals.rate_hz

    # -- decisions (decision_logic.cc) --------------------------------------------------------------------------------

    def _decide(self) -> int:
        if not self.fresh:
            self.buffer.discard_before(self.end, self.tick)
        if self.stretched and self.mode in (ACCELERATE, PREEMPTIVE):
            self.stretch_tick = self.tick + STRETCH_INTERVAL_TICKS
        self.stretched = False
        if not self.buffer.waiting or self._postpone():
            return self._without_packet()
        packet = self.buffer.waiting[0]
        action = self._expected() if self.arrivals.start[packet] == self.end else self._future(packet)
        stretching = action in (MERGE, ACCELERATE, PREEMPTIVE)
        return NORMAL if self.arrivals.dtx[packet] and stretching else action

    def _without_packet(self) -> int:
        if self.mode == NOISE and self._noise() <= NOISE_TIMEOUT_S * self.arrivals.rate_hz:
            return NOISE
        return EXPAND

    def _noise(self) -> int:
        """Count the samples since concealment or comfort noise began."""
        return 0 if self.noise_tick is None else (self.tick - self.noise_tick) * self.step

    def _postpone(self) -> bool:
        """Wait for half of the target before decoding again, once a concealment has become quiet."""
        quiet = self.mode == NOISE or (self.mode == EXPAND and self.signal.fade.gain < UNITY // 2)
        if not quiet or self.buffer.span_ms(self.tick) >= POSTPONE_SHARE * self.target_ms[self.tick]:
            return False
        return not self.buffer.holds_dtx()

    def _expected(self) -> int:
        """Play the packet that is due and there; faster or slower if the delay is out of its bounds."""
        if self.mode == EXPAND:
            return NORMAL
        delay_ms = max(self.playout_ms() - int(self.path.fastest[self.tick]), 0)
        high_ms = int(self.high_ms[self.tick])
        if delay_ms >= FAST_FACTOR * high_ms:
            return ACCELERATE
        if self.tick < self.stretch_tick:
            return NORMAL
        if delay_ms >= high_ms:
            return ACCELERATE
        return PREEMPTIVE if delay_ms < self.target_ms[self.tick] else NORMAL

    def _future(self, packet: int) -> int:
        """Conceal until the time of a later packet has come, or skip to it when enough is buffered."""
        leap = int(self.arrivals.start[packet]) - self.end
        above_target = self.buffer.span_ms(self.tick) > self.target_ms[self.tick] + TARGET_WINDOW_MS // 2
        if leap > self._noise() and not above_target:
            return self._without_packet()
        return {EXPAND: MERGE, NOISE: NORMAL}.get(self.mode, EXPAND)

    # -- actions (neteq_impl.cc) --------------------------------------------------------------------------------------

    def _act(self, action: int) -> int:
        """Carry out a decision, unless what was decoded before is enough for this tick."""
        if self.left() >= self.step and action not in (MERGE, ACCELERATE, PREEMPTIVE):
            return NORMAL
        if self.fresh and self.buffer.waiting:
            action = self._begin()
        perform = (self._decode, self._expand, self._merge, self._accelerate, self._preemptive_expand, self._make_noise)
        perform[action]()
        if self.mode not in (NOISE, EXPAND):
            self.noise_tick = None
        return action

    def _begin(self) -> int:
        """Start the clock of the output at the first packet, and forget all about earlier ones."""
        self.end = int(self.arrivals.start[self.buffer.waiting[0]])
        self.fresh, self.stretched = False, False
        self.stretch_tick = self.tick + STRETCH_INTERVAL_TICKS + 1
        if self.tick > self.first_tick:
            self._learn(since=self.tick)
        return NORMAL

    def _decode(self, samples: int | None = None) -> None:
        first, last, taken = self.buffer.extract(samples or self.step, self.tick)
        self._place(first, last, self.signal.size, late=True)
        if self.mode == EXPAND:
            self.signal.resume(first, last, taken)
        else:
            self.signal.decode(first, last, taken)
        self._enter(NORMAL, last)

    def _place(self, first: int, last: int, place: int, *, late: bool) -> None:
        """Remember where packets stand in the output, and close the concealment before them."""
        self.trace.place[first:last] = place + self.arrivals.start[first:last] - self.arrivals.start[first]
        self.trace.close_concealment(place, late=late)

    def _enter(self, mode: int, last: int) -> None:
        """Note what was decoded: comfort noise does not move the media clock, it starts the clock of the noise."""
        start, length = int(self.arrivals.start[last - 1]), int(self.arrivals.length[last - 1])
        if self.arrivals.dtx[last - 1]:
            self.mode, self.noise_tick, self.last_was_noise, self.end = NOISE, self.tick, True, start
        else:
            self.mode, self.last_was_noise, self.end = mode, False, start + length

    def _make_noise(self) -> None:
        self.signal.noise(self.step)
        self.trace.counts["comfort_noise_samples"] += self.step

    # -- concealment --------------------------------------------------------------------------------------------------

    def _expand(self) -> None:
        if self.mode != EXPAND:
            self.signal.start_expand()
            self.trace.open_concealment(self.signal.size)
        while self.left() < self.step:
            self._count_silence(self.signal.expand())
        self.mode = EXPAND
        if self.noise_tick is None:
            self.noise_tick = self.tick

    def _is_silent(self) -> bool:
        """Tell whether the concealment has faded away (expand.cc, Muted)."""
        return self.mode == EXPAND and self.signal.fade.gain == 0

    def _count_silence(self, samples: int) -> None:
        if self.signal.fade.gain == 0 or self.last_was_noise:
            self.trace.counts["silent_concealed_samples"] += samples

    def _stay_silent(self) -> int:
        self.signal.noise(self.step)
        self._count_silence(self.step)
        return EXPAND

    def _merge(self) -> None:
        future = self.signal.size - self.heard
        first, last, taken = self.buffer.extract(self.step, self.tick)
        least = max(0, max(future, self.step + self.overlap) - taken)
        overtaken = first > 0 and int(self.arrivals.start[first - 1]) >= self.end  # it comes after all
        self._place(first, last, self.heard, late=overtaken)
        shift = self.signal.merge(first, last, samples=taken, future=future, least=least)
        self.trace.place[first:last] += shift
        self.trace.concealments[-1].end += shift
        self._count_silence(shift - future)
        self._enter(MERGE, last)

    # -- time scaling -------------------------------------------------------------------------------------------------

    def _accelerate(self) -> None:
        """Take a period out, once 30 ms of decoded audio are together."""
        left, long_frames = self.left(), self._has_long_frames()
        enough = left >= STRETCH_TICKS * self.step
        if not enough and left >= self.step and long_frames:
            return
        if not enough:
            building = left < (STRETCH_TICKS - 1) * self.step and not long_frames
            self._decode((STRETCH_TICKS - 1) * self.step if building else self.step)
            if building or self.mode == NOISE or self.left() < STRETCH_TICKS * self.step:
                return
        self._stretch(ACCELERATE, decoded=self.left() - left)

    def _preemptive_expand(self) -> None:
        """Put a period in; less than 30 ms of decoded audio are topped up with what was played."""
        left, long_frames = self.left(), self._has_long_frames()
        if left < STRETCH_TICKS * self.step and not (left >= self.step and long_frames):
            building = left < (STRETCH_TICKS - 1) * self.step and not long_frames
            self._decode((STRETCH_TICKS - 1) * self.step if building else self.step)
            if self.mode == NOISE:
                return
        self._stretch(PREEMPTIVE, decoded=self.left() - left)

    def _has_long_frames(self) -> bool:
        return int(self.arrivals.length[self.buffer.waiting[0]]) >= STRETCH_TICKS * self.step

    def _stretch(self, action: int, *, decoded: int) -> None:
        """Scale time in the last 30 ms of the output, of which `decoded` samples are new."""
        window = max(STRETCH_TICKS * self.step, decoded)
        joint = self.signal.size - window + STRETCH_TICKS * self.step // 2
        if action == ACCELERATE:
            change = -self.signal.accelerate(decoded)
        else:
            future = self.left() - decoded + self.overlap
            change = self.signal.preemptive_expand(decoded, heard=max(0, window - decoded - future))
        self.trace.stretched[self.tick] = change
        self._move_packets(joint, change)
        self.stretched, self.mode = True, action if change else FAILED

    def _move_packets(self, joint: int, change: int) -> None:
        """Shift the packets that start behind the joint of a time scaling."""
        last = int(np.searchsorted(self.arrivals.start, self.end))
        recent = np.arange(max(0, last - RECENT_PACKETS), last)
        self.trace.place[recent[self.trace.place[recent] > joint]] += change
