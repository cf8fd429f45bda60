"""Sound laid on the time axis: the recording as it is, and the sent audio placed where each packet was heard."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forensics.model import AudioTrack, Playout, RtpStream, Scene
from forensics.views.axis import Axis

SPLICE_S = 0.005
"""A packet that is heard further than this from where its piece has it begins a new piece. Smaller differences are not
seen at the scale of a call, and NetEq's time scaling changes at least one pitch period, 2.5 ms, at a time."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples `first` to `last` (excluded) of a track, heard from axis sample `at`."""

    at: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples on the axis; sample 0 stands at `start_s`. What no piece covers is silence that nobody recorded.

    Attributes
    ----------
    name, label : str
        Its key and the words that people read.
    track : AudioTrack
        Where the samples are; they are never copied.
    start_s, duration_s : float
        Place and extent on the axis in seconds.
    pieces : tuple of Piece
        In the order of the axis, without overlap.
    """

    name: str
    label: str
    track: AudioTrack
    start_s: float
    duration_s: float
    pieces: tuple[Piece, ...]
    overviews: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the track."""
        return self.track.sample_rate_hz

    @property
    def length(self) -> int:
        """Number of samples on the axis."""
        return round(self.duration_s * self.sample_rate_hz)

    def read(self, first: int, count: int) -> np.ndarray:
        """Return axis samples `first` to `first + count`, zero where there are none; float32 of shape (count,)."""
        if self._whole:
            return self._read_whole(first, count)
        out = np.zeros(count, dtype=np.float32)
        for piece in self._pieces_within(first, first + count):
            begin = max(first, piece.at)
            end = min(first + count, piece.at + piece.last - piece.first)
            shift = piece.first - piece.at
            out[begin - first : end - first] = self.track.samples[begin + shift : end + shift]
        return out

    def known_at(self, samples: np.ndarray) -> np.ndarray:
        """Tell for each axis sample whether anything was recorded or decoded there; bool, of the same shape."""
        if self._whole and not self.track.known:
            return np.ones(len(samples), dtype=bool)
        stretches = self._stretches()
        index = np.searchsorted(stretches[:, 0], samples, side="right") - 1
        return (index >= 0) & (samples <= stretches[np.maximum(index, 0), 1])

    @property
    def _whole(self) -> bool:
        """The track as it is, from sample 0 on."""
        return self.pieces == (Piece(0, 0, len(self.track.samples)),)

    def _stretches(self) -> np.ndarray:
        """Return what is known, as (start, end) in axis samples."""
        if self._whole:
            return np.asarray(self.track.known) * self.sample_rate_hz
        return np.array([(p.at, p.at + p.last - p.first) for p in self.pieces], dtype=float)

    def _read_whole(self, first: int, count: int) -> np.ndarray:
        samples = self.track.samples[max(first, 0) : max(first + count, 0)]
        if len(samples) == count:
            return samples
        out = np.zeros(count, dtype=np.float32)
        begin = max(-first, 0)
        out[begin : begin + len(samples)] = samples
        return out

    def _pieces_within(self, first: int, last: int) -> tuple[Piece, ...]:
        starts = [p.at for p in self.pieces]
        begin = max(int(np.searchsorted(starts, first, side="right")) - 1, 0)
        end = int(np.searchsorted(starts, last, side="left"))
        return tuple(p for p in self.pieces[begin:end] if p.at + p.last - p.first > first)


def scene_sounds(scene: Scene, axis: Axis) -> dict[str, Sound]:
    """Lay every sound of `scene` on `axis`: "heard", "sent" and "microphone", those that there are."""
    sounds = {}
    if scene.recording is not None and axis.name == "recording":
        sounds["heard"] = _whole("heard", "As heard", scene.recording, 0.0)
    if scene.sent is not None and scene.downlink is not None and len(scene.downlink.packets):
        sounds["sent"] = lay_sent(scene.sent, scene.downlink, scene.heard or scene.replay, axis=axis)
    if scene.microphone is not None and axis.name == "recording":
        sounds["microphone"] = _whole("microphone", "Microphone", scene.microphone, _microphone_start(scene, axis))
    return sounds


def lay_sent(sent: AudioTrack, stream: RtpStream, playout: Playout | None, *, axis: Axis) -> Sound:
    """Place the decoded audio of `stream` where each packet was heard; failing that, where it arrived undelayed.

    Notes
    -----
    Within a piece the audio keeps its own speed: what the jitter buffer stretched or shortened by less than
    `SPLICE_S` a packet is drawn unstretched.
    """
    placed = _heard_rows(playout, axis)
    if placed is None:
        whole = (Piece(0, 0, len(sent.samples)),)
        return Sound("sent", "As sent", sent, _undelayed_start(stream, axis), sent.duration_s, whole)
    pieces = _pieces(placed, sent)
    return Sound("sent", "As sent", sent, 0.0, (pieces[-1].at + pieces[-1].last - pieces[-1].first)
                 / sent.sample_rate_hz, pieces)  # fmt: skip


def _whole(name: str, label: str, track: AudioTrack, start_s: float) -> Sound:
    return Sound(name, label, track, start_s, track.duration_s, (Piece(0, 0, len(track.samples)),))


def _microphone_start(scene: Scene, axis: Axis) -> float:
    clock = scene.clocks.get("microphone")
    return 0.0 if clock is None else float(axis.from_capture(clock.to_capture_s(0.0)))


def _undelayed_start(stream: RtpStream, axis: Axis) -> float:
    """Axis time of media time 0, had every packet taken the shortest delay that was seen."""
    packets = stream.packets
    first = packets["ext_timestamp"].iat[0]
    media_s = (packets["ext_timestamp"] - first) / stream.codec.clock_rate_hz
    start_s = (packets["arrival_s"] - media_s - packets["relative_delay_s"]).median()
    return float(axis.from_capture(start_s))


def _heard_rows(playout: Playout | None, axis: Axis) -> pd.DataFrame | None:
    """Packets in media order with `heard_s` on the axis; a replay predicts it on the clock of the capture."""
    if playout is None or not np.isfinite(playout.packets["heard_s"]).any():
        return None
    rows = playout.packets.sort_values("media_s")
    return rows if playout.method == "heard" else rows.assign(heard_s=axis.from_capture(rows["heard_s"]))


def _pieces(placed: pd.DataFrame, sent: AudioTrack) -> tuple[Piece, ...]:
    """Group packets that were heard at one constant offset; a packet not found takes its predecessor's."""
    media_s = placed["media_s"].to_numpy()
    offset_s = (placed["heard_s"] - placed["media_s"]).ffill().bfill().to_numpy()
    ends_s = media_s + placed["duration_s"].to_numpy()
    cuts = _cuts(offset_s)
    pieces = []
    for begin, end in zip([0, *cuts], [*cuts, len(media_s)], strict=True):
        shift_s = float(np.median(offset_s[begin:end]))
        pieces.append((media_s[begin] + shift_s, media_s[begin], ends_s[end - 1]))
    return _without_overlap(pieces, sent)


def _cuts(offset_s: np.ndarray) -> list[int]:
    """Return where the offset has moved from that of its piece's first packet by more than `SPLICE_S`."""
    cuts, first_s = [], offset_s[0]
    for row, at_s in enumerate(offset_s.tolist()):
        if abs(at_s - first_s) > SPLICE_S:
            cuts.append(row)
            first_s = at_s
    return cuts


def _without_overlap(pieces: list[tuple[float, float, float]], sent: AudioTrack) -> tuple[Piece, ...]:
    """Cut each piece where the next one starts to be heard; in samples of the track."""
    rate = sent.sample_rate_hz
    out = []
    for index, (at_s, first_s, last_s) in enumerate(pieces):
        next_s = pieces[index + 1][0] if index + 1 < len(pieces) else np.inf
        heard_until_s = min(last_s, first_s + next_s - at_s)
        at, first = round(at_s * rate), round(first_s * rate)
        last = min(round(heard_until_s * rate), len(sent.samples))
        if last > first and at >= 0:
            out.append(Piece(at, first, last))
    return tuple(out) or (Piece(0, 0, 0),)
