"""What the listener's jitter buffer did with a stream, and what it would have done.

`replay_neteq` and `replay_fixed` predict it out of arrivals; the interventions take one cause out of a call; the curves
say what a deeper buffer or a cushion at the sender would have cost and saved.
"""

from forensics.playout.fixed import replay_fixed
from forensics.playout.interventions import (
    find_sender_stalls,
    without_delay_variation,
    without_network_loss,
    without_sender_stalls,
)
from forensics.playout.replay import replay_neteq
from forensics.playout.send_lead import find_utterance_starts, with_send_lead
from forensics.playout.ticks import estimate_ticks
from forensics.playout.what_if import estimate_buffer_curve, estimate_lead_curve

__all__ = [
    "estimate_buffer_curve",
    "estimate_lead_curve",
    "estimate_ticks",
    "find_sender_stalls",
    "find_utterance_starts",
    "replay_fixed",
    "replay_neteq",
    "with_send_lead",
    "without_delay_variation",
    "without_network_loss",
    "without_sender_stalls",
]
