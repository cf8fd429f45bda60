import numpy as np
import pandas as pd
import pytest
from building import make_journey, make_scene, track, without

from forensics.glitches import find_blanks, find_holes, find_skips
from forensics.glitches.boundaries import measure_boundaries
from forensics.model import Playout

COUNT, AT = 200, 100
NUMBER = np.arange(COUNT)
HEARD_S = NUMBER * 0.02 + 0.065


def moved(by_s, *, at=AT):
    """Heard times of a playout curve that steps at a packet."""
    return HEARD_S + np.where(at <= NUMBER, by_s, 0.0)


def unlocated(*ranges):
    located = np.ones(COUNT, bool)
    for positions in ranges:
        located[list(positions)] = False
    return located


def find(find_some, journey, **known):
    scene = make_scene(journey=journey, **known)
    return find_some(scene, boundaries=measure_boundaries(journey))


def loud_recording(*, silent_s=(0.0, 0.0)):
    samples = 0.14 * np.sin(2 * np.pi * 300 * np.arange(5 * 8000) / 8000)
    samples[round(silent_s[0] * 8000) : round(silent_s[1] * 8000)] = 0.0
    return track(samples, rate_hz=8000)


@pytest.mark.parametrize("find_some", [find_holes, find_skips, find_blanks])
def test_a_steady_curve_shows_nothing(find_some):
    assert find(find_some, make_journey(COUNT), recording=loud_recording()) == []


@pytest.mark.parametrize("find_some", [find_holes, find_skips, find_blanks])
def test_nothing_is_found_where_nothing_was_located(find_some):
    journey = make_journey(COUNT, heard_s=moved(0.2), located=np.zeros(COUNT, bool))
    assert find(find_some, journey, recording=loud_recording(silent_s=(1, 2))) == []


def test_a_step_between_two_packets_is_a_hole():
    (glitch,) = find(find_holes, make_journey(COUNT, heard_s=moved(0.12)))
    assert glitch.kind == "hole"
    assert glitch.start_s == pytest.approx(HEARD_S[AT])
    assert glitch.end_s - glitch.start_s == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("step_s", "late_s", "count"), [(0.014, 0.03, 0), (0.021, 0.03, 1), (0.06, 0, 1), (-0.1, 0, 0)]
)
def test_time_scaling_is_no_hole(step_s, late_s, count):
    late_at = np.where(NUMBER == AT, late_s, 0.0)
    assert len(find(find_holes, make_journey(COUNT, heard_s=moved(step_s), lateness_s=late_at))) == count


def test_a_hole_among_packets_that_were_not_located_is_before_the_one_that_came_latest():
    late_s = np.where(NUMBER == AT + 2, 0.1, 0.0)
    journey = make_journey(
        COUNT, heard_s=moved(0.1, at=AT + 4), located=unlocated(range(AT, AT + 4)), lateness_s=late_s
    )
    (glitch,) = find(find_holes, journey)
    assert glitch.frames[1] == journey["frame"][AT + 2]


def test_a_buffer_that_stretches_in_a_pause_makes_no_hole():
    quiet = range(AT, AT + 10)
    silent = {"located": unlocated(quiet), "speech": ~np.isin(NUMBER, quiet)}
    assert find(find_holes, make_journey(COUNT, heard_s=moved(0.3, at=AT + 10), **silent)) == []


@pytest.mark.parametrize(("step_s", "count"), [(0.3, 1), (0.1, 0)], ids=["a hole", "as much as stretching inserts"])
def test_speech_that_was_not_located_is_no_pause(step_s, count):
    """A buffer that runs empty again and again leaves packets that cannot be found; ten of them with speech here."""
    late_s = np.where(NUMBER == AT + 5, 0.1, 0.0)
    unfound = {"located": unlocated(range(AT, AT + 10)), "lateness_s": late_s}
    journey = make_journey(COUNT, heard_s=moved(step_s, at=AT + 10), **unfound)
    holes = find(find_holes, journey)
    assert [glitch.frames[1] for glitch in holes] == [journey["frame"][AT + 5]] * count


def scored(score):
    """What was heard, with the score of each packet."""
    packets = pd.DataFrame({"row": NUMBER, "media_s": NUMBER * 0.02, "heard_s": HEARD_S, "score": score})
    return {"heard": Playout(1, "heard", packets, pd.DataFrame())}


def test_packets_that_fit_badly_do_not_say_where_a_buffer_stretched():
    """A buffer plays slower for 0.3 s; within it packets are taken for others alike, as if nothing had moved yet."""
    stretched = (NUMBER >= AT - 15) & (NUMBER < AT)
    journey = make_journey(COUNT, heard_s=moved(0.07), located=~stretched | (NUMBER == AT - 2))
    assert len(find(find_holes, journey, **scored(np.full(COUNT, 0.99)))) == 1
    assert find(find_holes, journey, **scored(np.where(stretched, 0.65, 0.99))) == []


def test_two_packets_that_were_found_a_pitch_period_off_make_no_hole():
    off_s = np.where(np.isin(NUMBER, [AT - 1]), -0.03, 0.0) + np.where(np.isin(NUMBER, [AT]), 0.03, 0.0)
    assert find(find_holes, make_journey(COUNT, heard_s=HEARD_S + off_s)) == []


def test_in_a_recording_that_fits_badly_throughout_packets_are_as_sure_as_they_get():
    assert len(find(find_holes, make_journey(COUNT, heard_s=moved(0.12)), **scored(np.full(COUNT, 0.7)))) == 1


def passed_over(**columns):
    """200 ms of packets arrived and were never heard."""
    heard_s = moved(-0.2, at=AT + 10)
    return make_journey(COUNT, **({"heard_s": heard_s, "located": unlocated(range(AT, AT + 10))} | columns))


def test_received_audio_that_was_never_heard_is_a_skip():
    journey = passed_over()
    (glitch,) = find(find_skips, journey)
    assert glitch.kind == "skip"
    assert glitch.measurements["skipped_s"] == pytest.approx(0.2)
    assert glitch.frames == (journey["frame"][AT - 1], journey["frame"][AT + 10])


def test_a_long_stretch_that_was_played_faster_all_along_is_no_skip():
    journey = make_journey(COUNT, heard_s=moved(-0.2, at=AT + 40), located=unlocated(range(AT, AT + 40)))
    assert find(find_skips, journey) == []


@pytest.mark.parametrize(("late_s", "count"), [(0.2, 0), (0.1, 1)], ids=["far behind", "little behind"])
def test_a_buffer_that_is_far_behind_takes_out_half_of_what_it_plays(late_s, count):
    """The buffer came to hold so much more two seconds before, and 100 ms are taken out of 220."""
    delayed_s = np.where((NUMBER >= AT - 80) & (NUMBER < AT + 10), late_s, 0.0)
    heard_s = HEARD_S + delayed_s + np.where(NUMBER >= AT + 10, late_s - 0.1, 0.0)
    journey = make_journey(COUNT, heard_s=heard_s, located=unlocated(range(AT, AT + 10)))
    assert len(find(find_skips, journey)) == count


def test_a_skip_is_measured_between_packets_that_were_surely_located():
    """70 ms are taken out of 0.3 s; in the middle of it two packets fit badly, as if all had been taken out at once."""
    faster = (NUMBER >= AT - 6) & (NUMBER < AT + 8)
    located = ~faster | np.isin(NUMBER, [AT - 1, AT + 3])
    journey = make_journey(COUNT, heard_s=moved(-0.07, at=AT + 3), located=located)
    assert len(find(find_skips, journey, **scored(np.full(COUNT, 0.99)))) == 1
    assert find(find_skips, journey, **scored(np.where(faster, 0.62, 0.99))) == []


def test_a_skip_in_a_pause_is_none():
    quiet = (NUMBER >= AT) & (NUMBER < AT + 10)
    assert find(find_skips, passed_over(speech=~quiet)) == []


@pytest.mark.parametrize("explained_by", ["loss", "jump"])
def test_a_skip_that_the_packets_explain_is_theirs(explained_by):
    if explained_by == "loss":
        journey = without(passed_over(), [AT + 4])
    else:
        media_s = NUMBER * 0.02 + np.where(NUMBER >= AT + 5, 0.2, 0.0)
        journey = passed_over(media_s=media_s)
    assert find(find_skips, journey) == []


def test_time_compression_is_no_skip():
    journey = make_journey(COUNT, heard_s=moved(-0.05, at=AT + 10), located=unlocated(range(AT, AT + 10)))
    assert find(find_skips, journey) == []


SILENT_S = (HEARD_S[AT], HEARD_S[AT + 10])


def blank(**columns):
    """200 ms of loud packets that were not located, on a curve that goes on as before."""
    return make_journey(COUNT, **({"located": unlocated(range(AT, AT + 10))} | columns))


def test_a_recording_that_is_silent_where_loud_packets_were_played_is_blank():
    journey = blank()
    (glitch,) = find(find_blanks, journey, recording=loud_recording(silent_s=SILENT_S))
    assert glitch.kind == "blank"
    assert (glitch.start_s, glitch.end_s) == pytest.approx(SILENT_S)
    assert glitch.frames == (journey["frame"][AT - 1], journey["frame"][AT + 10])


def test_packets_that_could_not_be_located_in_a_sounding_recording_are_no_blank():
    assert find(find_blanks, blank(), recording=loud_recording()) == []


@pytest.mark.parametrize("touched", ["hole", "loss", "late", "pause"])
def test_a_blank_needs_an_untouched_playout_of_speech(touched):
    journey = {
        "hole": lambda: blank(heard_s=moved(0.1, at=AT + 10)),
        "loss": lambda: without(blank(), [AT + 3]),
        "late": lambda: blank(lateness_s=np.where(NUMBER == AT + 2, 0.1, 0.0)),
        "pause": lambda: blank(speech=(NUMBER < AT) | (NUMBER >= AT + 9)),
    }[touched]()
    assert find(find_blanks, journey, recording=loud_recording(silent_s=SILENT_S)) == []
