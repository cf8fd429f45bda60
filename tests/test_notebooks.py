"""The template for one's own call takes its four parameters from papermill."""

import json
from pathlib import Path

import pytest

papermill = pytest.importorskip("papermill")

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "notebooks" / "investigate.ipynb"


def test_four_parameters_stand_at_the_top():
    assert [*papermill.inspect_notebook(str(TEMPLATE))] == ["capture", "recording", "keys", "report"]


@pytest.mark.slow
def test_papermill_fills_them_in(tmp_path):
    call = ROOT / "sample_captures" / "isolated_loss"
    given = {
        "capture": str(call / "receiver.pcap"),
        "recording": str(call / "recording.flac"),
        "keys": str(call / "keys.log"),
        "report": str(tmp_path / "page.html"),
    }
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(str(TEMPLATE), str(out), parameters=given, cwd=str(tmp_path), progress_bar=False)
    assert "network drop" in out.read_text()
    assert "isolated" in (tmp_path / "page.html").read_text()
    cells = json.loads(out.read_text())["cells"]
    kept = {"".join(o["data"].get("text/plain", "")) for c in cells for o in c.get("outputs", ()) if "data" in o}
    assert any(text.startswith("Workbench of") for text in kept)
    assert out.stat().st_size < 2_000_000
