"""Findings documents with a planted number of glitches and planted latencies, for what counts them."""

CAUSES = ("network_drop", "buffer_underrun", "late_model_output", "sender_policy", "undetermined")
MECHANISM = {"network_drop": "burst_loss", "late_model_output": "stall", "buffer_underrun": "jitter"}


def made_findings(name="call", *, minutes=1.0, latencies_s=(), parts=None, **counts):
    """Return the findings of a call with `counts` of audible glitches by cause, and one masked one."""
    glitches = [_glitch(cause, audible=True) for cause, count in counts.items() for _ in range(count)]
    glitches.append(_glitch("network_drop", audible=False))
    for number, glitch in enumerate(glitches, 1):
        glitch |= {"id": f"g{number:02}", "start_s": float(number), "end_s": number + 0.2}
    return {
        "schema": "forensics.findings/1",
        "case": name,
        "duration_s": 60.0 * minutes,
        "inputs": [],
        "clocks": [],
        "glitches": glitches,
        "turns": [_turn(seconds, parts or {}) for seconds in latencies_s],
        "summary": dict.fromkeys(CAUSES, 0) | counts,
        "notes": [],
    }


def _glitch(cause, *, audible):
    return {"audible": audible, "cause": cause, "mechanism": MECHANISM.get(cause, ""), "confidence": 0.9, "remedy": "."}


def _turn(latency_s, parts):
    return {"speaker": "agent", "start_s": 1.0, "end_s": 2.0, "latency_s": latency_s,
            "parts": {name: share * latency_s for name, share in parts.items()}}  # fmt: skip
