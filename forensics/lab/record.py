"""Record a labelled call through a real browser: `record_call(scenario, out)`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from forensics.lab.account import Account
from forensics.lab.case_files import check_unused, folder_that_appears_whole, write_call, write_gzip, write_readings
from forensics.lab.checks import Disturbed, check_take
from forensics.lab.listener import chromium_path
from forensics.lab.payloads import encode_payloads
from forensics.lab.plan import plan_sending
from forensics.lab.scenario import Scenario
from forensics.lab.take import Take, run_take
from forensics.lab.truth import describe_truth
from forensics.lab.uplink import describe_uplink
from forensics.lab.witnesses import account_of

ATTEMPTS = 4
"""How often a disturbed call is tried before the recorder gives up; on a quiet machine the first one is kept."""


def record_call(
    scenario: Scenario, out: Path | str, *, attempts: int = ATTEMPTS, tell: Callable[[str], None] = lambda _: None
) -> Path:
    """Record a call and write it as a case with its truth.

    Parameters
    ----------
    scenario : Scenario
        What is said and what goes wrong. The call takes its duration and some seconds more.
    out : path-like
        A folder that does not exist yet, or is empty.
    attempts : int
        How often to try again when the machine disturbed the call.
    tell : callable
        Called with one sentence per attempt that was refused.

    Returns
    -------
    Path
        `out`, which holds receiver and sender captures, keys.log, recording.flac, mic.flac, speaker.flac (where the
        receiver's machine is at fault and PulseAudio is there), stats.json.gz, getstats.jsonl.gz, events.jsonl,
        clock.json, truth.json and scenario.toml.

    Raises
    ------
    MissingToolError
        Chromium, espeak-ng, aiortc or playwright is not installed.
    ScenarioError
        `out` holds something already, or the scenario cannot be played.
    Disturbed
        Every attempt was disturbed.

    Notes
    -----
    Only loopback is used. Nothing is written to `out` before the call was checked; it then appears whole.
    """
    out = Path(out)
    check_unused(out, verb="record")
    chromium_path()
    plan = plan_sending(scenario)
    payloads = encode_payloads(plan, scenario.sender)
    for attempt in range(1, attempts + 1):
        take = run_take(scenario, plan, payloads)
        account = account_of(take, scenario, plan=plan, payloads=payloads)
        truth = _truth(take, account)
        try:
            truth["verification"] = check_take(take, account, truth)
        except Disturbed as reason:
            tell(f"attempt {attempt} of {attempts}: {reason}")
            if attempt == attempts:
                raise
            continue
        break
    with folder_that_appears_whole(out) as whole:
        _write_case(whole, take=take, account=account, truth=truth)
    return out


def _truth(take: Take, account: Account) -> dict[str, Any]:
    return {
        **describe_truth(account),
        "uplink": describe_uplink(take.relayed, account),
        "agent_ssrc": take.ssrc,
        "addresses": {name: list(endpoint) for name, endpoint in take.addresses.items()},
    }


def _write_case(whole: Path, *, take: Take, account: Account, truth: dict[str, Any]) -> None:
    taps = {"receiver": take.receiver_tap, "sender": take.sender_tap}
    write_call(whole, account, truth, taps=taps, events=take.events)
    (whole / "keys.log").write_bytes(b"".join(line + b"\n" for line in take.key_log))
    if take.listening.dump:
        write_gzip(whole / "stats.json.gz", take.listening.dump)
    write_readings(whole, take.listening.stats)
