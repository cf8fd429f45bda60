"""Rules about what was sent: silence in the middle of a word, and words with a piece cut out."""

from __future__ import annotations

from forensics.causes.claim import DECISIVE, STRONG, milliseconds, supports
from forensics.causes.site import Site
from forensics.model import Cause, Evidence

CERTAIN_SPLICE_DB = 45.0
"""Score of a splice that nothing uncut reached: no voice that was held out of the fit (37 dB at most), nor any joined
out of recorded units (44 dB), in 2.6 hours of speech (`benchmarks/splices.py`)."""

EDGES_DB = 30.0
"""Half a minute has a thousand edges in speech, and the most broken of them is told of: a score speaks for a cut by so
much less. Of 8 splices between 34 and 43 dB in 180 simulated calls 3 were none."""


def silence_sent(site: Site) -> list[Evidence]:
    """Regular packets carried exact silence inside a word, which goes on behind it where it was cut."""
    if site.glitch.kind != "silence":
        return []
    statement = (
        f"{milliseconds(site.hole_s)} of digital silence were sent in regular packets; speech stops and resumes at "
        "packet edges at full level "
        f"({site.measured('edge_before_db'):.0f} and {site.measured('edge_after_db'):.0f} dB against loud speech), in "
        "the same sound: the sender had nothing else to send."
    )
    return [
        supports(site, "silence_sent", Cause.LATE_MODEL_OUTPUT, statement, weight=DECISIVE, mechanism="silence_fill")
    ]


def spliced(site: Site) -> list[Evidence]:
    """The waveform breaks at a packet edge although packets, sequence numbers and timestamps are perfect."""
    if site.glitch.kind != "splice":
        return []
    score_db = site.measured("log_likelihood_ratio")
    statement = (
        f"The sound breaks at the edge of frame {site.frames[-1]}: linear prediction fails across it by "
        f"{site.measured('break_db'):.0f} dB, and with spectrum and pitch on its two sides that speaks for a cut by "
        f"{score_db:.0f} decibans, while packets, sequence and timestamps are perfect: audio was cut out before it was "
        "encoded."
    )
    return [
        supports(
            site,
            "spliced",
            Cause.SENDER_POLICY,
            statement,
            weight=DECISIVE if score_db >= CERTAIN_SPLICE_DB else min(max(score_db - EDGES_DB, 0.0), STRONG),
            mechanism="deliberate_drop",
            break_db=site.measured("break_db"),
            log_likelihood_ratio=score_db,
        )
    ]


RULES = (silence_sent, spliced)
