"""Redaction: nothing that was there before is in the bytes afterwards, and what belonged together still does."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_call import synthetic_diagnosis

from forensics.model import Case, InputFile, Step
from forensics.report import write_report
from forensics.report.redaction import redacted

KEY = b"a key of the tests"
SECRETS = (
    "acme-board-call", "192.0.2.10", "198.51.100.7", "40717", "51613", "DEADBEEF", "3735928559", "alice@example.org",
    "2001:db8::17", "quarterly.pcap", "/home/alice", "ab" * 32,
)  # fmt: skip
TOLD = (
    "At 14:12:07 alice@example.org (192.0.2.10:40717, SSRC 0xDEADBEEF = 3735928559) of acme-board-call lost "
    "packets to [2001:db8::17]:51613, says /home/alice/captures/quarterly.pcap."
)


@pytest.fixture(scope="module")
def told():
    """A diagnosis that tells everything, everywhere."""
    plain = synthetic_diagnosis(seconds=20.0, name="acme-board-call")
    path = Path("/home/alice/captures/quarterly.pcap")
    stream = replace(plain.scene.downlink, cname="alice@example.org", notes=(TOLD,))
    scene = replace(
        plain.scene, case=Case("acme-board-call", capture=path), downlink=stream, streams=(stream,),
        inputs=(InputFile("capture", path, "ab" * 32, {}, {}, (TOLD,)),),
    )  # fmt: skip
    verdicts = tuple(
        replace(v, remedy=TOLD, evidence=tuple(replace(e, statement=TOLD) for e in v.evidence)) for v in plain.verdicts
    )
    steps = (Step("capture", "read", {"path": str(path), "nested": [{"host": "192.0.2.10"}]}, (TOLD,)),)
    return replace(plain, scene=scene, verdicts=verdicts, steps=steps, conclusion=TOLD)


def test_the_test_tells_its_secrets(told, tmp_path):
    octets = write_report(told, tmp_path / "open.html").read_bytes()
    assert [secret for secret in SECRETS if secret.encode() not in octets and secret != "/home/alice"] == []


@pytest.mark.parametrize("audio", ["call", "none"])
def test_no_secret_is_in_the_bytes(told, tmp_path, audio):
    octets = write_report(told, tmp_path / "r.html", redact=True, audio=audio).read_bytes().lower()
    text = re.sub(rb"[a-z0-9+/=]{200,}", b"", octets)  # packed arrays and sound, in which digits may meet by chance
    assert [secret for secret in SECRETS if secret.lower().encode() in text] == []


def test_the_same_address_is_the_same_pseudonym(told):
    diagnosis = redacted(told, key=KEY)
    host = diagnosis.scene.downlink.source.split(":")[0]
    assert host in diagnosis.conclusion
    assert host in str(diagnosis.steps[0].parameters["nested"])
    assert re.fullmatch(r"host-[0-9a-f]{6}", host)


def test_a_key_makes_reports_comparable(told):
    assert redacted(told, key=KEY).conclusion == redacted(told, key=KEY).conclusion
    assert redacted(told).conclusion != redacted(told).conclusion


def test_what_is_no_name_stays(told):
    diagnosis = redacted(told, key=KEY)
    assert diagnosis.conclusion.startswith("At 14:12:07 ")
    assert [v.cause for v in diagnosis.verdicts] == [v.cause for v in told.verdicts]
    assert diagnosis.verdicts[0].glitch.start_s == told.verdicts[0].glitch.start_s
    assert diagnosis.scene.inputs[0].role == "capture"
