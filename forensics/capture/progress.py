"""A progress bar for files that take a while, and nothing for those that do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any, TypeVar

from forensics.capture.files import OctetFile

QUIET_S = 2.0
"""Nothing is shown before; most captures are read by then."""

Item = TypeVar("Item")


def shown(items: Iterable[Item], *, file: OctetFile, wanted: bool) -> Iterator[Item]:
    """Pass `items` on and, where it is `wanted` and takes longer, show how far `file` was read.

    tqdm is imported only once there is something to show.
    """
    began, bar = monotonic(), None
    for item in items:
        yield item
        if wanted and bar is None and monotonic() - began > QUIET_S:
            bar = _bar(file)
        if bar is not None:
            bar.update(file.position - bar.n)
    if bar is not None:
        bar.close()


def _bar(file: OctetFile) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=file.size, initial=file.position, unit="B", unit_scale=True, desc="reading", leave=False)
