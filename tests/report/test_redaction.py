"""Redaction: nothing that was there before is in the bytes afterwards, and what belonged together still does."""

import base64
import contextlib
import re
import zlib
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pandas as pd
import pytest
from synthetic_call import synthetic_diagnosis

from forensics.model import (
    EVENT_COLUMNS,
    SETUP_COLUMNS,
    SLACK_COLUMNS,
    STATISTICS_COLUMNS,
    Case,
    Cause,
    Evidence,
    InputFile,
    Prompt,
    Step,
    Turn,
)
from forensics.report import write_report
from forensics.report.redaction import redacted

KEY = b"a key of the tests"
SECRETS = (
    "acme-board-call", "192.0.2.10", "198.51.100.7", "40717", "51613", "DEADBEEF", "3735928559", "alice@example.org",
    "2001:db8::17", "quarterly.pcap", "/home/alice", "ab" * 32, "resp_Zk91", "item_Qx77", "IT01A99887766",
    "f1d2d2f9-aaaa-4bbb-8ccc-1234567890ab", "0f9e8d7c-1111-4222-8333-abcdefabcdef.local", "203.0.113.9", "51999",
    "uFr4g", "Pa55w0rdOfIce", "12:34:56:AB:CD:EF:01:23", "Acme board room", "the merger closes", "my secret order",
    "3405691582",
)  # fmt: skip
SDP = """v=0\r
o=alice 4611731400430051336 2 IN IP4 192.0.2.10\r
s=Acme board room\r
a=ice-ufrag:uFr4g\r
a=ice-pwd:Pa55w0rdOfIce\r
a=fingerprint:sha-256 12:34:56:AB:CD:EF:01:23\r
a=ssrc:3735928559 cname:alice@example.org\r
a=candidate:842163049 1 udp 1677729535 203.0.113.9 51999 typ srflx\r
"""
TOLD = (
    "At 14:12:07 alice@example.org (192.0.2.10:40717, SSRC 0xDEADBEEF = 3735928559) of acme-board-call lost "
    "packets to [2001:db8::17]:51613, says /home/alice/captures/quarterly.pcap. Line 7 of resp_Zk91 and item_Qx77; "
    "IT01A99887766, track f1d2d2f9-aaaa-4bbb-8ccc-1234567890ab, 0f9e8d7c-1111-4222-8333-abcdefabcdef.local; "
    "uFr4g with Pa55w0rdOfIce and 12:34:56:AB:CD:EF:01:23 from 203.0.113.9:51999 in Acme board room; 3405691582."
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A diagnosis that tells everything, everywhere."""
    plain = synthetic_diagnosis(seconds=20.0, name="acme-board-call")
    path = Path("/home/alice/captures/quarterly.pcap")
    sdp = tmp_path_factory.mktemp("sdp") / "offer.sdp"
    sdp.write_bytes(SDP.encode())
    stream = replace(plain.scene.downlink, cname="alice@example.org", notes=(TOLD,), repaired_ssrc=3405691582)
    scene = replace(
        plain.scene, case=Case("acme-board-call", capture=path, sdp=sdp), downlink=stream, streams=(stream,),
        inputs=(InputFile("capture", path, "ab" * 32, {}, {}, (TOLD,)),), **tables(),
        turns=(*plain.scene.turns, Turn("agent", 18.9, 19.5, text="the merger closes", said_over="my secret order")),
    )  # fmt: skip
    claim = Evidence("uplink_packets", Cause.NETWORK_DROP, True, TOLD)
    prompt = Prompt(0.4, 1.6, said="the merger closes", understood="my secret order", evidence=(claim,))
    verdicts = tuple(
        replace(v, remedy=TOLD, evidence=tuple(replace(e, statement=TOLD) for e in v.evidence)) for v in plain.verdicts
    )
    steps = (Step("capture", "read", {"path": str(path), "nested": [{"host": "192.0.2.10"}]}, (TOLD,)),)
    return replace(plain, scene=scene, verdicts=verdicts, steps=steps, conclusion=TOLD, prompts=(prompt,))


def tables():
    """Event log, slack, set-up and statistics that name what they can."""
    event = {"line": 7, "capture_s": 5.0, "kind": "user_transcript", "response_id": "resp_Zk91",
             "item_id": "item_Qx77", "text": "the merger closes", "name": TOLD}  # fmt: skip
    slack = {"response_id": "resp_Zk91", "line": 7, "capture_s": 5.0, "produced_s": 1.0, "slack_s": -0.2}
    phase = {"phase": "ice", "start_s": 0.1, "end_s": 0.3, "frame": 4, "statement": TOLD}
    reading = {"id": "IT01A99887766", "kind": "audio", "ssrc": 0xDEADBEEF, "capture_s": 1.0, "time_s": 1.0,
               "packets_lost": 2.0, "track_identifier": "f1d2d2f9-aaaa-4bbb-8ccc-1234567890ab"}  # fmt: skip
    return {
        "events": row_of(EVENT_COLUMNS, event),
        "slack": row_of(SLACK_COLUMNS, slack),
        "setup": row_of(SETUP_COLUMNS, phase),
        "stats": {"inbound-rtp": row_of(STATISTICS_COLUMNS["inbound-rtp"], reading)},
    }


def row_of(contract, given):
    """A table of one row that keeps its contract, and what is given beyond it."""
    empty = {name: "" if kind == "str" else 0 for name, kind in contract.items()}
    return pd.DataFrame([empty | given]).astype(dict(contract))


def secrets_in(octets):
    """What of the secrets stands in these bytes, whatever its case."""
    return [secret for secret in SECRETS if secret.lower().encode() in octets.lower()]


def unpacked(octets):
    """Whatever a page carries packed: arrays inflated, sounds decoded from base64."""
    for text in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", octets):
        raw = base64.b64decode(text + b"=" * (-len(text) % 4))
        yield raw
        with contextlib.suppress(zlib.error):
            yield zlib.decompress(raw)


def test_the_test_tells_its_secrets(told, tmp_path):
    octets = write_report(told, tmp_path / "open.html").read_bytes()
    assert sorted({*SECRETS} - {*secrets_in(octets)}) == []


@pytest.mark.parametrize("audio", ["call", "none"])
def test_no_secret_is_in_the_bytes(told, tmp_path, audio):
    octets = write_report(told, tmp_path / "r.html", redact=True, audio=audio).read_bytes()
    text = re.sub(rb"[A-Za-z0-9+/=]{200,}", b"", octets)  # packed arrays and sound, in which digits may meet by chance
    assert secrets_in(text) == []
    long = [secret.encode() for secret in SECRETS if len(secret) > 6]
    addresses = [ip_address(text).packed for text in ("192.0.2.10", "198.51.100.7", "203.0.113.9", "2001:db8::17")]
    for raw in unpacked(octets):
        assert [secret for secret in (*long, *addresses) if secret in raw] == []


def test_ids_stay_the_same_id_throughout(told):
    diagnosis = redacted(told, key=KEY)
    (answer,) = diagnosis.scene.slack["response_id"]
    assert re.fullmatch(r"id-[0-9a-f]{6}", answer)
    assert list(diagnosis.scene.events["response_id"]) == [answer]
    assert answer in diagnosis.conclusion
    assert list(diagnosis.scene.stats["inbound-rtp"]["ssrc"]) == [diagnosis.scene.downlink.ssrc]


def test_words_are_withheld_and_texts_left_out(told):
    diagnosis = redacted(told, key=KEY)
    assert (diagnosis.prompts[0].said, diagnosis.prompts[0].understood) == ("withheld", "withheld")
    assert diagnosis.scene.turns[-1].text == "withheld"
    assert list(diagnosis.scene.events["text"]) == [""]
    assert list(diagnosis.scene.events["kind"]) == ["user_transcript"]
    assert diagnosis.scene.slack["slack_s"].tolist() == [-0.2]


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


def test_a_stream_named_like_a_word_of_ours_renames_nothing(told):
    stream = replace(told.scene.downlink, cname="agent")
    diagnosis = redacted(replace(told, scene=replace(told.scene, downlink=stream, streams=(stream,))), key=KEY)
    assert [turn.speaker for turn in diagnosis.scene.turns] == [turn.speaker for turn in told.scene.turns]
    assert diagnosis.scene.downlink.cname.startswith("name-")
