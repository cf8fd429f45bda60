"""From a handshake, real or made, to plain payloads; pylibsrtp and OpenSSL are the oracles."""

import base64
import contextlib
import datetime
import struct
from pathlib import Path

import numpy as np
import packets as p
import pylibsrtp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from forensics.capture import read_capture
from forensics.capture.dtls import find_handshakes
from forensics.capture.keylog import parse_key_log, read_key_log
from forensics.capture.secrets import EXPORTER_LABEL, export_1_3, find_secrets
from forensics.capture.srtp import PROFILES
from forensics.errors import KeysError
from forensics.streams import find_streams

PYLIBSRTP = {
    0x0001: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    0x0002: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    0x0007: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    0x0008: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
RECORDED = Path(__file__).parent / "recorded"
CLIENT_RANDOM, SERVER_RANDOM, MASTER = bytes(range(32)), bytes(range(32, 64)), bytes(range(100, 148))
KEY_LOG = f"CLIENT_RANDOM {CLIENT_RANDOM.hex()} {MASTER.hex()}\n"


def extension(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


def use_srtp(*profiles):
    return extension(14, struct.pack(f">H{len(profiles)}HB", 2 * len(profiles), *profiles, 0))


def client_hello(*profiles, random=CLIENT_RANDOM):
    extensions = use_srtp(*profiles)
    return b"\xfe\xfd" + random + b"\0\0" + b"\0\2\xc0\x2b" + b"\1\0" + struct.pack(">H", len(extensions)) + extensions


def server_hello(profile, *, suite=0xC02B, version_13=False, random=SERVER_RANDOM):
    extensions = (use_srtp(profile) if profile else b"") + (extension(43, b"\xfe\xfc") if version_13 else b"")
    head = b"\xfe\xfd" + random + b"\0" + struct.pack(">HB", suite, 0)
    return head + struct.pack(">H", len(extensions)) + extensions


def record(kind, message, *, fragments=1):
    size = -(-len(message) // fragments)
    out = b""
    for at in range(0, len(message), size):
        part = message[at : at + size]
        head = struct.pack(">I", kind << 24 | len(message)) + struct.pack(">H", 0)
        head += at.to_bytes(3, "big") + len(part).to_bytes(3, "big")
        out += b"\x16\xfe\xfd" + bytes(8) + struct.pack(">H", len(head) + len(part)) + head + part
    return out


def towards(payload):
    return p.ethernet(p.ipv4(p.udp(payload)))


def back(payload):
    return p.ethernet(p.ipv4(p.udp(payload, 6000, 5000), source=p.B, destination=p.A))


def handshake(profile, *, fragments=1, **answer):
    return [
        towards(record(1, client_hello(profile), fragments=fragments)),
        back(record(2, server_hello(profile, **answer))),
    ]


def master_keys(profile):
    """What the exporter gives for MASTER, by pylibsrtp's convention: key and salt of the client, of the server."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    def mac(data):
        h = HMAC(MASTER, SHA256())
        h.update(data)
        return h.finalize()

    seed, out, link = EXPORTER_LABEL + CLIENT_RANDOM + SERVER_RANDOM, b"", None
    while len(out) < 200:
        link = mac(link or seed)
        out += mac(link + seed)
    key, salt = PROFILES[profile].key, PROFILES[profile].salt
    client = out[:key] + out[2 * key : 2 * key + salt]
    return client, out[key : 2 * key] + out[2 * key + salt : 2 * (key + salt)]


def sealed(packets, profile, master):
    policy = pylibsrtp.Policy(key=master, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=PYLIBSRTP[profile])
    session = pylibsrtp.Session(policy)
    return [
        session.protect(packet) if packet[1] not in range(200, 208) else session.protect_rtcp(packet)
        for packet in packets
    ]


def voice(count, *, sequence=65500, **header):
    rng = np.random.default_rng(5)
    return [
        p.rtp(sequence + n, 960 * n, payload_type=111, payload=rng.bytes(40 + n % 50), **header) for n in range(count)
    ]


def capture_of(tmp_path, frames, name="call.pcap"):
    path = tmp_path / name
    path.write_bytes(p.pcap(p.shots(frames)))
    return read_capture(path)


def key_file(tmp_path, text=KEY_LOG):
    path = tmp_path / "keys.log"
    path.write_text(text)
    return path


def payloads(stream):
    return [stream.payload(row) for row in range(len(stream.packets))]


@pytest.mark.parametrize("profile", list(PYLIBSRTP))
def test_a_key_log_opens_both_directions(tmp_path, profile):
    client, server = master_keys(profile)
    up = voice(100, extension=(0xBEDE, b"\x10\x85"), csrcs=(7,))
    down = voice(100, ssrc=0x9999, sequence=3)
    frames = handshake(profile) + [towards(x) for x in sealed(up, profile, client)]
    frames += [back(x) for x in sealed(down, profile, server)]
    found = find_streams(capture_of(tmp_path, frames), keys=key_file(tmp_path))
    assert len(found) == 2
    for stream, plain in zip(found, (up, down), strict=True):
        header = 24 if plain is up else 12
        assert stream.encrypted
        assert stream.readable
        assert payloads(stream) == [packet[header:] for packet in plain]
        assert stream.packets["payload_bytes"].tolist() == [len(packet) - header for packet in plain]


@pytest.mark.parametrize("profile", list(PYLIBSRTP))
def test_srtcp_is_opened(tmp_path, profile):
    client, _ = master_keys(profile)
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 0x1234, 3_900_000_000, 1 << 31, 777, 55, 6600)
    frames = handshake(profile) + [towards(x) for x in sealed([*voice(20), report], profile, client)]
    (stream,) = find_streams(capture_of(tmp_path, frames), keys=key_file(tmp_path))
    assert stream.reports["packet_type"].tolist() == ["SR"]
    assert stream.reports["rtp_timestamp"].tolist() == [777]
    assert stream.reports["ntp_ns"].tolist() == [(3_900_000_000 - 2_208_988_800) * 10**9 + 5 * 10**8]


def test_padding_inside_an_encrypted_packet_is_told_from_the_payload(tmp_path):
    client, _ = master_keys(1)
    packets = voice(20, padding=8)
    frames = handshake(1) + [towards(x) for x in sealed(packets, 1, client)]
    (stream,) = find_streams(capture_of(tmp_path, frames), keys=key_file(tmp_path))
    assert payloads(stream) == [packet[12:-8] for packet in packets]


def test_without_keys_the_headers_are_read(tmp_path):
    client, _ = master_keys(7)
    packets = voice(50)
    frames = handshake(7) + [towards(x) for x in sealed(packets, 7, client)]
    found = find_streams(capture_of(tmp_path, frames))
    (stream,) = found
    assert stream.encrypted
    assert not stream.readable
    assert stream.payload(0) == b""
    assert (stream.packets["payload_offset"] == -1).all()
    assert stream.packets["payload_bytes"].tolist() == [len(packet) - 12 for packet in packets]
    assert found.notes == ("1 of 1 streams are encrypted and no key was given: they give what their headers tell",)


def test_the_key_log_of_another_call_is_refused(tmp_path):
    client, _ = master_keys(1)
    capture = capture_of(tmp_path, handshake(1) + [towards(x) for x in sealed(voice(20), 1, client)])
    other = key_file(tmp_path, f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n")
    with pytest.raises(
        KeysError, match=r"keys\.log does not open call\.pcap: none of its 1 client randoms .* another call"
    ):
        find_streams(capture, keys=other)
    assert not find_streams(capture)[0].readable


def test_a_wrong_secret_of_the_right_session_leaves_the_streams_closed(tmp_path):
    client, _ = master_keys(1)
    capture = capture_of(tmp_path, handshake(1) + [towards(x) for x in sealed(voice(20), 1, client)])
    wrong = key_file(tmp_path, f"CLIENT_RANDOM {CLIENT_RANDOM.hex()} {'00' * 48}\n")
    found = find_streams(capture, keys=wrong)
    assert not found[0].readable
    assert found.notes == ("no key opens 1 of 1 streams: they give what their headers tell",)


def test_a_capture_that_starts_after_the_handshake_says_what_is_missing(tmp_path):
    client, _ = master_keys(1)
    frames = [towards(b"\x17\xfe\xfd" + bytes(30))] + [towards(x) for x in sealed(voice(20), 1, client)]
    found = find_streams(capture_of(tmp_path, frames), keys=key_file(tmp_path))
    assert not found[0].readable
    assert "the capture holds no DTLS handshake" in found.notes[0]
    assert "give the SRTP master keys" in found.notes[0]


def test_a_missing_server_hello_is_named(tmp_path):
    client, _ = master_keys(1)
    frames = handshake(1)[:1] + [towards(x) for x in sealed(voice(20), 1, client)]
    found = find_streams(capture_of(tmp_path, frames), keys=key_file(tmp_path))
    assert "the ServerHello is missing or cut off, and the keys cannot be derived without its random" in found.notes


@pytest.mark.parametrize(("profile", "name"), [(1, "AES_CM_128_HMAC_SHA1_80"), (7, "AEAD_AES_128_GCM")])
def test_sdes_lines_and_raw_master_keys(tmp_path, profile, name):
    client, _ = master_keys(profile)
    packets = voice(20)
    capture = capture_of(tmp_path, [towards(x) for x in sealed(packets, profile, client)])
    for text in (
        f"a=crypto:1 {name} inline:{base64.b64encode(client).decode()}",
        f"{name} {client.hex()}",
        client.hex(),
    ):
        (stream,) = find_streams(capture, keys=key_file(tmp_path, text))
        assert payloads(stream) == [packet[12:] for packet in packets]


def with_identifier(packet, mki, profile):
    """Put a master key identifier where RFC 3711 and RFC 7714 want it: before the tag of counter mode, else last."""
    tag = {1: 10, 2: 4}.get(profile, 0)
    if packet[1] in range(200, 208) and tag:
        tag = 10
    return packet[: len(packet) - tag] + mki + packet[len(packet) - tag :]


@pytest.mark.parametrize(("profile", "name"), [(1, "AES_CM_128_HMAC_SHA1_80"), (7, "AEAD_AES_128_GCM")])
def test_identifiers_say_which_of_two_keys_a_packet_has(tmp_path, profile, name):
    client, server = master_keys(profile)
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 0x1234, 3_900_000_000, 0, 777, 55, 6600)
    packets = voice(40)
    first = [with_identifier(one, b"\0\1", profile) for one in sealed([*packets[:20], report], profile, client)]
    second = [with_identifier(one, b"\0\2", profile) for one in sealed(packets[20:], profile, server)]
    inline = [f"inline:{base64.b64encode(key).decode()}|2^31|{n}:2" for n, key in ((1, client), (2, server))]
    line = f"a=crypto:1 {name} {';'.join(inline)}"
    capture = capture_of(tmp_path, [towards(one) for one in [*first, *second]])
    (stream,) = find_streams(capture, keys=key_file(tmp_path, line))
    assert payloads(stream) == [packet[12:] for packet in packets]
    assert stream.packets["payload_bytes"].tolist() == [len(packet) - 12 for packet in packets]
    assert "its key changed once" in stream.notes
    assert not any("authenticate" in note for note in stream.notes)
    assert stream.reports["rtp_timestamp"].tolist() == [777]


def test_an_identifier_agreed_on_in_the_handshake_is_taken_off(tmp_path):
    client, _ = master_keys(1)
    packets = voice(20)
    agreed = extension(14, struct.pack(">HHB3s", 2, 1, 3, b"key"))
    hello = b"\xfe\xfd" + CLIENT_RANDOM + b"\0\0" + b"\0\2\xc0\x2b" + b"\1\0" + struct.pack(">H", len(agreed)) + agreed
    answer = b"\xfe\xfd" + SERVER_RANDOM + b"\0" + struct.pack(">HBH", 0xC02B, 0, len(agreed)) + agreed
    frames = [towards(record(1, hello)), back(record(2, answer))]
    frames += [towards(with_identifier(one, b"key", 1)) for one in sealed(packets, 1, client)]
    (stream,) = find_streams(capture_of(tmp_path, frames), keys=key_file(tmp_path))
    assert payloads(stream) == [packet[12:] for packet in packets]
    assert not any("authenticate" in note for note in stream.notes)


def test_a_key_that_changes_in_the_middle_of_a_call(tmp_path):
    """Another offer brings a new key, whose rollover counter starts with zero or goes on."""
    client, server = master_keys(1)
    packets = voice(200, sequence=65_450)
    protected = sealed(packets[:150], 1, client) + sealed(packets[150:], 1, server)
    capture = capture_of(tmp_path, [towards(one) for one in protected])
    (stream,) = find_streams(capture, keys=key_file(tmp_path, f"{client.hex()}\n{server.hex()}\n"))
    assert payloads(stream) == [packet[12:] for packet in packets]
    assert "its key changed once" in stream.notes
    assert not any("authenticate" in note for note in stream.notes)


@pytest.mark.parametrize("profile", [1, 2, 7])
def test_a_late_join_finds_the_rollover_counter(tmp_path, profile):
    client, _ = master_keys(profile)
    whole = [
        p.rtp(n, 960 * n, payload_type=111, payload=bytes([n % 251] * 20))
        for n in range(3 * 65536 - 50, 3 * 65536 + 50)
    ]
    policy = pylibsrtp.Policy(key=client, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=PYLIBSRTP[profile])
    session = pylibsrtp.Session(policy)
    for n in range(0, 3 * 65536 - 50, 30_000):  # the calls before the capture, told by a few packets
        session.protect(p.rtp(n, 0))
    protected = [session.protect(packet) for packet in whole]
    (stream,) = find_streams(
        capture_of(tmp_path, [towards(x) for x in protected]), keys=key_file(tmp_path, client.hex())
    )
    assert payloads(stream) == [packet[12:] for packet in whole]


def test_damaged_packets_stay_closed_and_are_told(tmp_path):
    client, _ = master_keys(1)
    protected = sealed(voice(20), 1, client)
    protected[9] = protected[9][:-1] + bytes([protected[9][-1] ^ 1])
    (stream,) = find_streams(
        capture_of(tmp_path, handshake(1) + [towards(x) for x in protected]), keys=key_file(tmp_path)
    )
    assert stream.payload(9) == b""
    assert stream.packets["payload_offset"].iat[9] == -1
    assert "1 packets do not authenticate with the key that opens the others" in stream.notes


def test_secrets_inside_the_capture_open_it_without_a_file(tmp_path):
    client, _ = master_keys(1)
    packets = voice(20)
    section = p.Section().interface(1).secrets(KEY_LOG.encode())
    for shot in p.shots(handshake(1) + [towards(x) for x in sealed(packets, 1, client)]):
        section.enhanced(shot)
    path = tmp_path / "call.pcapng"
    path.write_bytes(section.octets())
    (stream,) = find_streams(read_capture(path))
    assert payloads(stream) == [packet[12:] for packet in packets]


def test_hellos_in_fragments_and_again(tmp_path):
    capture = capture_of(tmp_path, handshake(1, fragments=4) * 2)
    (found,) = find_handshakes(capture)
    assert (found.client_random, found.server_random, found.profile) == (CLIENT_RANDOM, SERVER_RANDOM, 1)
    assert (found.client_flow, found.server_flow) == (0, 1)


def test_dtls_1_3_tries_the_profiles_that_were_offered(tmp_path):
    exporter = bytes(range(48))
    exported = export_1_3(exporter, EXPORTER_LABEL, 56)
    client = exported[:16] + exported[32:44]
    packets = voice(20)
    frames = [
        towards(record(1, client_hello(8, 7, 1))),
        back(record(2, server_hello(0, suite=0x1302, version_13=True))),
    ]
    frames += [towards(x) for x in sealed(packets, 7, client)]
    log = key_file(tmp_path, f"EXPORTER_SECRET {CLIENT_RANDOM.hex()} {exporter.hex()}\n")
    (stream,) = find_streams(capture_of(tmp_path, frames), keys=log)
    assert payloads(stream) == [packet[12:] for packet in packets]


def test_a_recorded_call_with_dtls_1_3_opens():
    """Firefox 153 with itself, a tone of its test microphone, and its key log as secrets inside the file."""
    capture = read_capture(RECORDED / "firefox_dtls_1_3.pcapng")
    (handshake,) = find_handshakes(capture)
    assert (handshake.version, handshake.suite, handshake.profile) == (0xFEFC, 0x1301, 0)
    (stream,) = find_streams(capture)
    assert stream.encrypted
    assert stream.readable
    assert len(stream.packets) > 100
    assert (stream.packets["payload_offset"] >= 0).all()
    assert not any("authenticate" in note for note in stream.notes)
    assert {"SR", "RR", "TWCC"} <= set(stream.reports["packet_type"])
    assert stream.cname
    assert stream.mid == "0"
    from forensics.audio.payloads import decode_stream

    sound = decode_stream(stream).track
    spectrum = np.abs(np.fft.rfft(sound.samples))
    assert spectrum.argmax() / sound.duration_s == pytest.approx(1000, abs=5)


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime.datetime(2024, 1, 1)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=36500))
    return key, built.sign(key, hashes.SHA256())


def shake_hands(method, *, srtp=b"", maximum=None):
    """Run a real handshake in memory; return client and server connection, the datagrams of both, and the key log."""
    lines = []
    key, cert = certificate()
    context = SSL.Context(method)
    context.use_privatekey(key)
    context.use_certificate(cert)
    context.set_keylog_callback(lambda _, line: lines.append(line.decode()))
    if srtp:
        context.set_tlsext_use_srtp(srtp)
    client, server = SSL.Connection(context), SSL.Connection(context)
    client.set_connect_state()
    server.set_accept_state()
    sent = []
    for _ in range(20):
        for near, far, way in ((client, server, 0), (server, client, 1)):
            with contextlib.suppress(SSL.WantReadError):
                near.do_handshake()
            try:
                datagram = near.bio_read(65536)
            except SSL.WantReadError:
                continue
            sent.append((way, datagram))
            far.bio_write(datagram)
    return client, server, sent, "\n".join(lines)


def test_a_real_dtls_handshake_gives_the_keys_that_openssl_exports(tmp_path):
    client, _, sent, log = shake_hands(SSL.DTLS_METHOD, srtp=b"SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80")
    wanted = client.export_keying_material(EXPORTER_LABEL, 56, None)
    capture = capture_of(tmp_path, [(back if way else towards)(datagram) for way, datagram in sent])
    secrets = find_secrets(capture, keys=key_file(tmp_path, log))
    near, far = secrets.masters
    assert near.profile.name == "AEAD_AES_128_GCM"
    assert near.key + far.key + near.salt + far.salt == wanted
    assert repr(near.key) not in repr(secrets) + repr(near)


def test_the_1_3_exporter_is_that_of_openssl():
    client, _, _, log = shake_hands(SSL.TLS_METHOD)
    secret = next(iter(parse_key_log(log.encode()).sessions.values()))["EXPORTER_SECRET"]
    assert export_1_3(secret, b"EXPERIMENTAL", 60, prefix=b"tls13 ") == client.export_keying_material(
        b"EXPERIMENTAL", 60, b""
    )


def test_a_file_without_keys_is_refused(tmp_path):
    with pytest.raises(KeysError, match=r"holds no key: 1 lines, none of them of an NSS key log .* SSLKEYLOGFILE"):
        read_key_log(key_file(tmp_path, "nothing here\n"))
    with pytest.raises(KeysError, match=r"cannot be read: No such file or directory\. Check the path"):
        read_key_log(tmp_path / "absent.log")


def test_odd_lines_of_a_key_log_are_passed_over():
    keys = parse_key_log(
        b"# comment\nCLIENT_RANDOM zz yy\nCLIENT_RANDOM " + b"ab" * 32 + b" abc\n\xff\xfe\n" + KEY_LOG.encode()
    )
    assert list(keys.sessions) == [CLIENT_RANDOM]
    assert keys.sessions[CLIENT_RANDOM] == {"CLIENT_RANDOM": MASTER}
    assert MASTER.hex() not in repr(keys)
