"""Long work beside the kernel's own: in a thread, its result handed over in the kernel's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T], done: Callable[[T], None]) -> None:
    """Do `work` in a thread and hand its result to `done` in the running event loop; without a loop, do both at once.

    Parameters
    ----------
    work : callable
        Must not touch widgets: only the kernel's own thread may.
    done : callable
        Takes what `work` returned; not called where `work` raised.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        done(work())
        return

    async def through() -> None:
        done(await loop.run_in_executor(None, work))

    _running.add(task := loop.create_task(through()))
    task.add_done_callback(_running.discard)


_running: set[asyncio.Task[None]] = set()  # a loop keeps its tasks only weakly
