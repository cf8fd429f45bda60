"""How numbers and names read to people, in the workbench and in the report alike."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from forensics.model import NEARLY_SURE
from forensics.views.palette import mechanism_label

TWO_DIGITS = 9.95  # from here on two digits need no decimal point
LEAST_P = 0.001


def clock_time(seconds: float | None) -> str:
    """Return 7.412 as "0:07.412"; a dash where there is no time."""
    if seconds is None:
        return "–"
    sign = "−" if seconds < 0 else ""
    minutes, rest = divmod(round(abs(seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{f'{hours}:{minutes:02d}' if hours else minutes}:{rest / 1000:06.3f}"


def milliseconds(seconds: float | None) -> str:
    """Return 0.2431 as "243 ms"; a dash where there is no time."""
    return "–" if seconds is None else f"{seconds * 1e3:.0f} ms"


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text`, at least one; a full stop counts where a capital letter or a digit follows."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z0-9])", text.strip())


def percent(share: float) -> str:
    """Return 0.968 as "97 %"; what is nearly sure stays nearly sure."""
    return f"{100 * share:.0f} %" if share < NEARLY_SURE else "> 99 %"


def milliseconds_or_dash(seconds: float) -> str:
    """Return 0.2431 as "243 ms"; a dash for NaN."""
    return "–" if math.isnan(seconds) else milliseconds(seconds)


def signed_ms(seconds: float) -> str:
    """Return -0.0412 as "−41 ms"; a dash for NaN."""
    return "–" if math.isnan(seconds) else f"{1000 * seconds:+.0f} ms".replace("-", "−")


def short(value: float | None) -> str:
    """Return a number with two digits that count: 0.4133 as "0.41", 23.1 as "23"; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:.0f}" if abs(value) >= TWO_DIGITS else f"{value:.2g}"


def p_value(p: float) -> str:
    """Return 0.0312 as "0.031", what is below a thousandth as "< 0.001"; a dash for NaN."""
    if math.isnan(p):
        return "–"
    return f"{p:.2g}" if p >= LEAST_P else f"< {LEAST_P:g}"


def signed(value: float) -> str:
    """Return -3.1 as "−3.1", with a true minus."""
    return f"{value:+.1f}".replace("-", "−")


def counted(counts: Mapping[str, Any]) -> str:
    """Return {"packets": 2931, "skipped": 0} as "packets 2931, skipped 0"; a dash where there are none."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counts.items()) or "–"


FILTERS: dict[str, Callable[..., str]] = {
    "clock_time": clock_time,
    "milliseconds": milliseconds,
    "milliseconds_or_dash": milliseconds_or_dash,
    "signed_ms": signed_ms,
    "short": short,
    "p_value": p_value,
    "percent": percent,
    "signed": signed,
    "counted": counted,
    "words": mechanism_label,
}
"""What the templates may call."""
