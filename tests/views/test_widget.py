"""The widget answers the browser; the workbench follows the choice."""

import numpy as np
import pytest

from forensics.capture import dissect
from forensics.errors import MissingToolError
from forensics.views import timeline, workbench
from forensics.views.answers import answer, reply
from forensics.views.renderer import glitch_list_source, timeline_source


def test_opening_gives_header_and_arrays(view):
    content, arrays = answer(view, {"kind": "open"})
    assert content["header"]["title"] == "synthetic"
    assert "downlink/packets/at_s" in arrays


def test_tiles_come_under_their_keys(view):
    _, arrays = answer(view, {"kind": "tiles", "keys": ["heard/wave/3/0", "heard/mel/1/0"]})
    assert [a.dtype for a in arrays.values()] == [np.int16, np.uint8]


def test_a_clip_comes_as_16_bit_samples_with_its_rate(view):
    content, arrays = answer(view, {"kind": "clip", "name": "microphone", "start_s": 1.0, "seconds": 0.5})
    assert content == {"rate_hz": 16_000}
    assert arrays["samples"].shape == (8000,)


def test_every_answer_names_its_request(diagnosis, monkeypatch):
    widget, sent = timeline(diagnosis), []
    monkeypatch.setattr(widget, "send", lambda content, buffers: sent.append((content, buffers)))
    widget._answer(widget, {"kind": "tiles", "keys": ["heard/wave/3/0"], "id": 7}, [])
    ((content, buffers),) = sent
    assert content == {"id": 7, "arrays": [{"name": "heard/wave/3/0", "dtype": "int16"}]}
    assert len(buffers[0]) == 4 * 2048


def test_what_cannot_be_answered_says_so_instead_of_leaving_the_browser_waiting(view):
    content, buffers = reply(view, {"kind": "tiles", "keys": ["nobody/wave/0/0"], "id": 9})
    assert content == {"id": 9, "arrays": [], "failed": "KeyError: 'nobody'"}
    assert buffers == []


def test_an_interrupted_answer_can_be_asked_for_again(view, monkeypatch):
    def interrupt(key):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(view), "tile", lambda self, key: interrupt(key))
    content, _ = reply(view, {"kind": "tiles", "keys": ["heard/wave/0/0"], "id": 3})
    assert content["failed"].startswith("KeyboardInterrupt")


def test_the_saved_state_carries_no_bulk_data(diagnosis):
    state = {k: v for k, v in timeline(diagnosis).get_state().items() if k not in ("_esm", "_css")}
    assert len(repr(state)) < 2000


def test_the_renderer_imports_nothing():
    for source in (timeline_source(), glitch_list_source()):
        assert "import " not in [line[:7] for line in source.splitlines()]
        assert source.count("export ") == 1


def test_choosing_a_glitch_shows_its_verdict(diagnosis):
    bench = workbench(diagnosis)
    bench.glitch = "g02"
    assert bench.glitch.mechanism == "stall"
    assert "faster generation" in bench._verdict.value
    assert "No capture at the sender was given." in bench._verdict.value


def test_a_glitch_that_is_not_there_is_refused(diagnosis):
    with pytest.raises(KeyError, match="it has: g01, g02, g03, g04"):
        workbench(diagnosis).glitch = "g99"


def test_without_a_choice_the_conclusion_stands(diagnosis):
    bench = workbench(diagnosis)
    assert bench.glitch is None
    assert "3 audible glitches" in bench._verdict.value


def test_the_selection_gives_tables(diagnosis):
    bench = workbench(diagnosis)
    bench.timeline.range = (5.0, 6.0)
    selection = bench.selection
    assert len(selection.packets) == 50
    assert selection.packets["at_s"].between(5.0, 6.0).all()
    assert list(selection.samples.columns) == ["at_s", "heard", "sent"]
    assert len(selection.samples) == 48_000


def test_without_a_selection_it_is_what_is_in_view(diagnosis):
    bench = workbench(diagnosis)
    bench.timeline.window = (1.0, 3.0)
    assert (bench.selection.start_s, bench.selection.end_s) == (1.0, 3.0)


def test_what_keeps_frames_from_being_opened_is_said(diagnosis, monkeypatch):
    def refuse(case, frames):
        raise MissingToolError("tshark is not installed: install <it>.")

    monkeypatch.setattr(dissect, "dissect", refuse)
    bench = workbench(diagnosis)
    bench.glitch = "g01"
    bench._open.click()
    assert "install &lt;it&gt;" in bench._frames.value
    assert not bench._open.disabled
