"""The site of a glitch: the packets on either side of it, and what the planes of evidence measured there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from forensics.causes.ahead import Ahead, find_ahead
from forensics.clocks.reports import read_sender_clock
from forensics.glitches.merge import REFILL_S
from forensics.glitches.playout import EMPTIEST
from forensics.model import Capture, Glitch, RtpStream, Scene

BASE_PACKETS = 10
"""Packets before the glitch whose median lateness is the baseline: 200 ms, enough for a median, short against drift."""

NEAR_PACKETS = 5
"""A located packet so near speaks for the one beside the glitch: decoders need some packets to recover after a gap."""

GROWTH_WINDOW_S = 3.0
"""How far back a delay that creeps up is looked for: a source at nine tenths of real time is 300 ms behind by then."""

REFILLED_S = 0.02
"""A playout curve that stepped by more between two packets had a hole there, behind which the buffer was filled anew:
one time scaling inserts one pitch period, at most 15 ms."""


@dataclass(frozen=True)
class Site:
    """One glitch in its surroundings. `before` and `after` are journey positions."""

    glitch: Glitch
    scene: Scene
    stream: RtpStream
    journey: pd.DataFrame
    before: int
    after: int

    def measured(self, name: str) -> float:
        """Return a measurement of the glitch, NaN where it was not taken."""
        return float(self.glitch.measurements.get(name, np.nan))

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames to open: the last good packet and the first one after."""
        return self.glitch.frames

    @cached_property
    def curve_step_s(self) -> float:
        """Step of the playout curve from the last located packet before to the first one behind; NaN without both."""
        located = self.journey["located"].to_numpy()
        earlier = np.flatnonzero(located[max(0, self.before - NEAR_PACKETS) : self.before + 1])
        later = np.flatnonzero(located[self.after : self.after + NEAR_PACKETS + 1])
        if len(earlier) == 0 or len(later) == 0:
            return float("nan")
        offset_s = (self.journey["heard_s"] - self.journey["media_s"]).to_numpy()
        return float(offset_s[self.after + later[0]] - offset_s[max(0, self.before - NEAR_PACKETS) + earlier[-1]])

    @property
    def hole_s(self) -> float:
        """Recording time between the two packets beyond what their timestamps leave between them."""
        return self.glitch.end_s - self.glitch.start_s

    @cached_property
    def ahead(self) -> Ahead | None:
        """The packets before the glitch that came ahead of their time; None where they were paced."""
        return find_ahead(self.journey, self.before, base_packets=BASE_PACKETS)

    @cached_property
    def _base(self) -> slice:
        """The packets that say when packets usually came: those before the glitch, or before what came ahead of it."""
        last = self.before if self.ahead is None else self.ahead.first
        return slice(max(0, last - BASE_PACKETS + 1), last + 1)

    @cached_property
    def base_lateness_s(self) -> float:
        """Median lateness of the packets before the glitch."""
        return float(np.median(self.journey["lateness_s"].to_numpy()[self._base]))

    @cached_property
    def unsteadiness_s(self) -> float:
        """Standard deviation of the lateness of those packets."""
        return float(np.std(self.journey["lateness_s"].to_numpy()[self._base]))

    @cached_property
    def lateness_s(self) -> float:
        """How much later than those before the packet behind the glitch came."""
        return float(self.journey["lateness_s"].iat[self.after]) - self.base_lateness_s

    @cached_property
    def departure_s(self) -> float:
        """The same at the sender's tap; NaN where there is none."""
        departure_s, media_s = self.journey["departure_s"].to_numpy(), self.journey["media_s"].to_numpy()
        behind, earlier = (departure_s[where] - media_s[where] for where in (self.after, self._base))
        if np.isnan(behind) or np.isnan(earlier).all():
            return float("nan")
        return float(behind - np.nanmedian(earlier))

    @cached_property
    def growth_s(self) -> float:
        """How much the lateness had grown, packet by packet, over the `GROWTH_WINDOW_S` before the glitch."""
        return self._growth(self.journey["lateness_s"].to_numpy())

    @cached_property
    def refilled_s(self) -> float:
        """When the buffer last had a hole, on the capture's clock: as the packet behind came; -infinity if not lately.

        One within `REFILL_S` is none of its own: the buffer was still filling up behind it.
        """
        stop = self.before + 1
        start = max(0, stop - round(GROWTH_WINDOW_S / float(self.journey["duration_s"].iat[self.before])))
        heard_s, media_s, arrival_s, discarded = (
            self.journey[name].to_numpy()[start:stop] for name in ("heard_s", "media_s", "arrival_s", "discarded")
        )
        played = ~discarded & np.isfinite(heard_s)
        behind = np.append(False, np.diff((heard_s - media_s)[played]) > REFILLED_S)
        came_s = arrival_s[played][behind[: played.sum()]]
        return float(came_s[came_s <= arrival_s[-1] - REFILL_S].max(initial=-np.inf))

    @cached_property
    def crept_over_s(self) -> float:
        """How long before the glitch a delay can have crept up that emptied the buffer: since it was last filled."""
        since_s = float(self.journey["arrival_s"].iat[self.before]) - self.refilled_s
        return min(GROWTH_WINDOW_S, max(since_s, 0.0))

    @cached_property
    def crept_s(self) -> float:
        """How much the lateness had grown in that time; what it grew before opened another hole."""
        return self._growth(self.journey["lateness_s"].to_numpy(), over_s=self.crept_over_s)

    @cached_property
    def departure_crept_s(self) -> float:
        """The same at the sender's tap; NaN where there is none."""
        departure_s = (self.journey["departure_s"] - self.journey["media_s"]).to_numpy()
        return self._growth(departure_s, over_s=self.crept_over_s)

    @cached_property
    def sender_clock_crept_s(self) -> float:
        """Growth of the sender's wall clock against its media clock meanwhile; NaN without reports around it."""
        reports = read_sender_clock(self.stream)
        start_s = float(self.journey["arrival_s"].iat[self.before]) - self.crept_over_s
        earlier = reports[reports["arrival_s"] <= start_s]
        later = reports[reports["media_s"] >= float(self.journey["media_s"].iat[self.before])]
        if len(earlier) == 0 or len(later) == 0:
            return float("nan")
        return float(later["offset_s"].iat[0] - earlier["offset_s"].iat[-1])

    def _growth(self, delay_s: np.ndarray, *, over_s: float = GROWTH_WINDOW_S) -> float:
        arrival_s = self.journey["arrival_s"].to_numpy()[: self.before + 1]
        recent = delay_s[: self.before + 1][arrival_s >= arrival_s[-1] - over_s]
        recent = recent[np.isfinite(recent)]
        return float(np.median(recent[-5:]) - np.quantile(recent, 0.05)) if len(recent) else float("nan")

    @cached_property
    def wait_s(self) -> np.ndarray:
        """From arrival to playout, packet by packet, less the wait of the emptiest buffer before the glitch."""
        wait_s = (self.journey["heard_s"] - self.journey["arrival_s"]).to_numpy()
        located = self.journey["located"].to_numpy()[: self.before + 1]
        return wait_s - float(np.nanquantile(wait_s[: self.before + 1][located], EMPTIEST)) if located.any() else wait_s

    @cached_property
    def held_s(self) -> float:
        """Audio in the buffer when the packet before the glitch was played."""
        played_s = float(self.journey["arrival_s"].iat[self.before]) + float(self.wait_s[self.before])
        media_s = self.journey["media_s"].to_numpy() + self.journey["duration_s"].to_numpy()
        arrived = media_s[self.journey["arrival_s"].to_numpy() <= played_s]
        return max(float(arrived.max(initial=-np.inf)) - float(media_s[self.before]), float(self.wait_s[self.before]))

    @cached_property
    def slack_s(self) -> float:
        """By how much the packets inside the glitch came before they were due; negative: behind their playout."""
        inside = self.journey.iloc[self.before + 1 : max(self.after, self.before + 2)]
        offset_s = float(self.journey["heard_s"].iat[self.before] - self.journey["media_s"].iat[self.before])
        emptiest_s = float(self.journey["heard_s"].iat[self.before] - self.journey["arrival_s"].iat[self.before])
        emptiest_s -= float(self.wait_s[self.before])
        return float((inside["media_s"] + offset_s - emptiest_s - inside["arrival_s"]).min())

    @cached_property
    def witnessed(self) -> bool:
        """Whether anything but the voice itself tells of the sender or the path: reports, a tap, another flow."""
        if np.isfinite(self.departure_s) or len(read_sender_clock(self.stream)):
            return True
        return self.scene.capture is not None and _sent_besides(self.scene.capture, self.stream) > 0

    def lateness_after_s(self, start_s: float, stop_s: float) -> np.ndarray:
        """Lateness, against the baseline, of the packets that arrived so long after the first one behind the glitch."""
        arrival_s = self.journey["arrival_s"].to_numpy()
        since_s = arrival_s - arrival_s[self.after]
        later = (since_s >= start_s) & (since_s <= stop_s) & (np.arange(len(arrival_s)) > self.after)
        return self.journey["lateness_s"].to_numpy()[later] - self.base_lateness_s

    @cached_property
    def sender_clock_step_s(self) -> float:
        """Step of the sender's wall clock against its media clock over the glitch; NaN without reports around it."""
        reports = read_sender_clock(self.stream)
        media_s = self.journey["media_s"].to_numpy()
        earlier = reports[reports["media_s"] <= media_s[self.before]]
        later = reports[reports["media_s"] >= media_s[self.after]]
        if len(earlier) == 0 or len(later) == 0:
            return float("nan")
        return float(later["offset_s"].iat[0] - earlier["offset_s"].iat[-1])


@lru_cache(maxsize=2)
def _sent_besides(capture: Capture, stream: RtpStream) -> int:
    """Datagrams beside those of a stream that the tap saw coming from its sender."""
    source = stream.source.rpartition(":")[0]
    flows = capture.flows[capture.flows["source_address"] == source]
    return int(flows["datagrams"].sum()) - len(stream.packets)


def find_site(glitch: Glitch, scene: Scene) -> Site | None:
    """Look the frames of a glitch up in the journey; None for a glitch that no two packets enclose."""
    if scene.journey is None or scene.downlink is None or len(glitch.frames) < 2:
        return None
    frames = scene.journey["frame"].to_numpy()
    before, after = np.flatnonzero(frames == glitch.frames[0]), np.flatnonzero(frames == glitch.frames[-1])
    if len(before) == 0 or len(after) == 0:
        return None
    return Site(glitch, scene, scene.downlink, scene.journey, int(before[0]), int(after[0]))
