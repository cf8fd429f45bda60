import numpy as np
import pandas as pd
import pytest

from forensics.model import LOSS_COLUMNS, REPORT_COLUMNS, RTP_COLUMNS, Codec, RtpStream, empty_table

FRAME_S = 0.02


def build_stream(arrival_s, *, sequence=None, timestamp=None, payload_bytes=80, codec=("opus", 48_000)):
    """A stream whose packets came at `arrival_s`; 20 ms each and in sequence where nothing else is said."""
    arrival_s = np.asarray(arrival_s, dtype=float)
    count = len(arrival_s)
    sequence = np.arange(count) if sequence is None else np.asarray(sequence)
    timestamp = sequence * round(FRAME_S * codec[1]) if timestamp is None else np.asarray(timestamp)
    order = np.argsort(arrival_s, kind="stable")
    packets = pd.DataFrame({name: pd.Series(np.zeros(count), dtype=dtype) for name, dtype in RTP_COLUMNS.items()})
    packets["frame"] = np.arange(1, count + 1)
    packets["arrival_s"] = arrival_s[order]
    packets["ssrc"] = np.uint32(7)
    packets["ext_sequence_number"] = sequence[order]
    packets["ext_timestamp"] = timestamp[order]
    packets["payload_bytes"] = np.broadcast_to(payload_bytes, count)[order].astype("int32")
    packets["payload_offset"] = -1
    return RtpStream(
        ssrc=7,
        source="192.0.2.1:5004",
        destination="192.0.2.2:5004",
        flow=0,
        codec=Codec(*codec),
        packets=packets,
        losses=empty_table(LOSS_COLUMNS),
        reports=empty_table(REPORT_COLUMNS),
        octets=np.zeros(0, dtype=np.uint8),
    )


@pytest.fixture
def make_stream():
    return build_stream


@pytest.fixture
def steady():
    """Arrivals of a call of 20 s whose network delays each packet by a fraction of a millisecond."""
    rng = np.random.default_rng(5)
    return np.arange(1000) * FRAME_S + rng.uniform(0, 0.0005, 1000)
