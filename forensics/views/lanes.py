"""Which lanes a timeline has, in their order from top to bottom, and how each starts: open or folded, and how high."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forensics.views.model_log import event_rows

if TYPE_CHECKING:
    from forensics.views.view import View

HEIGHTS_PX = {"verdicts": 46, "turns": 52, "packets": 128, "wave": 84, "spectrogram": 132, "events": 44, "lines": 76,
              "activity": 40, "setup": 36}  # fmt: skip

BUFFER_LINES = (("delay", "delay_ms", "level"), ("target", "target_ms", "target"), ("concealed", "concealed_ms", "odd"))
"""Lines of the statistics: name, array, how they look."""


def lane_specs(view: View) -> list[dict[str, Any]]:
    """Return one plain spec per lane; what is not there has none."""
    return [*_concluded(view), *_transported(view), *_sounding(view)]


def _concluded(view: View) -> Iterator[dict[str, Any]]:
    """Give the lanes of verdicts, of who spoke, and of the model."""
    scene = view.diagnosis.scene
    yield _lane("verdicts", "verdicts", "Verdicts", "cause")
    if scene.turns:
        yield _lane("turns", "turns", "Turns", "latency")
    if view.sounds:
        yield _lane("speech", "activity", "Speech", "activity", sounds=[*view.sounds])
    if event_rows(scene, view.axis) or "events/audio_s" in view.arrays:
        yield _lane("events", "events", "Model events", "from its log")
    if "slack/at_s" in view.arrays:
        line = {"name": "slack", "at": "slack/at_s", "values": "slack/slack_ms", "look": "signed"}
        yield _lane("slack", "lines", "Slack", "model ahead of real time, ms", lines=[line])


def _transported(view: View) -> Iterator[dict[str, Any]]:
    """Give the lanes of packets, of the browser's statistics and of the set-up."""
    if view.diagnosis.scene.setup is not None and len(view.diagnosis.scene.setup):
        yield _lane("setup", "setup", "Call set-up", "phases")
    for name, label in (("downlink", "RTP downlink"), ("uplink", "RTP uplink")):
        if name in view.streams:
            yield _lane(name, "packets", label, "arrival − media, ms", folded=name == "uplink", stream=name)
        if name == "downlink" and "statistics/at_s" in view.arrays:
            yield _lane("statistics", "lines", "Statistics", "browser's buffer, ms", folded=True, lines=_buffer(view))


def _sounding(view: View) -> Iterator[dict[str, Any]]:
    """Give the lanes of sound: what was sent above what was heard, so that the two can be held against each other."""
    for kind, unit in (("wave", "amplitude, dBFS"), ("spectrogram", "kHz, level in dB")):
        for name, label in (("sent", "As sent"), ("heard", "As heard")):
            if name in view.sounds:
                folded = name == "sent" and "heard" in view.sounds
                yield _lane(f"{name}-{kind}", kind, label, unit, folded=folded, sound=name)
    if "microphone" in view.sounds:
        for kind, unit in (("wave", "amplitude, dBFS"), ("spectrogram", "kHz, level in dB")):
            yield _lane(f"microphone-{kind}", kind, "Microphone", unit, folded=True, sound="microphone")


def _buffer(view: View) -> list[dict[str, Any]]:
    lines = ((name, f"statistics/{array}", look) for name, array, look in BUFFER_LINES)
    return [
        {"name": name, "at": "statistics/at_s", "values": values, "look": look, "steps": True}
        for name, values, look in lines
        if values in view.arrays
    ]


def _lane(name: str, kind: str, label: str, unit: str, *, folded: bool = False, **more: Any) -> dict[str, Any]:
    height = HEIGHTS_PX[kind]
    return {"id": name, "kind": kind, "label": label, "unit": unit, "folded": folded, "height_px": height, **more}
