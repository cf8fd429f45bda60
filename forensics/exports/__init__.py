"""A diagnosis for other programs: labels for Audacity, a TextGrid for Praat, slices for Wireshark, tables as CSV."""

from __future__ import annotations

from forensics.exports.exporting import write_exports
from forensics.exports.labels import write_labels
from forensics.exports.slices import write_slice, write_slices
from forensics.exports.tables import call_tables, write_tables
from forensics.exports.textgrid import write_textgrid

__all__ = [
    "call_tables", "write_exports", "write_labels", "write_slice", "write_slices", "write_tables", "write_textgrid",
]  # fmt: skip
