"""What the renderer finds in the page: which arrays, tiles and sounds a report carries, so that it stays small."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from forensics.report.clips import CALL_BIT_RATE, opus_clip
from forensics.report.embed import packed
from forensics.views import spectrogram, waveform
from forensics.views.packets import thinned
from forensics.views.sound import Sound
from forensics.views.view import View

WHOLE_AUDIO_S = 120.0
"""Calls up to this long carry all their sound: at 24 kbit/s 4 kB a second in the page."""

LEVEL_BYTES = 420_000
"""A level of tiles is carried for the whole call where it is no larger than this before packing; that is 40 s of
spectrogram at 10 ms."""

FINEST_WAVE_S = 1e-3  # a column of the finest waveform lasts about this long
FINEST_SPECTROGRAM_LEVEL = 1  # 10 ms
LEVEL_STEP = 4  # bytes of a spectrogram are rounded to this: 1.6 dB, which halves them
PACKET_ROWS = 20_000
MARGIN_S = 0.7
"""How much of the call a glitch's picture and clip show on either side."""


def page_data(view: View, *, audio: bool = True) -> dict[str, Any]:
    """Return what the page's script needs to show `view`, as JSON holds it."""
    windows = [glitch_window(view, row) for row in view.header["glitches"]]
    shown = [name for name in ("heard", "sent") if name in view.sounds]
    header = view.header | {
        "lanes": [lane for lane in view.header["lanes"] if lane.get("sound", "heard") in ("heard", "sent")]
    }
    return {
        "header": header,
        "scales": ["mel"],
        "arrays": {name: packed(values) for name, values in _arrays(view, windows).items()},
        "tiles": {key: packed(tile) for name in shown for key, tile in _tiles(view, name, windows)},
        "audio": {name: _whole_sound(view.sounds[name]) for name in shown} if audio and _short(view) else {},
    }  # fmt: skip


def glitch_window(view: View, row: dict[str, Any]) -> tuple[float, float]:
    """Return the stretch of the axis that shows the glitch of `row`, as heard and as captured."""
    times = [row["start_s"], row["end_s"]]
    if row["capture_start_s"] is not None and view.axis.clock is not None:
        times += [float(view.axis.from_capture(row[key])) for key in ("capture_start_s", "capture_end_s")]
    return max(min(times) - MARGIN_S, view.axis.start_s), min(max(times) + MARGIN_S, view.axis.end_s)


def _short(view: View) -> bool:
    return view.axis.end_s - view.axis.start_s <= WHOLE_AUDIO_S


def _whole_sound(sound: Sound) -> dict[str, Any]:
    octets = opus_clip(sound.read(0, sound.length), sample_rate_hz=sound.sample_rate_hz, bit_rate=CALL_BIT_RATE)
    return {"start_s": sound.start_s, "text": base64.b64encode(octets).decode("ascii")}


def _arrays(view: View, windows: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    out = {name: values for name, values in view.arrays.items() if "/packets/" not in name}
    for stream in view.streams:
        prefix = f"{stream}/packets/"
        table = {name.removeprefix(prefix): values for name, values in view.arrays.items() if name.startswith(prefix)}
        out |= {prefix + name: values for name, values in thinned(table, rows=PACKET_ROWS, keep_s=windows).items()}
    return out


def _tiles(view: View, name: str, windows: list[tuple[float, float]]) -> list[tuple[str, np.ndarray]]:
    sound = view.sounds[name]
    keys = [*_wave_keys(sound, windows), *_spectrogram_keys(sound, windows)]
    tiles = ((key, view.tile(key)) for key in keys)
    return [(key, _rounded(tile) if "/mel/" in key else tile) for key, tile in tiles if len(tile)]


def _wave_keys(sound: Sound, windows: list[tuple[float, float]]) -> list[str]:
    out = []
    for level in range(waveform.wave_levels(sound)):
        column_s = waveform.LEVEL_FACTOR**level / sound.sample_rate_hz
        if column_s < FINEST_WAVE_S:
            continue
        tile_s = column_s * waveform.TILE_COLUMNS
        indices = _indices(sound, tile_s, 4 / column_s, windows)
        out += [f"{sound.name}/wave/{level}/{i}" for i in indices]
    return out


def _spectrogram_keys(sound: Sound, windows: list[tuple[float, float]]) -> list[str]:
    out = []
    for level in range(
        min(FINEST_SPECTROGRAM_LEVEL, spectrogram.spectrogram_levels(sound) - 1), spectrogram.spectrogram_levels(sound)
    ):
        column_s = spectrogram.HOP_S * spectrogram.LEVEL_FACTOR**level
        tile_s = column_s * spectrogram.TILE_COLUMNS
        indices = _indices(sound, tile_s, spectrogram.ROWS / column_s, windows)
        out += [f"{sound.name}/mel/{level}/{i}" for i in indices]
    return out


def _indices(sound: Sound, tile_s: float, bytes_per_s: float, windows: list[tuple[float, float]]) -> list[int]:
    """Tiles of one level that the page carries: all of them where they are few bytes, else those around glitches."""
    last = int(sound.duration_s / tile_s)
    if bytes_per_s * sound.duration_s <= LEVEL_BYTES:
        return list(range(last + 1))
    wanted: set[int] = set()
    for start_s, end_s in windows:
        wanted.update(
            range(max(int((start_s - sound.start_s) / tile_s), 0), min(int((end_s - sound.start_s) / tile_s), last) + 1)
        )
    return sorted(wanted)


def _rounded(tile: np.ndarray) -> np.ndarray:
    """Round levels to `LEVEL_STEP`, leaving the two codes that are no level."""
    coarse = (tile // LEVEL_STEP * LEVEL_STEP + LEVEL_STEP // 2).astype(np.uint8)
    return np.where(tile < spectrogram.QUIETEST, tile, np.maximum(coarse, spectrogram.QUIETEST)).astype(np.uint8)
