"""The template takes its four parameters from papermill; a kernel that is interrupted goes on."""

import json
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

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


@pytest.mark.slow
def test_an_interrupted_diagnosis_leaves_the_kernel_usable():
    manager, client = start_new_kernel()

    def until_idle(code, wanted=()):
        """Run `code`; interrupt it at the first message of a kind in `wanted`. Give what it printed or raised."""
        request, said = client.execute(code), []
        while True:
            message = client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            said += [content.get("text") or content.get("ename") or ""]
            if message["msg_type"] in wanted:
                manager.interrupt_kernel()
                wanted = ()
            if content.get("execution_state") == "idle":
                return "".join(said)

    try:
        until_idle(f"import forensics as fx\ncase = fx.open_case({str(ROOT / 'sample_captures/isolated_loss')!r})")
        assert until_idle("while True: fx.diagnose(case, progress=True)", ("display_data",)) == "KeyboardInterrupt"
        assert until_idle("print(len(fx.diagnose(case).verdicts) > 0)") == "True\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
