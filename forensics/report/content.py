"""What the renderer finds in the page: which arrays, tiles and sounds a report carries, so that it stays small."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from forensics.report.clips import CALL_BIT_RATE, Format, sound_clip
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

FINEST_WAVE_S = 1e-3  # a column of the finest waveform lasts at least this long
FINEST_SPECTROGRAM_LEVEL = 1  # 10 ms
LEVEL_STEP = 4  # bytes of a spectrogram are rounded to this: 1.6 dB, which halves them
PACKET_ROWS = 20_000
CURVE_ROWS = 8_000  # of the replayed buffer's 100 a second
MARGIN_S = 0.7
"""How much of the call a glitch's picture and clip show on either side."""

ENVELOPE_S = 0.05
"""Columns of a waveform that says nothing of what was spoken: syllables last 150 to 250 ms, sounds of speech 30 to
100 ms, and an envelope of 50 ms and more without its spectrum keeps neither voice nor words (inference)."""

Window = tuple[float, float]


class Audio(StrEnum):
    """How much of what was spoken leaves with the page; a spectrogram and a fine waveform leak speech, too."""

    CALL = "call"  # everything
    GLITCHES = "glitches"  # sound, spectrogram and fine waveform around the glitches only
    NONE = "none"  # no sound and no spectrogram, and of the waveform the envelope


def page_data(view: View, *, audio: Audio = Audio.CALL, clips: Format = Format.WEBM) -> dict[str, Any]:
    """Return what the page's script needs to show `view`, as JSON holds it."""
    windows = [glitch_window(view, row) for row in view.header["glitches"]]
    shown = [name for name in ("heard", "sent") if name in view.sounds]
    whole = audio is Audio.CALL and view.axis.end_s - view.axis.start_s <= WHOLE_AUDIO_S
    return {
        "header": view.header | {"lanes": [lane for lane in view.header["lanes"] if _has_lane(lane, shown, audio)]},
        "scales": ["mel"],
        "arrays": {name: packed(values) for name, values in _arrays(view, windows).items()},
        "tiles": {key: packed(tile) for name in shown for key, tile in _tiles(view, name, windows, audio=audio)},
        "audio": {name: _whole_sound(view.sounds[name], clips) for name in shown} if whole else {},
    }


def glitch_window(view: View, row: dict[str, Any]) -> Window:
    """Return the stretch of the axis that shows the glitch of `row`, as heard and as captured."""
    times = [row["start_s"], row["end_s"], *(row["captured_s"] or ())]
    return max(min(times) - MARGIN_S, view.axis.start_s), min(max(times) + MARGIN_S, view.axis.end_s)


def _has_lane(lane: dict[str, Any], sounds: Sequence[str], audio: Audio) -> bool:
    if "sound" not in lane:
        return True
    return lane["sound"] in sounds and (audio is not Audio.NONE or lane["kind"] == "wave")


def _whole_sound(sound: Sound, clips: Format) -> dict[str, Any]:
    samples = sound.read(0, sound.length)
    octets = sound_clip(samples, sample_rate_hz=sound.sample_rate_hz, format=clips, bit_rate=CALL_BIT_RATE)
    return {"start_s": sound.start_s, "text": base64.b64encode(octets).decode("ascii")}


def _arrays(view: View, windows: list[Window]) -> dict[str, np.ndarray]:
    out = dict(view.arrays)
    for stream in view.streams:
        packets, curve = _named(out, f"{stream}/packets/"), _named(out, f"{stream}/buffer/")
        thin = thinned(packets, rows=PACKET_ROWS, keep_s=windows)
        out |= {f"{stream}/packets/{name}": values for name, values in thin.items()}
        out |= {f"{stream}/buffer/{name}": values for name, values in _thinned_curve(curve, windows).items()}
    return out


def _named(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


def _thinned_curve(curve: dict[str, np.ndarray], windows: list[Window]) -> dict[str, np.ndarray]:
    """Keep of the buffer's curve what packets are kept by: all near glitches, steps of the target, extremes between."""
    if not curve:
        return {}
    steps = np.diff(curve["target_ms"], prepend=curve["target_ms"][:1]) != 0
    as_packets = {"kind": steps, "delay_ms": np.nan_to_num(curve["level_ms"])}
    kept = thinned(curve | as_packets, rows=CURVE_ROWS, keep_s=windows)
    return {name: kept[name] for name in curve}


def _tiles(view: View, name: str, windows: list[Window], *, audio: Audio) -> Iterator[tuple[str, np.ndarray]]:
    """Give the tiles of one sound with their keys; of a long call the sent sound has no fine spectrogram."""
    sound = view.sounds[name]
    yield f"{name}/activity/0/0", view.tile(f"{name}/activity/0/0")
    near = [] if audio is Audio.NONE else windows
    waves = _wave_levels(sound)
    for level, column_s in waves:
        whole = audio is Audio.CALL or column_s >= ENVELOPE_S
        yield from _level(view, f"{name}/wave/{level}", column_s, near if level == waves[0][0] else [], whole=whole)
    if audio is Audio.NONE:
        return
    for level, column_s in _spectrogram_levels(sound):
        fine = level == FINEST_SPECTROGRAM_LEVEL and name != "sent"
        tiles = _level(view, f"{name}/mel/{level}", column_s, near if fine else [], whole=audio is Audio.CALL)
        yield from ((key, _rounded(tile)) for key, tile in tiles)


def _wave_levels(sound: Sound) -> list[tuple[int, float]]:
    columns = [(i, waveform.LEVEL_FACTOR**i / sound.sample_rate_hz) for i in range(waveform.wave_levels(sound))]
    return [(level, column_s) for level, column_s in columns if column_s >= FINEST_WAVE_S] or columns[-1:]


def _spectrogram_levels(sound: Sound) -> list[tuple[int, float]]:
    levels = spectrogram.spectrogram_levels(sound)
    first = min(FINEST_SPECTROGRAM_LEVEL, levels - 1)
    return [(i, spectrogram.HOP_S * spectrogram.LEVEL_FACTOR**i) for i in range(first, levels)]


def _level(
    view: View, prefix: str, column_s: float, windows: list[Window], *, whole: bool
) -> Iterator[tuple[str, np.ndarray]]:
    """Give all tiles of a level where they may and are few bytes, else those around `windows`, blank outside them."""
    sound = view.sounds[prefix.partition("/")[0]]
    wave = "/wave/" in prefix
    tile_s = column_s * (waveform.TILE_COLUMNS if wave else spectrogram.TILE_COLUMNS)
    indices = range(int(sound.duration_s / tile_s) + 1)
    whole = whole and sound.duration_s / column_s * (4 if wave else spectrogram.ROWS) <= LEVEL_BYTES
    for index in indices if whole else _near(sound, tile_s, windows):
        tile = view.tile(f"{prefix}/{index}")
        if len(tile):
            start_s = sound.start_s + index * tile_s
            yield f"{prefix}/{index}", tile if whole else _blanked(tile, start_s, column_s, windows)


def _near(sound: Sound, tile_s: float, windows: list[Window]) -> list[int]:
    """Tiles of a level that touch `windows`."""
    last = int(sound.duration_s / tile_s)
    spans = [[int((at_s - sound.start_s) / tile_s) for at_s in window] for window in windows]
    return sorted({index for first, end in spans for index in range(max(first, 0), min(end, last) + 1)})


def _blanked(tile: np.ndarray, start_s: float, column_s: float, windows: list[Window]) -> np.ndarray:
    """Return `tile` with every column outside `windows` marked as not carried."""
    at_s = start_s + (np.arange(len(tile)) + 0.5) * column_s
    kept = np.zeros(len(tile), dtype=bool)
    for window in windows:
        kept |= (at_s >= window[0]) & (at_s <= window[1])
    blank = waveform.NOT_CARRIED if tile.dtype == np.int16 else spectrogram.NOT_CARRIED
    return np.where(kept[:, np.newaxis], tile, np.asarray(blank, dtype=tile.dtype))


def _rounded(tile: np.ndarray) -> np.ndarray:
    """Round levels to `LEVEL_STEP`, leaving the codes that are no level."""
    coarse = (tile // LEVEL_STEP * LEVEL_STEP + LEVEL_STEP // 2).astype(np.uint8)
    return np.where(tile < spectrogram.QUIETEST, tile, np.maximum(coarse, spectrogram.QUIETEST)).astype(np.uint8)
