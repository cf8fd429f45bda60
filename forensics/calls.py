"""A folder of calls: which there are, and one piece of work done on each, none of them depending on another."""

from __future__ import annotations

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from forensics.case import CAPTURE_SUFFIXES, FILE_NAMES, PACKED_SUFFIXES, SETTINGS_NAME
from forensics.errors import CaseError, ForensicsError

T = TypeVar("T")

_CALL_FILES = {*FILE_NAMES["capture"], *FILE_NAMES["recording"], SETTINGS_NAME}
_CAPTURES = tuple(suffix + packed for suffix in CAPTURE_SUFFIXES for packed in PACKED_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Worked(Generic[T]):
    """What became of one call: a value, or the sentence that says why there is none."""

    path: Path
    value: T | None
    error: str = ""


def find_calls(folder: str | Path) -> list[Path]:
    """Return the calls in and below `folder`, each as a path that `open_case` takes.

    Parameters
    ----------
    folder : str or Path
        Is a call itself where it holds a capture, a recording (by the names in `FILE_NAMES`) or a `case.toml`.
        Otherwise each capture file in it is a call, and its folders are looked into the same way.

    Returns
    -------
    list of Path
        Sorted by name.

    Raises
    ------
    CaseError
        It is no folder, or no call is in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CaseError(f"{folder} is no folder; expected is a folder of calls. Check the path.")
    calls = sorted(_calls(folder))
    if not calls:
        raise CaseError(
            f"{folder} holds no call: neither it nor a folder below holds a capture (receiver.pcap, any.pcapng, …) "
            "or a recording (recording.flac, …). Check the path."
        )
    return calls


def run_each(
    work: Callable[[Path], T], paths: Iterable[Path], *, jobs: int | None = None
) -> Generator[Worked[T], None, None]:
    """Do `work` on each call and give what became of it, in the order in which they are done.

    Parameters
    ----------
    work : callable
        Can be pickled, and so can what it returns.
    paths : iterable of Path
    jobs : int, optional
        How many processes; by default one per processor. 0 works here, in this process, one call after the other.

    Yields
    ------
    Worked
        A call that fails, even one that kills its process, is told and stops no other.

    Notes
    -----
    Processes are started afresh (spawned), so that a script which calls this needs the usual
    ``if __name__ == "__main__":``. A call that kills its process takes down those that ran beside it; these are done
    again, each alone.
    """
    guarded = partial(_guarded, work)
    if jobs == 0:
        yield from map(guarded, paths)
        return
    lost: list[Path] = []
    paths = list(paths)
    with _processes(min(jobs or os.cpu_count() or 1, max(len(paths), 1))) as pool:
        futures = {pool.submit(guarded, path): path for path in paths}
        try:
            for future in as_completed(futures):
                if _died(future):
                    lost.append(futures[future])
                else:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # who stops asking does not wait for what has not begun
    for path in sorted(lost):
        yield _alone(guarded, path)


def call_bar(done: Iterable[Worked[T]], *, total: int, wanted: bool = True) -> Iterator[Worked[T]]:
    """Give what `done` gives and show on stderr how many calls have come."""
    from tqdm import tqdm

    return iter(tqdm(done, total=total, desc="calls", unit="call", file=sys.stderr, disable=not wanted))


def _calls(folder: Path) -> Iterator[Path]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if any(entry.name.lower() in _CALL_FILES for entry in entries if entry.is_file()):
        yield folder
        return
    for entry in entries:
        if entry.is_dir():
            yield from _calls(entry)
        elif entry.name.lower().endswith(_CAPTURES):
            yield entry


def _guarded(work: Callable[[Path], T], path: Path) -> Worked[T]:
    try:
        return Worked(path, work(path))
    except ForensicsError as error:
        return Worked(path, None, str(error))
    except OSError as error:
        return Worked(path, None, f"{error.filename or path} cannot be read or written: {error.strerror or error}")
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Worked(path, None, f"A defect of the workbench: {type(error).__name__}: {error} "
                                  f"({Path(place.filename).name}, line {place.lineno}). Please report it.")  # fmt: skip


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def _died(future: Future[Worked[T]]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _alone(guarded: Callable[[Path], Worked[T]], path: Path) -> Worked[T]:
    with _processes(1) as pool:
        future = pool.submit(guarded, path)
        if _died(future):
            return Worked(path, None, "The process that read it was killed: out of memory, or a crash in a library.")
        return future.result()
