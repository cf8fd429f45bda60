"""What the listener's jitter buffer did with a stream, and what it would have done."""

from forensics.playout.fixed import replay_fixed
from forensics.playout.replay import replay_neteq

__all__ = ["replay_fixed", "replay_neteq"]
