"""A progress bar for work in named stages: in a notebook as a widget that leaves no trace, else on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Told = Callable[[str, str], None]
"""What a long piece of work calls before each of its steps, with the stage and the action."""


@contextmanager
def stage_bar(stages: Sequence[str], *, wanted: bool | Told = True) -> Iterator[Told]:
    """Show how far work in `stages` has come, while the block runs.

    Parameters
    ----------
    stages : sequence of str
        Their names in order; a stage that comes again does not move the bar back.
    wanted : bool or callable
        False shows nothing; a callable is called instead of a bar.

    Yields
    ------
    callable
        To be called with the stage and the action, before each step.

    Examples
    --------
    >>> with stage_bar(("read", "judge")) as told:
    ...     told("read", "capture")
    """
    if not isinstance(wanted, bool):
        yield wanted
        return
    if not wanted:
        yield lambda stage, action: None
        return
    bar, remove = _notebook_bar(len(stages)) if _in_notebook() else _terminal_bar(len(stages))

    def told(stage: str, action: str) -> None:
        bar.set_description_str(f"{stage}: {action}" if action else stage, refresh=False)
        bar.n = max(bar.n, list(stages).index(stage) if stage in stages else 0)
        bar.refresh()

    try:
        yield told
    finally:
        bar.close()
        remove()


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this, so that a widget can be shown."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _terminal_bar(total: int) -> tuple[Any, Callable[[], None]]:
    from tqdm import tqdm

    return tqdm(total=total, leave=False, bar_format=_FORMAT), lambda: None


def _notebook_bar(total: int) -> tuple[Any, Callable[[], None]]:
    """Return tqdm's widget in an output of ours: once it is empty, a saved notebook holds no widget without a model."""
    from IPython.display import HTML, display
    from tqdm.notebook import tqdm

    bar = tqdm(total=total, leave=False, display=False, bar_format=_FORMAT)
    shown = display(bar.container, display_id=True)
    return bar, lambda: shown.update(HTML(""))


_FORMAT = "{desc} {bar} {elapsed}"
