"""The data of the timeline: a plain header, arrays, and tiles that are made when they are looked at.

`View` knows neither HTML nor widgets. The widget answers the browser's requests from it; the report asks it for
every tile it wants to carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from forensics.model import Diagnosis, RtpStream
from forensics.views import activity, spectrogram, waveform
from forensics.views.axis import Axis, scene_axis
from forensics.views.findings import plain, prompt_rows, turn_rows, verdict_rows
from forensics.views.lanes import lane_specs
from forensics.views.model_log import audio_event_times, event_rows, setup_rows, slack_arrays
from forensics.views.packets import lost_arrays, packet_arrays
from forensics.views.palette import looks_as_data
from forensics.views.sound import Sound, scene_sounds
from forensics.views.statistics import buffer_arrays


@dataclass(frozen=True, eq=False)
class View:
    """What a timeline shows of one diagnosis.

    Attributes
    ----------
    diagnosis : Diagnosis
    axis : Axis
    sounds : dict of Sound
        By name: "heard", "sent", "microphone".
    """

    diagnosis: Diagnosis
    axis: Axis
    sounds: dict[str, Sound]

    @cached_property
    def streams(self) -> dict[str, RtpStream]:
        """The RTP streams with a lane, by name."""
        named = {"downlink": self.diagnosis.scene.downlink, "uplink": self.diagnosis.scene.uplink}
        return {name: stream for name, stream in named.items() if stream is not None and len(stream.packets)}

    @cached_property
    def header(self) -> dict[str, Any]:
        """Everything but bulk data, as JSON holds it."""
        scene = self.diagnosis.scene
        return plain({
            "title": scene.case.name,
            "axis": self.axis.as_data(),
            "causes": looks_as_data(),
            "glitches": verdict_rows(self.diagnosis, self.axis),
            "turns": turn_rows(scene.turns),
            "prompts": prompt_rows(self.diagnosis.prompts),
            "events": event_rows(scene, self.axis),
            "setup": setup_rows(scene, self.axis),
            "sounds": {name: _sound_facts(sound) for name, sound in self.sounds.items()},
            "lanes": lane_specs(self),
            "tiles": {
                "wave": {"columns": waveform.TILE_COLUMNS, "factor": waveform.LEVEL_FACTOR},
                "spectrogram": {"columns": spectrogram.TILE_COLUMNS, "factor": spectrogram.LEVEL_FACTOR,
                                "hop_s": spectrogram.HOP_S, "rows": spectrogram.ROWS,
                                "floor_db": spectrogram.FLOOR_DB},
            },
        })  # fmt: skip

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Bulk data by name, as "downlink/packets/at_s", "downlink/lost/at_s" or "downlink/buffer/level_ms"."""
        scene, axis = self.diagnosis.scene, self.axis
        tables: dict[str, dict[str, np.ndarray]] = {"downlink/buffer": self._buffer_arrays()}
        for name, stream in self.streams.items():
            replay = scene.replay if name == "downlink" else None
            tables[f"{name}/packets"] = packet_arrays(stream, axis, replay=replay)
            tables[f"{name}/lost"] = lost_arrays(stream, axis)
        tables["slack"] = slack_arrays(scene, axis)
        tables["statistics"] = buffer_arrays(scene, axis)
        produced_s = audio_event_times(scene, axis)
        tables["events"] = {"audio_s": produced_s} if len(produced_s) else {}
        return {f"{table}/{key}": values for table, columns in tables.items() for key, values in columns.items()}

    def tile(self, key: str) -> np.ndarray:
        """Return the tile called `key`: "<sound>/<wave|mel|linear|activity>/<level>/<index>".

        Raises
        ------
        KeyError
            Where there is no such sound or kind.
        """
        name, kind, level, index = key.split("/")
        sound = self.sounds[name]
        if kind == "wave":
            return waveform.wave_tile(sound, level=int(level), index=int(index))
        if kind == "activity":
            return activity.speech_tile(sound)
        if kind not in ("mel", "linear"):
            raise KeyError(f"No kind of tile {kind!r}; there are: wave, mel, linear, activity.")
        return spectrogram.spectrogram_tile(sound, scale=kind, level=int(level), index=int(index))

    def clip(self, name: str, *, start_s: float, seconds: float) -> np.ndarray:
        """Return the samples of sound `name` from axis time `start_s` on; float32, silence where there are none."""
        sound = self.sounds[name]
        rate = sound.sample_rate_hz
        return sound.read(round((start_s - sound.start_s) * rate), round(seconds * rate))

    def _buffer_arrays(self) -> dict[str, np.ndarray]:
        """Target and level of the replayed jitter buffer, in milliseconds over the axis."""
        replay = self.diagnosis.scene.replay
        if replay is None or replay.curve is None or "downlink" not in self.streams:
            return {}
        curve = replay.curve
        return {
            "at_s": np.asarray(self.axis.from_capture(curve["tick_s"].to_numpy()), dtype=np.float64),
            "target_ms": (curve["target_delay_s"] * 1e3).to_numpy(dtype=np.float32),
            "level_ms": (curve["buffer_s"] * 1e3).to_numpy(dtype=np.float32),
        }


def make_view(diagnosis: Diagnosis) -> View:
    """Lay `diagnosis` out on one axis; cheap, as all bulk data is made when asked for."""
    axis = scene_axis(diagnosis.scene)
    return View(diagnosis, axis, scene_sounds(diagnosis.scene, axis))


def _sound_facts(sound: Sound) -> dict[str, Any]:
    return {
        "label": sound.label,
        "rate_hz": sound.sample_rate_hz,
        "start_s": sound.start_s,
        "duration_s": sound.duration_s,
        "wave_levels": waveform.wave_levels(sound),
        "spectrogram_levels": spectrogram.spectrogram_levels(sound),
        "edges_hz": {s: spectrogram.row_edges_hz(sound.sample_rate_hz, s).round(1).tolist() for s in ("mel", "linear")},
    }
