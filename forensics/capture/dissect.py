"""`dissect`: a handful of frames, layer by layer, as Wireshark sees them. The only file that knows pyshark.

pyshark is slow on whole files and refuses to work inside a running event loop, as a Jupyter kernel is. It is therefore
given a temporary capture with just the frames asked for, in a thread of its own with a loop of its own.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyshark import FileCapture
from pyshark.capture.capture import TSharkCrashException
from pyshark.packet.packet import Packet

from forensics.capture.frames import read_frames, write_frames
from forensics.errors import CaptureError, MissingToolError
from forensics.model import Case

PATIENCE_S = 60.0
"""A slice of frames takes half a second; a tshark that has not answered by then is stopped."""

_HEURISTICS = ["--enable-heuristic", "rtp_udp", "--enable-heuristic", "rtcp_udp"]
"""RTP has no port of its own; Wireshark recognises it by its header only if it is told to."""

_STYLE = "font-family:monospace;font-size:12px;line-height:1.5"


class DissectedPacket(Packet):
    """A pyshark packet that shows itself as a tree of layers in a notebook."""

    def _repr_html_(self) -> str:
        title = f"Frame {self.number} · {self.sniff_time:%H:%M:%S.%f} · {self.length} octets"
        layers = "".join(_layer_html(layer, unfolded=layer is self.layers[-1]) for layer in self.layers)
        return f'<div style="{_STYLE}"><b>{escape(title)}</b>{layers}</div>'


def dissect(case: Case | str | Path, frames: int | Iterable[int], *, keys: Path | None = None) -> list[DissectedPacket]:
    """Dissect single frames of a capture with pyshark, in a script or inside a running Jupyter kernel.

    Parameters
    ----------
    case : Case, str or Path
        A case (its receiver's capture is used), a case folder or a capture file.
    frames : int or iterable of int
        Frame numbers as Wireshark shows them, from 1; a handful, each costs a few milliseconds.
    keys : Path, optional
        NSS key log, with which tshark opens DTLS. The case's own is used where none is given.

    Returns
    -------
    list of DissectedPacket
        pyshark packets in the order of the file, with the numbers that they have there.

    Raises
    ------
    MissingToolError
        tshark is not installed.
    CaptureError
        The file is no capture, has no frame of that number, or tshark failed on it.

    Notes
    -----
    tshark sees only these frames, and the first one of the file for the relative time. What needs others is not shown:
    the time since the frame before, reassembled fragments, the setup of a call. tshark 4.0 does not open SRTP, with or
    without keys (DIAGNOSIS.md section 3).
    """
    if shutil.which("tshark") is None:
        raise MissingToolError(
            "tshark is not installed, and frames cannot be dissected without it: "
            "install the package tshark (or Wireshark). Everything else works without it."
        )
    capture, keys, decode_as = _files(case, keys)
    numbers = [frames] if isinstance(frames, int) else [int(frame) for frame in frames]
    if not numbers:
        return []
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="dissect") as worker:
        return worker.submit(_dissect, capture, numbers, keys=keys, decode_as=decode_as).result()


def _files(case: Case | str | Path, keys: Path | None) -> tuple[Path, Path | None, Mapping[str, str]]:
    """Return the capture, the key log and what ports mean, of a case or of a file alone."""
    if not isinstance(case, Case):
        path = Path(case)
        if not path.is_dir():
            return path, keys, {}
        from forensics.case import open_case

        case = open_case(path)
    if case.capture is None:
        raise CaptureError(f"The case {case.name} has no capture, so there is no frame to dissect. Give one.")
    return case.capture, keys or case.keys, case.decode_as


def _dissect(
    capture: Path, numbers: list[int], *, keys: Path | None, decode_as: Mapping[str, str]
) -> list[DissectedPacket]:
    frames = read_frames(capture, {1, *numbers})
    with TemporaryDirectory(prefix="forensics-") as folder:
        part = write_frames(Path(folder) / "frames.pcapng", frames)
        packets = _run_tshark(part, keys=keys, decode_as=_for_tshark(decode_as))
    if len(packets) != len(frames):
        raise CaptureError(f"tshark returned {len(packets)} of {len(frames)} frames of {capture.name}.")
    numbered = zip(frames, packets, strict=True)
    return [_renumbered(packet, frame.number) for frame, packet in numbered if frame.number in numbers]


def _for_tshark(decode_as: Mapping[str, str]) -> dict[str, str]:
    """Keep what names a layer as tshark does; codecs of payload types are ours alone."""
    return {key: value for key, value in decode_as.items() if key.startswith(("udp.port", "tcp.port"))}


def _run_tshark(part: Path, *, keys: Path | None, decode_as: dict[str, str]) -> list[Packet]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    preferences = {"udp.try_heuristic_first": "TRUE"} | ({"tls.keylog_file": str(keys.resolve())} if keys else {})
    capture = FileCapture(
        str(part),
        eventloop=loop,
        keep_packets=True,
        decode_as=decode_as or None,
        override_prefs=preferences,
        custom_parameters=_HEURISTICS,
    )
    try:
        try:
            return loop.run_until_complete(asyncio.wait_for(_all_packets(capture), PATIENCE_S))
        finally:
            capture.close()
    except (TSharkCrashException, TimeoutError) as error:
        reason = (str(error).strip() or f"no answer within {PATIENCE_S:g} s").splitlines()[-1]
        raise CaptureError(f"tshark failed on these frames: {reason}. Check it with: tshark --version") from None
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _all_packets(capture: FileCapture) -> list[Packet]:
    """Read to the end and let tshark leave by itself: killing it while it ends makes asyncio warn of a lost child."""
    packets: list[Packet] = []
    await capture.packets_from_tshark(packets.append, close_tshark=False)
    for process in capture._running_processes:
        await process.wait()
    return packets


def _renumbered(packet: Packet, number: int) -> DissectedPacket:
    """Give a packet of the slice the number that it has in its file."""
    frame_info = packet.frame_info
    field = frame_info.get_field("frame.number")
    if field is not None:
        for one in field.all_fields:
            one.show, one.showname = str(number), f"Frame Number: {number}"
        frame_info._all_fields["frame.number"] = type(field)(field.main_field)
    return DissectedPacket(
        layers=packet.layers,
        frame_info=frame_info,
        number=str(number),
        length=packet.length,
        captured_length=packet.captured_length,
        sniff_time=packet.sniff_timestamp,
        interface_captured=packet.interface_captured,
    )


def _layer_html(layer: Any, *, unfolded: bool) -> str:
    lines = [line for name in layer.field_names for line in _field_lines(layer, name)]
    items = "".join(f"<div>{escape(line)}</div>" for line in dict.fromkeys(lines))
    open_ = " open" if unfolded else ""
    name = escape(layer.layer_name.upper())
    return f'<details{open_}><summary>{name}</summary><div style="margin-left:2em">{items}</div></details>'


def _field_lines(layer: Any, name: str) -> list[str]:
    container = layer.get_field(name)
    fields = [] if container is None else container.all_fields
    return [field.showname or f"{field.name}: {field.get_default_value()}" for field in fields if not field.hide]
