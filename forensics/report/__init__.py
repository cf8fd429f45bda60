"""The shareable pages: each one file that opens offline and keeps to a strict Content-Security-Policy."""

from __future__ import annotations

from forensics.report.changes import write_comparison
from forensics.report.page import write_report

__all__ = ["write_comparison", "write_report"]
