"""What a dropped file is taken for."""

import pytest

from forensics.views.roles import guess_role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("receiver.pcapng", "capture"),
        ("monday.PCAP.gz", "capture"),
        ("sender.pcap", "sender_capture"),
        ("heard.wav", "recording"),
        ("mic.flac", "microphone"),
        ("keys.log", "keys"),
        ("sslkeys.txt", "keys"),
        ("webrtc_internals_dump.json", "stats"),
        ("getstats.json.gz", "stats"),
        ("agent.jsonl", "events"),
        ("notes.docx", ""),
        ("README", ""),
    ],
)
def test_names_tell_roles(name, role):
    assert guess_role(name) == role


def test_a_second_capture_is_that_of_the_other_side():
    assert guess_role("tuesday.pcap", {"capture"}) == "sender_capture"
    assert guess_role("third.pcap", {"capture", "sender_capture"}) == ""
