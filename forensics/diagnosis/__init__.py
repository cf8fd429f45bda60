"""From the files of a case to its diagnosis: what is read, which way the voices go, one axis, the stages in order."""

from forensics.diagnosis.diagnosing import STAGES, diagnose

__all__ = ["STAGES", "diagnose"]
