"""What happened in a call, fault by fault: where each was in the capture and in the recording, and how audible.

`find_happenings` goes through what the sender did, what the network lost, and what the recording shows, in this order;
every hole that is left over is traced to the fault whose packets stand around it, or called incidental. One dictionary
per happening, as truth.json holds it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from forensics.lab.account import Account
from forensics.lab.happening import Happening, describe_happening, fault_id, measure_hole
from forensics.lab.happenings_left_over import discarded_kind, of_holes, of_unplayed
from forensics.lab.happenings_of_network import of_losses
from forensics.lab.happenings_of_receiver import of_freezes
from forensics.lab.happenings_of_sender import of_departures
from forensics.lab.holes import Hole, hole_between
from forensics.lab.scenario import Fault


def find_happenings(account: Account) -> list[Happening]:
    """Return what happened, in the order of recording time.

    Returns
    -------
    list of dict
        `kind`, `cause` (as the scorer names causes), `mechanism`, `injected_id`, times on the captures (`cap_*`,
        `cap_sender_*`: seconds since 1970) and in the recording (`rec_*`), `audible`, `audibility`, `evidence`, and
        `lost_seqs`, `also_ok`, `skipped`, `span` where they apply.
    """
    found = [*of_departures(account), *of_losses(account)]
    found += of_freezes(account)
    found += of_holes(account, found)
    found += of_unplayed(account, found)
    found += _absorbed(account, found)
    return sorted(found, key=lambda happening: happening["rec_start"])


def _absorbed(account: Account, known: list[Happening]) -> Iterator[Happening]:
    """Return one masked happening for every fault that left no trace: the jitter buffer absorbed it."""
    seen = {happening["injected_id"] for happening in known}
    for fault in account.scenario.faults:
        affects = fault.hits("downlink") or fault.kind == "unpaced_burst"
        if not affects or fault.rules.cause is None or fault_id(account, fault) in seen:
            continue
        rows = _rows_within(account, fault)
        if rows:
            hole = Hole(rows[0], rows[-1], hole_between(account, rows[0], rows[0]).end_s, 0.0)
            hole = Hole(rows[0], rows[-1], hole.start_s, hole_between(account, rows[-1], rows[-1]).end_s)
            kind = discarded_kind(fault)
            note = "the jitter buffer absorbed it"
            yield describe_happening(
                account, kind, fault=fault, hole=hole, evidence=measure_hole(account, hole), note=note
            )


def _rows_within(account: Account, fault: Fault) -> list[int]:
    sent = account.packets["sent_s"].to_numpy() - account.zero_s
    arrived = account.packets["arrived_s"].notna().to_numpy()
    return np.flatnonzero((sent >= fault.at_s - 0.01) & (sent <= fault.end_s + 0.01) & arrived).tolist()
