import numpy as np
import pandas as pd
import pytest
from building import make_journey, make_scene, track

from forensics.glitches import find_glitches
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.device import find_device_underruns


def playout(*grown_s, first_s=0.5):
    """Readings of media-playout a second apart; the counter grows by `grown_s` from each to the next."""
    total = np.concatenate([[0.0], np.cumsum(grown_s)])
    return {"media-playout": pd.DataFrame({"capture_s": first_s + np.arange(len(total)),
                                           "synthesized_samples_duration": total})}  # fmt: skip


def underruns(stats, *, speech=True, **known):
    journey = make_journey(200, speech=np.full(200, speech))
    return find_device_underruns(
        make_scene(journey=journey, stats=stats, **known), boundaries=measure_boundaries(journey)
    )


def test_what_the_device_synthesised_is_a_hole_between_its_two_readings():
    (glitch,) = underruns(playout(0.0, 0.2, 0.0))
    assert glitch.kind == "hole"
    assert (glitch.start_s, glitch.end_s) == pytest.approx((1.9, 2.1))
    assert glitch.measurements["within_s"] == pytest.approx(1.0)
    assert glitch.found_by == ("media-playout",)


def test_two_underruns_are_two_holes():
    assert len(underruns(playout(0.2, 0.0, 0.3))) == 2


@pytest.mark.parametrize(
    ("stats", "changes"),
    [
        ({}, {}),
        (playout(0.0, 0.0, 0.0), {}),
        (playout(0.0, 0.01, 0.0), {}),
        (playout(0.0, 0.2, 0.0), {"speech": False}),
        (playout(0.0, 0.2, 0.0), {"recording": track(np.zeros(48_000))}),
    ],
    ids=["no statistics", "no growth", "a block", "in a pause", "with a recording"],
)
def test_otherwise_there_is_none(stats, changes):
    assert underruns(stats, **changes) == []


def test_an_underrun_while_the_agent_speaks_is_audible():
    scene = make_scene(journey=make_journey(200), stats=playout(0.0, 0.2, 0.0))
    (glitch,) = [glitch for glitch in find_glitches(scene) if glitch.kind == "hole"]
    assert glitch.audible
