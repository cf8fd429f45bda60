"""How a diagnosis came about: what was done, in order, with which parameters, and what could not be done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from forensics.diagnosis.progress import Told
from forensics.errors import ForensicsError
from forensics.model import InputFile, Step

T = TypeVar("T")


@dataclass
class Log:
    """What was done, in order, and what was read."""

    steps: list[Step] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    told: Told = lambda stage, action: None

    def run(self, stage: str, action: str, work: Callable[[], T], **parameters: Any) -> T:
        """Do a step and keep its parameters and how long it took."""
        self.told(stage, action)
        start = time.perf_counter()
        result = work()
        self.steps.append(Step(stage, action, parameters, (), time.perf_counter() - start))
        return result

    def attempt(self, stage: str, action: str, work: Callable[[], T], *, without: str, **parameters: Any) -> T | None:
        """Do a step that the diagnosis can do without; what failed is noted and said in the conclusion."""
        try:
            return self.run(stage, action, work, **parameters)
        except ForensicsError as fault:
            self.note(stage, action, f"{fault} {without}", said=True)
            return None

    def note(self, stage: str, action: str, text: str, *, said: bool = False) -> None:
        """Keep a note with the steps, and say it in the conclusion where it changes what the findings rest on."""
        self.steps.append(Step(stage, action, {}, (text,)))
        if said:
            self.caveats.append(text)
