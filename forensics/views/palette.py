"""How each cause looks and is called: one table for the canvas, the still figures, the workbench and the report.

A cause is always shown by colour and by glyph or pattern together, so that nothing depends on seeing colour. The
colours keep 4.5:1 against white (`light`) and against the dark ground (`dark`), and stay apart for the common colour
vision deficiencies: vermilion, blue, purple and ochre after Okabe and Ito's palette (jfly.uni-koeln.de/color).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from forensics.model import Cause


@dataclass(frozen=True, slots=True)
class Look:
    """Name, colours, pattern and glyph of one cause; the glyph is a stroked SVG path on a 16 by 16 grid."""

    label: str
    blame: str
    light: str
    dark: str
    pattern: str
    glyph: str


LOOKS: dict[Cause, Look] = {
    Cause.NETWORK_DROP: Look(
        "Network drop", "the network", "#bb3a0c", "#ff8a5c", "cross", "M4 4L12 12M12 4L4 12"
    ),
    Cause.BUFFER_UNDERRUN: Look(
        "Buffer underrun", "the path's delay or the receiver", "#0b62ac", "#63b3f7", "diagonal", "M4 3H12L4 13H12Z"
    ),
    Cause.LATE_MODEL_OUTPUT: Look(
        "Late model output", "the voice AI", "#8a35a6", "#d793ec", "dots",
        "M8 2.5A5.5 5.5 0 1 1 7.99 2.5M8 5V8.3L10.3 10",
    ),
    Cause.SENDER_POLICY: Look(
        "Sender policy", "the sender's choice", "#855c00", "#efb73e", "vertical", "M5.5 3.5V12.5M10.5 3.5V12.5"
    ),
    Cause.UNDETERMINED: Look(
        "Undetermined", "not decidable from this evidence", "#55606b", "#aab4bf", "plain",
        "M5.5 6A2.5 2.5 0 1 1 8 8.6V10M8 12.3V13.2",
    ),
    Cause.RECORDING_ARTEFACT: Look(
        "Recording artefact", "the recorder only", "#24756a", "#6fcabb", "horizontal", "M8 4A4 4 0 1 1 7.99 4"
    ),
    Cause.CAPTURE_LOSS: Look(
        "Capture loss", "the tap only", "#77574a", "#cbaa99", "backward", "M8 3A5 5 0 1 1 7.99 3M4.5 11.5L11.5 4.5"
    ),
}  # fmt: skip
"""The look of every cause."""

MECHANISM_LABELS: dict[str, str] = {"": "–"}
"""Mechanisms whose plain name is not their value without underscores."""


def cause_label(cause: Cause | str) -> str:
    """Return the plain name of `cause`: "network_drop" becomes "Network drop"."""
    return LOOKS[Cause(cause)].label


def mechanism_label(mechanism: str) -> str:
    """Return the plain name of `mechanism`: "burst_loss" becomes "burst loss"; a dash where there is none."""
    return MECHANISM_LABELS.get(mechanism, mechanism.replace("_", " "))


def cause_style() -> str:
    """Return the style rules that colour each cause: `.cause-x` strokes its glyph, `.fill-x` fills its marks."""
    return "\n".join(
        f".cause-{cause} {{ color: light-dark({look.light}, {look.dark}); stroke: currentColor; }}\n"
        f".fill-{cause} {{ fill: light-dark({look.light}, {look.dark}); }}"
        for cause, look in LOOKS.items()
    )


def looks_as_data() -> dict[str, dict[str, str]]:
    """Return the table as plain strings, for the canvas."""
    return {str(cause): asdict(look) for cause, look in LOOKS.items()}
