"""A folder of calls, each diagnosed on its own: a page and tables over all, a report for each."""

from __future__ import annotations

from forensics.survey.surveying import Survey, survey_calls

__all__ = ["Survey", "survey_calls"]
