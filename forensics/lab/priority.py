"""The call before everything else on the machine: a real-time schedule for as long as packets flow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from forensics.lab.processes import descendants, threads

REAL_TIME_PRIORITY = 1
"""The lowest of the real-time priorities is above every ordinary process. A call needs less than half a core, and the
kernel keeps a share for the others (sched_rt_runtime_us). This process itself goes one above its programs, whose turns
may last a tenth of a second: packets wait for no browser."""


@contextmanager
def in_real_time() -> Iterator[None]:
    """Schedule this process and those below it in real time (SCHED_RR), where the system allows it.

    Niceness would not do: where sessions are scheduled as groups (autogroup), it counts within a session only.
    """
    pids = [os.getpid(), *descendants(os.getpid())]
    try:
        for pid in pids:
            _schedule(pid, os.SCHED_RR, REAL_TIME_PRIORITY + (pid == os.getpid()))
        yield
    finally:
        for pid in pids:
            _schedule(pid, os.SCHED_OTHER, 0)


def _schedule(pid: int, policy: int, priority: int) -> None:
    for thread in threads(pid):
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.sched_setscheduler(thread, policy, os.sched_param(priority))
