"""A case is found by the names of its files, and says what it found where it is none."""

import hashlib
import re

import pytest

from forensics.case import FILE_NAMES, input_file, open_case
from forensics.errors import CaseError


def touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_folder_by_its_file_names(tmp_path):
    folder = touch(
        tmp_path, "receiver.pcapng", "sender.pcap", "recording.flac", "mic.flac", "keys.log", "call.sdp",
        "stats.json.gz", "events.jsonl", "truth.json", "receiver_plain.pcap.gz", "notes.txt",
    )  # fmt: skip
    case = open_case(folder)
    assert case.name == folder.name
    assert case.folder == folder
    roles = {role: getattr(case, role).name for role in FILE_NAMES}
    assert roles == {
        "capture": "receiver.pcapng",
        "sender_capture": "sender.pcap",
        "recording": "recording.flac",
        "microphone": "mic.flac",
        "keys": "keys.log",
        "sdp": "call.sdp",
        "stats": "stats.json.gz",
        "events": "events.jsonl",
        "truth": "truth.json",
    }


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("capture.pcap", "capture"),
        ("receiver.pcap.zst", "capture"),
        ("Receiver.PCAPNG", "capture"),
        ("recording.webm", "recording"),
        ("recording.m4a", "recording"),
        ("stats.json", "stats"),
        ("stats.json.zst", "stats"),
        ("microphone.wav", "microphone"),
    ],
)
def test_a_name_and_its_role(tmp_path, name, role):
    touch(tmp_path, "receiver.pcap" if role != "capture" else name, name)
    assert getattr(open_case(tmp_path), role).name == name


def test_what_is_not_there_is_none(tmp_path):
    case = open_case(touch(tmp_path, "receiver.pcap"))
    assert (case.recording, case.keys, case.stats, case.events, case.sender_capture, case.truth) == (None,) * 6


def test_one_capture_is_a_case(tmp_path):
    touch(tmp_path, "monday.pcap.gz", "recording.flac")
    case = open_case(tmp_path / "monday.pcap.gz")
    assert (case.name, case.capture.name, case.folder, case.recording) == ("monday", "monday.pcap.gz", None, None)


def test_a_capture_with_the_name_that_all_have_is_called_as_its_folder(tmp_path):
    assert open_case(touch(tmp_path, "receiver.pcapng") / "receiver.pcapng").name == tmp_path.name


def test_files_given_one_by_one_go_before_the_folder(tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    touch(tmp_path, "receiver.pcap", "recording.flac", "recording.wav")
    touch(other, "phone.wav")
    case = open_case(tmp_path, recording=other / "phone.wav", name="monday")
    assert (case.name, case.recording, case.capture.name) == ("monday", other / "phone.wav", "receiver.pcap")


def test_a_recording_alone_is_a_case(tmp_path):
    touch(tmp_path, "phone.wav")
    assert open_case(recording=tmp_path / "phone.wav").name == "phone"
    case = open_case(tmp_path / "phone.wav")
    assert (case.capture, case.recording) == (None, tmp_path / "phone.wav")


def test_settings_name_files_and_how_to_decode(tmp_path):
    touch(tmp_path, "mess.pcap", "heard.wav")
    (tmp_path / "case.toml").write_text(
        'name = "monday"\n[files]\ncapture = "mess.pcap"\nrecording = "heard.wav"\n'
        '[decode_as]\n"udp.port==5004" = "rtp"\n'
    )
    case = open_case(tmp_path, decode_as={"udp.port==6000": "rtp"})
    assert (case.name, case.capture.name, case.recording.name) == ("monday", "mess.pcap", "heard.wav")
    assert case.decode_as == {"udp.port==5004": "rtp", "udp.port==6000": "rtp"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("name = ", "is not TOML"),
        ("files = 3", "has files; expected are"),
        ("limits = 3", "has limits; expected are"),
        ("[files]\ncaptures = 'receiver.pcap'", "names files for captures, which is no role"),
        ("[files]\ncapture = 'gone.pcap'", r"There is no capture .*gone\.pcap; its folder holds case\.toml"),
    ],
)
def test_settings_that_cannot_be_followed(tmp_path, settings, message):
    touch(tmp_path, "receiver.pcap")
    (tmp_path / "case.toml").write_text(settings)
    with pytest.raises(CaseError, match=message):
        open_case(tmp_path)


def test_two_files_for_one_role_are_not_guessed_between(tmp_path):
    touch(tmp_path, "receiver.pcap", "capture.pcapng")
    with pytest.raises(CaseError, match=r"receiver\.pcap, capture\.pcapng, and each could be the capture"):
        open_case(tmp_path)


def test_a_folder_without_a_call_says_what_it_holds(tmp_path):
    with pytest.raises(CaseError, match=r"holds notes\.txt: neither a capture .* nor a recording"):
        open_case(touch(tmp_path, "notes.txt"))
    with pytest.raises(CaseError, match="A case needs a capture or a recording, statistics or an event log"):
        open_case()


def test_a_path_that_is_not_there(tmp_path):
    touch(tmp_path, "monday.pcap")
    with pytest.raises(CaseError, match=r"There is no case folder or capture file .*; its folder holds monday\.pcap"):
        open_case(tmp_path / "tuesday.pcap")
    with pytest.raises(CaseError, match="its folder does not exist"):
        open_case(tmp_path / "gone" / "tuesday.pcap")
    with pytest.raises(CaseError, match=re.escape(f"{tmp_path} is a folder; expected is the recording itself")):
        open_case(tmp_path / "monday.pcap", recording=tmp_path)


def test_an_input_file_bears_its_digest(tmp_path):
    file = touch(tmp_path, "keys.log") / "keys.log"
    seen = input_file("keys", file, counts={"secrets": 1}, skipped={"malformed": 2}, notes=["cut off"])
    assert seen.sha256 == hashlib.sha256(b"keys.log").hexdigest()
    assert (seen.role, seen.path, seen.counts, seen.skipped) == ("keys", file, {"secrets": 1}, {"malformed": 2})
    assert seen.notes == ("cut off",)
