"""Files come from the browser piece by piece and become a case."""

import pytest
from synthetic_call import synthetic_diagnosis

from forensics.errors import CaseError
from forensics.views import drop_area, dropping

PIECES = (b"first piece, ", b"second piece")


@pytest.fixture
def area(tmp_path):
    return drop_area(tmp_path)


@pytest.fixture
def drop(area, monkeypatch):
    """Drop a file on the area; give what the kernel answered."""
    sent = []
    monkeypatch.setattr(area.taker, "send", sent.append)

    def drop(name, *pieces):
        for at, piece in enumerate(pieces):
            message = {"kind": "piece", "id": len(sent), "name": name, "at": at, "last": at == len(pieces) - 1}
            area.taker._take(area.taker, message, [memoryview(piece)])
        return sent

    return drop


def test_pieces_become_a_file_with_a_role(area, drop):
    assert drop("receiver.pcap", *PIECES) == [{"id": 0}, {"id": 1}]
    assert (area.taker.folder / "receiver.pcap").read_bytes() == b"".join(PIECES)
    assert area.taker.files == [{"name": "receiver.pcap", "octets": 25, "role": "capture"}]
    assert area.taker.case().capture == area.taker.folder / "receiver.pcap"


def test_an_empty_file_is_taken_too(area, drop):
    drop("recording.wav", b"")
    assert area.taker.files[0]["octets"] == 0


def test_diagnosing_needs_a_capture_or_a_recording(area, drop):
    drop("keys.log", b"k")
    assert area.start.disabled
    drop("receiver.pcap", b"p")
    assert not area.start.disabled


def test_a_path_in_a_name_leads_nowhere(area, drop):
    drop("../../escaped.pcap", b"p")
    assert [path.name for path in area.taker.folder.iterdir()] == ["escaped.pcap"]


@pytest.mark.parametrize("name", ["..", ".hidden", ""])
def test_what_is_no_name_is_refused(area, drop, name):
    assert "is no name for a file of a case" in drop(name, b"p")[0]["failed"]
    assert not area.taker.folder.exists()


def test_two_files_of_one_role_are_refused(area, drop):
    drop("a.pcap", b"p")
    drop("b.pcap", b"p")
    area.taker.files = [{**entry, "role": "capture"} for entry in area.taker.files]
    with pytest.raises(CaseError, match="Two files are the capture, listener's side"):
        area.taker.case()


def test_each_area_has_a_folder_of_its_own(tmp_path, drop, area):
    drop("receiver.pcap", b"p")
    assert drop_area(tmp_path).taker.folder != area.taker.folder


def test_the_workbench_opens_below(area, drop, monkeypatch):
    told = []
    area.taker.observe(lambda change: told.append(change["new"]), "said")

    def diagnose(case, progress):
        progress("clocks", "place recording")
        return synthetic_diagnosis()

    monkeypatch.setattr(dropping, "diagnose", diagnose)
    drop("receiver.pcap", b"p")
    area.start.click()
    assert area.children[-1] is area.bench
    assert told[0] == "clocks: place recording"
    assert "3 audible glitches" in area.taker.said
    assert area.taker.done == -1


def test_what_cannot_be_read_is_said(area, drop):
    drop("receiver.pcap", b"no capture at all")
    area.start.click()
    assert "receiver.pcap" in area.taker.said
    assert area.bench is None
    assert not area.start.disabled


def test_an_interruption_leaves_the_area_usable(area, drop, monkeypatch):
    def interrupted(case, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(dropping, "diagnose", interrupted)
    drop("receiver.pcap", b"p")
    area.start.click()
    assert area.taker.said.startswith("Interrupted")
    assert not area.start.disabled
