import importlib.util
from pathlib import Path

import pytest

from forensics.causes import verdict

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_rules", DOCS / "make_rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_rules_is_in_step_with_their_docstrings(maker):
    page = (DOCS / "rules.md").read_text(encoding="utf-8")
    assert page == maker.make_page(), "run: python docs/make_rules.py"


def test_every_rule_that_a_verdict_asks_is_on_the_page(maker):
    page = maker.make_page()
    assert [rule.__name__ for rule in verdict.RULES if f"### `{rule.__name__}`" not in page] == []


def test_every_limit_comes_with_its_source(maker):
    rows = [line for line in maker.make_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if not row.split("|")[3].strip()] == []
