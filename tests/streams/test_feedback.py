"""NACKs, transport-wide feedback and extended reports become a row per packet or figure; tshark is the oracle."""

import math
import shutil
import struct
import subprocess

import packets as p
import pytest

from forensics.capture import read_capture
from forensics.model import EXTENDED_REPORT_COLUMNS, NACK_COLUMNS, TRANSPORT_FEEDBACK_COLUMNS
from forensics.streams import find_feedback
from forensics.streams.extended import read_extended_report
from forensics.streams.feedback import read_nack, read_transport_feedback


def packet(kind, count, body):
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


def nack(*pairs, sender=1, media=2):
    return packet(205, 1, struct.pack(">II", sender, media) + b"".join(struct.pack(">HH", *pair) for pair in pairs))


def transport_feedback(base, count, chunks, deltas, *, reference=5, number=7):
    body = struct.pack(">IIHHI", 1, 2, base, count, (reference & 0xFF_FFFF) << 8 | number)
    body += b"".join(struct.pack(">H", chunk) for chunk in chunks) + deltas
    return packet(205, 15, body + bytes(-len(body) % 4))


def extended(*blocks, sender=1):
    return packet(207, 0, struct.pack(">I", sender) + b"".join(blocks))


def block(kind, told, body):
    return struct.pack(">BBH", kind, told, len(body) // 4) + body


def capture_of(tmp_path, *messages):
    frames = [p.ethernet(p.ipv4(p.udp(one, 5001, 6001))) for one in messages]
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(frames)))
    return read_capture(path)


MIXED = transport_feedback(
    65_533,
    12,
    [0x2003, 0x0002, 0xC000 | 0b01010100110000],  # three small, two lost, seven of two bits: 1 1 1 0 3 0 0
    bytes([4, 8, 12, 1, 2, 3]),
)


def test_a_nack_lists_what_is_missing():
    assert read_nack(nack((100, 0), (65_534, 0b1000000000000011))) == [100, 65_534, 65_535, 0, 14]


def test_transport_feedback_by_runs_and_vectors():
    told = read_transport_feedback(MIXED)
    assert [number for number, _ in told] == [(65_533 + n) & 0xFFFF for n in range(12)]
    seconds = [received for _, received in told]
    assert seconds[:3] == pytest.approx([0.321, 0.323, 0.326])
    assert math.isnan(seconds[3])
    assert math.isnan(seconds[4])
    assert seconds[5:8] == pytest.approx([0.32625, 0.32675, 0.3275])


def test_a_large_delta_may_go_back_in_time():
    chunk = 0xC000 | 2 << 12 | 1 << 10 | 2 << 8
    deltas = struct.pack(">hBh", 4000, 4, -2000)
    told = read_transport_feedback(transport_feedback(9, 3, [chunk], deltas, reference=-1))
    assert [received for _, received in told] == pytest.approx([-0.064 + 1, -0.064 + 1.001, -0.064 + 0.501])


def test_one_bit_vectors():
    told = read_transport_feedback(transport_feedback(0, 14, [0x8000 | 0b10100000000001], bytes([4, 4, 4])))
    assert [number for number, received in told if not math.isnan(received)] == [0, 2, 13]


@pytest.mark.parametrize("size", range(0, len(MIXED), 3))
def test_feedback_that_is_cut_off_gives_what_is_whole(size):
    whole, part = read_transport_feedback(MIXED), read_transport_feedback(MIXED[:size])
    assert repr(part) == repr(whole[: len(part)])


def test_loss_and_duplicate_runs_of_an_extended_report():
    body = struct.pack(">IHH", 9, 65_530, 20) + struct.pack(">HHHH", 0x4003, 0x0002, 0x8000 | 0x7FF8, 0x0000)
    figures = list(read_extended_report(extended(block(1, 0, body), block(2, 0, body))))
    lost = [65_533, 65_534, 11, 12, 13]  # three there, two not, then twelve there and three not
    assert figures == [("loss_rle", 9, "lost_sequence_number", n) for n in lost] + [
        ("duplicate_rle", 9, "duplicate_sequence_number", n) for n in lost
    ]


def test_thinned_runs_tell_of_every_fourth_packet():
    body = struct.pack(">IHH", 9, 6, 30) + struct.pack(">HH", 0x8000 | 0b101111 << 9, 0)
    figures = read_extended_report(extended(block(1, 2, body)))
    assert [value for *_, value in figures] == [12]


def test_times_and_delays_of_extended_reports():
    reference = block(4, 0, struct.pack(">II", 3_900_000_000, 1 << 31))
    delays = block(5, 0, struct.pack(">IIIIII", 7, 0xABCD, 65536, 8, 0, 32768))
    receipts = block(3, 0, struct.pack(">IHHII", 7, 100, 102, 8000, 8160))
    assert list(read_extended_report(extended(reference, delays, receipts))) == [
        ("receiver_reference_time", -1, "ntp_s", 3_900_000_000 - 2_208_988_800 + 0.5),
        ("dlrr", 7, "last_rr", 0xABCD),
        ("dlrr", 7, "delay_since_last_rr_s", 1.0),
        ("dlrr", 8, "last_rr", 0),
        ("dlrr", 8, "delay_since_last_rr_s", 0.5),
        ("packet_receipt_times", 7, "sequence_number", 100),
        ("packet_receipt_times", 7, "receipt_time_ticks", 8000),
        ("packet_receipt_times", 7, "sequence_number", 101),
        ("packet_receipt_times", 7, "receipt_time_ticks", 8160),
    ]


def test_the_statistics_summary_gives_what_was_measured():
    body = struct.pack(">IHHIIIIIIBBBB", 7, 10, 20, 3, 4, 5, 6, 7, 8, 60, 64, 62, 1)
    names = {name: value for *_, name, value in read_extended_report(extended(block(6, 0xA0, body)))}
    assert names == {
        "begin_seq": 10, "end_seq": 20, "lost_packets": 3,
        "min_jitter_ticks": 5, "max_jitter_ticks": 6, "mean_jitter_ticks": 7, "dev_jitter_ticks": 8,
    }  # fmt: skip


def voip(ssrc=7):
    return struct.pack(
        ">IBBBBHHHHbbBBBBBBBxHHH", ssrc, 64, 32, 128, 0, 500, 9000, 120, 80, -20, -70, 127, 16, 93, 127, 42, 41, 0x70,
        40, 60, 200,
    )  # fmt: skip


def test_voip_metrics_in_units_and_without_what_nobody_measured():
    figures = {name: value for _, _, name, value in read_extended_report(extended(block(7, 0, voip())))}
    assert (figures["loss_rate"], figures["discard_rate"], figures["burst_density"]) == (0.25, 0.125, 0.5)
    assert (figures["burst_duration_s"], figures["round_trip_delay_s"]) == (0.5, 0.12)
    assert (figures["signal_level_dbm"], figures["r_factor"]) == (-20, 93)
    assert (figures["mos_lq"], figures["jb_abs_max_s"]) == (pytest.approx(4.2), pytest.approx(0.2))
    assert not {"rerl_db", "ext_r_factor", "reserved"} & set(figures)


def test_an_unknown_block_is_told_by_its_length():
    assert list(read_extended_report(extended(block(42, 0, bytes(8))))) == [("type_42", -1, "octets", 8)]


def test_the_tables_keep_their_contracts_and_their_frames(tmp_path):
    compound = packet(201, 0, struct.pack(">I", 4)) + nack((100, 1))
    found = find_feedback(capture_of(tmp_path, compound, MIXED, extended(block(7, 0, voip()), sender=3)))
    for table, contract in (
        (found.nacks, NACK_COLUMNS),
        (found.transport, TRANSPORT_FEEDBACK_COLUMNS),
        (found.extended, EXTENDED_REPORT_COLUMNS),
    ):
        assert list(table.columns) == list(contract)
        assert [str(kind) for kind in table.dtypes if kind != "str"] == [k for k in contract.values() if k != "str"]
    assert found.nacks[["frame", "sender_ssrc", "reported_ssrc", "sequence_number"]].values.tolist() == [
        [1, 1, 2, 100],
        [1, 1, 2, 101],
    ]
    assert found.transport["received"].sum() == 6
    assert found.transport["frame"].unique().tolist() == [2]
    assert found.transport["feedback_packet_count"].unique().tolist() == [7]
    assert found.extended["sender_ssrc"].unique().tolist() == [3]


def test_padding_of_the_last_packet_is_no_content(tmp_path):
    padded = bytearray(nack((100, 0)) + struct.pack(">HH", 0, 4))
    padded[0] |= 0x20
    padded[3] += 1
    found = find_feedback(capture_of(tmp_path, bytes(padded)))
    assert found.nacks["sequence_number"].tolist() == [100]


def test_run_lengths_that_lie_cost_no_memory(tmp_path):
    run = block(1, 0, struct.pack(">IHHHH", 9, 0, 65_534, 0x3FFF, 0x3FFF))
    found = find_feedback(capture_of(tmp_path, extended(*[run] * 60)))
    assert len(found.extended) == 1 << 16


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_same(tmp_path):
    capture = capture_of(tmp_path, nack((100, 5)), MIXED, extended(block(7, 0, voip())))
    fields = (
        "rtcp.rtpfb.nack_pid", "rtcp.rtpfb.transportcc.baseseq", "rtcp.rtpfb.transportcc.statuscount",
        "rtcp.rtpfb.transportcc.pktcount", "rtcp.xr.voipmetrics.burstduration", "rtcp.xr.voipmetrics.rtdelay",
        "rtcp.xr.voipmetrics.moslq",
    )  # fmt: skip
    command = ["tshark", "-n", "-r", str(tmp_path / "call.pcap"), "-d", "udp.port==6001,rtcp", "-T", "fields"]
    command += [argument for field in fields for argument in ("-e", field)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    first, second, third = (line.split("\t") for line in out.splitlines())
    found = find_feedback(capture)
    figures = found.extended.set_index("name")["value"]
    assert first[0].split(",")[0] == str(found.nacks["sequence_number"].iat[0])
    assert [int(value) for value in second[1:4]] == [65_533, len(found.transport), 7]
    assert [float(value) for value in third[4:]] == pytest.approx(
        [1e3 * figures["burst_duration_s"], 1e3 * figures["round_trip_delay_s"], figures["mos_lq"]]
    )
