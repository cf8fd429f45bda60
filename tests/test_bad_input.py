"""Bad input ends in one clear sentence and exit status 2, or in a diagnosis that says what was left out."""

import json
import shutil
import struct
import sys
from pathlib import Path

import pytest

from forensics.__main__ import main
from forensics.findings import SCHEMA

CALLS = Path(__file__).parents[1] / "sample_captures"


@pytest.fixture
def forensics(monkeypatch, capsys):
    """Run the command line in this process; return its exit status, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["forensics", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


@pytest.fixture
def unread(forensics):
    """Diagnose what cannot be read; return the sentence, which must be the only output."""

    def run(*arguments):
        status, out, err = forensics("diagnose", *arguments, "--json", "-")
        assert (status, out) == (2, ""), err
        assert err.startswith("forensics: ")
        assert err.count("\n") == 1, "one line, no traceback"
        return err

    return run


@pytest.fixture
def findings(forensics):
    """Diagnose what can be read in part; return the findings document."""

    def run(*arguments):
        status, out, err = forensics("diagnose", *arguments, "--json", "-")
        assert status in {0, 1}, err
        document = json.loads(out)
        assert document["schema"] == SCHEMA
        return document

    return run


def capture_of(call):
    return next((CALLS / call).glob("receiver.*"))


def said(document):
    return "\n".join([*document["notes"], *(note for file in document["inputs"] for note in file["notes"])])


def pcap(path, payloads, *, port=53):
    """Write a raw-IP pcap of one UDP datagram per payload."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for number, payload in enumerate(payloads):
        udp = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, 0x0A000001, 0x0A000002) + udp
        records.append(struct.pack("<IIII", 1_700_000_000 + number, 0, len(ip), len(ip)) + ip)
    path.write_bytes(b"".join(records))
    return path


def test_an_empty_file(tmp_path, unread):
    empty = tmp_path / "call.pcap"
    empty.touch()
    assert "empty" in unread(empty)


def test_a_text_file(tmp_path, unread):
    text = tmp_path / "call.pcap"
    text.write_text("Dear Sir or Madam,\nplease find attached the capture.\n")
    assert "neither" in unread(text) or "not a" in unread(text)


def test_a_capture_without_a_packet(tmp_path, unread):
    assert "call.pcap" in unread(pcap(tmp_path / "call.pcap", []))


def test_a_capture_without_rtp(tmp_path, unread):
    sentence = unread(pcap(tmp_path / "call.pcap", [b"\x12\x34\x01\x00\x00\x01" + b"\0" * 30] * 40))
    assert "No RTP in call.pcap" in sentence
    assert "40 datagrams" in sentence


def test_a_capture_cut_off_in_the_middle_is_read_up_to_the_cut(tmp_path, findings):
    whole = capture_of("stalled_model").read_bytes()
    cut = tmp_path / "call.pcap"
    cut.write_bytes(whole[: len(whole) // 2 + 20])
    document = findings(cut)
    assert "cut" in said(document)
    assert sum(document["inputs"][0]["skipped"].values()) >= 1


def test_a_recording_of_another_call_is_refused(findings):
    ours, another = CALLS / "mixed_call", CALLS / "stalled_model"
    document = findings(
        capture_of("mixed_call"), "--keys", ours / "keys.log", "--recording", another / "recording.flac"
    )
    assert "recording" not in [clock["local"] for clock in document["clocks"]]
    assert "recording is left out" in said(document)


def test_a_recording_that_is_none(tmp_path, forensics):
    text = tmp_path / "recording.wav"
    text.write_text("RIFF? No.")
    status, out, err = forensics("diagnose", capture_of("clean_call"), "--recording", text, "--json", "-")
    assert (status, out) == (2, "")
    assert "recording.wav" in err


def test_the_keys_of_another_call_leave_the_audio_closed_and_say_so(findings):
    document = findings(CALLS / "mixed_call", "--keys", CALLS / "stalled_model" / "keys.log")
    assert "keys.log" in said(document)
    assert document["glitches"], "timing still speaks without the payloads"


def test_a_key_log_that_is_none(tmp_path, forensics):
    text = tmp_path / "keys.log"
    text.write_text("these are not the keys\n")
    status, out, err = forensics("diagnose", capture_of("mixed_call"), "--keys", text, "--json", "-")
    assert "keys.log" in (err if status == 2 else said(json.loads(out)))


def test_statistics_that_are_none_do_not_stop_the_diagnosis(tmp_path, forensics):
    text = tmp_path / "stats.json"
    text.write_text("{")
    status, out, err = forensics("diagnose", capture_of("mixed_call"), "--stats", text, "--json", "-")
    assert "stats.json" in (err if status == 2 else said(json.loads(out)))


def test_a_report_that_cannot_be_written(tmp_path, forensics):
    (tmp_path / "file").touch()
    status, _, err = forensics("diagnose", capture_of("clean_call"), "--report", tmp_path / "file" / "report.html")
    assert status == 2
    assert "cannot be" in err
    assert "Traceback" not in err


def test_a_folder_that_holds_two_captures(tmp_path, unread):
    shutil.copy(capture_of("clean_call"), tmp_path / "receiver.pcap")
    shutil.copy(capture_of("clean_call"), tmp_path / "capture.pcap")
    assert "each could be the capture" in unread(tmp_path)


def test_a_recording_alone_says_that_glitches_were_not_looked_for(findings):
    assert "Without a capture" in said(findings(CALLS / "clean_call" / "recording.flac"))


def test_an_event_log_of_no_known_format_is_left_out_and_said(tmp_path, findings):
    events = tmp_path / "events.jsonl"
    events.write_text('{"type": "barista.called", "at": 1}\n')
    document = findings(capture_of("clean_call"), "--events", events)
    assert "events.jsonl holds 1 events (barista.called), none of a known format" in said(document)
    assert "The event log is left out." in said(document)
