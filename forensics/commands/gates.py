"""Gates: `late_model_output>0` and the like, for continuous integration to fail on."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.errors import CaseError
from forensics.measures import MEASURES, call_measures

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}

_GATE = re.compile(rf"\s*(\w+)\s*({'|'.join(COMPARISONS)})\s*(-?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on one measure of a call; a call in which it holds fails."""

    measure: str
    comparison: str
    bound: float

    def __str__(self) -> str:
        return f"{self.measure}{self.comparison}{self.bound:g}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A gate as it was checked; `fails` is None where the call does not tell the measure."""

    gate: Gate
    value: float | None
    fails: bool | None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.gate} could not be checked: this call does not tell {self.gate.measure}"
        return f"{self.gate} {'holds' if self.fails else 'does not hold'}: {self.gate.measure} is {self.value:.6g}"


def read_gates(conditions: Iterable[str] | None) -> tuple[Gate, ...]:
    """Read conditions as they are given on the command line.

    Raises
    ------
    CaseError
        One is no comparison of a known measure with a number. The unit may be left out: `latency_p95` is
        `latency_p95_s`.
    """
    return tuple(_read_gate(condition) for condition in conditions or ())


def check_gates(gates: Iterable[Gate], document: Mapping[str, Any]) -> list[Outcome]:
    """Check each gate on a findings document."""
    measured = call_measures(document)
    return [_checked(gate, measured[gate.measure]) for gate in gates]


def _read_gate(condition: str) -> Gate:
    found = _GATE.fullmatch(condition)
    if found is None:
        raise CaseError(
            f"--fail-on got {condition!r}; expected a measure, one of {' '.join(COMPARISONS)}, and a number, "
            "as in 'late_model_output>0'."
        )
    name = next((known for known in (found[1], f"{found[1]}_s") if known in MEASURES), None)
    if name is None:
        raise CaseError(f"--fail-on got {condition!r}; the measures are {', '.join(MEASURES)}.")
    return Gate(name, found[2], float(found[3]))


def _checked(gate: Gate, value: float | None) -> Outcome:
    return Outcome(gate, value, None if value is None else COMPARISONS[gate.comparison](value, gate.bound))
