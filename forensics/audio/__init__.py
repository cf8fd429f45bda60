"""Sound: RTP payloads and recordings as samples, their levels, who speaks when, how alike two sounds are."""

from forensics.audio.activity import find_speech
from forensics.audio.payloads import DecodedStream, decode_stream, media_time_s
from forensics.audio.recording import read_recording
from forensics.audio.resample import resample_track

__all__ = [
    "DecodedStream",
    "decode_stream",
    "find_speech",
    "media_time_s",
    "read_recording",
    "resample_track",
]
