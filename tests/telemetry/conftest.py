"""Files of statistics, as the tests of every layout write them."""

import json

import pytest


@pytest.fixture
def write(tmp_path):
    """Write a text, or a document as JSON, to a file; give its path."""

    def file(content, name="stats.json"):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return file
