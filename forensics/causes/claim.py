"""How a rule answers: for its cause, against it, or not checkable because."""

from __future__ import annotations

from forensics.causes.site import Site
from forensics.model import Cause, Evidence

DECISIVE, STRONG, FAIR, SLIGHT = 25.0, 15.0, 8.0, 3.0
"""Weights in decibans (ten times the decimal logarithm of a likelihood ratio): 300, 30, 6 and 2 to one. Good (1950)
proposed the scale; a sum of weights is a posterior, as long as the claims are not about the same measurement twice."""


def supports(
    site: Site, rule: str, cause: Cause, statement: str, *, weight: float, mechanism: str = "", **numbers: float
) -> Evidence:
    """Evidence for `cause`, with the weight in decibans and the numbers it rests on."""
    return Evidence(rule, cause, True, statement, site.frames, weight, mechanism, numbers)


def opposes(site: Site, rule: str, cause: Cause, statement: str, *, weight: float, **numbers: float) -> Evidence:
    """Evidence against `cause`; `weight` is given as a positive number and stored as a negative one."""
    return Evidence(rule, cause, False, statement, site.frames, -weight, "", numbers)


def unchecked(site: Site, rule: str, cause: Cause, reason: str) -> Evidence:
    """Neither for nor against `cause`: it could not be checked, because of `reason`."""
    return Evidence(rule, cause, None, reason, site.frames)


def milliseconds(seconds: float) -> str:
    """Seconds as people read them: '243 ms'."""
    return f"{1000 * seconds:z.0f} ms"
