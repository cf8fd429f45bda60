"""How numbers and names read to people, in the workbench and in the report alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from forensics.views.palette import mechanism_label

SURE = 0.995
"""From here on a confidence is written as "> 99 %": no evidence of ours makes a cause certain."""


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
    return f"{100 * share:.0f} %" if share < SURE else "> 99 %"


def signed(value: float) -> str:
    """Return -3.1 as "−3.1", with a true minus."""
    return f"{value:+.1f}".replace("-", "−")


def counted(counts: Mapping[str, Any]) -> str:
    """Return {"packets": 2931, "skipped": 0} as "packets 2931, skipped 0"; a dash where there are none."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counts.items()) or "–"


FILTERS: dict[str, Callable[..., str]] = {
    "clock_time": clock_time,
    "milliseconds": milliseconds,
    "percent": percent,
    "signed": signed,
    "counted": counted,
    "words": mechanism_label,
}
"""What the templates may call."""
