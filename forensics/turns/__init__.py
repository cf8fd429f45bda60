"""Who spoke when: response latency and its parts, interruptions, pauses; what reached the model of each question."""

from forensics.turns.finding import find_turns
from forensics.turns.goal import GOAL_S, describe_latencies, explain_latency
from forensics.turns.pauses import estimate_natural_pause
from forensics.turns.prompts import find_prompts

__all__ = [
    "GOAL_S",
    "describe_latencies",
    "estimate_natural_pause",
    "explain_latency",
    "find_prompts",
    "find_turns",
]
