"""Before and after: what got better, worse or is new between two sets of calls, and whether chance explains it."""

from __future__ import annotations

from forensics.comparison.comparing import compare
from forensics.comparison.nouns import Comparison

__all__ = ["Comparison", "compare"]
