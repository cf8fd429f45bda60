"""CASE and the files that may go with it: the same argument and options for every command on one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forensics.errors import CaseError

if TYPE_CHECKING:
    from forensics.model import Case

CaseArgument = Annotated[Path, typer.Argument(metavar="CASE", help="A case folder, or a capture or recording.")]
RecordingOption = Annotated[Path | None, typer.Option("--recording", help="What the listener heard.")]
MicrophoneOption = Annotated[Path | None, typer.Option("--microphone", help="What the user said.")]
KeysOption = Annotated[Path | None, typer.Option("--keys", help="NSS key log of the DTLS handshake.")]
SdpOption = Annotated[
    Path | None, typer.Option("--sdp", help="Session description that says what the payload types mean.")
]
StatsOption = Annotated[Path | None, typer.Option("--stats", help="webrtc-internals dump or getStats() log.")]
EventsOption = Annotated[Path | None, typer.Option("--events", help="Event log of the model or agent (JSON lines).")]
SenderOption = Annotated[Path | None, typer.Option("--sender-capture", help="A capture taken at the voice AI's side.")]
DecodeAsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--decode-as", metavar="FIELD==VALUE,MEANING", help='As "udp.port==5004,rtp" or "rtp.p_type==111,opus/48000/2".'
    ),
]


def _open(
    path: CaseArgument,
    recording: RecordingOption = None,
    microphone: MicrophoneOption = None,
    keys: KeysOption = None,
    sdp: SdpOption = None,
    stats: StatsOption = None,
    events: EventsOption = None,
    sender_capture: SenderOption = None,
    decode_as: DecodeAsOption = None,
) -> Case:
    from forensics.case import open_case

    return open_case(
        path,
        recording=recording,
        microphone=microphone,
        keys=keys,
        sdp=sdp,
        stats=stats,
        events=events,
        sender_capture=sender_capture,
        decode_as=selectors(decode_as),
    )


def on_a_case(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, whose first parameter is an open case, CASE and its options in place of that parameter."""
    asked = inspect.signature(_open, eval_str=True, globals=globals() | {"Case": Any}).parameters
    path, *files = asked.values()
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @wraps(command)
    def opened(**options: Any) -> None:
        case = _open(**{name: options.pop(name) for name in asked})
        command(case, **options)

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (path, *own, *files)]
    opened.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    opened.__annotations__ = {one.name: one.annotation for one in parameters}
    del opened.__wrapped__  # typer would read the hints of what is wrapped
    return opened


def selectors(pairs: list[str] | None) -> dict[str, str]:
    """Read `FIELD==VALUE,MEANING` as often as it was given."""
    out = {}
    for pair in pairs or ():
        selector, comma, protocol = pair.partition(",")
        if not (comma and protocol and "==" in selector):
            raise CaseError(f"--decode-as got {pair!r}; expected FIELD==VALUE,MEANING as in 'udp.port==5004,rtp'.")
        out[selector.strip()] = protocol.strip()
    return out
