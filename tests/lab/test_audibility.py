import pytest

from forensics.lab.audibility import judge


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({"lost_speech_ms": 40, "concealed_ms": 35, "effective_ms": 35, "speech_both_sides": 1}, "audible"),
        ({"lost_speech_ms": 40, "concealed_ms": 0, "effective_ms": 0, "speech_both_sides": 1}, "masked"),
        ({"lost_speech_ms": 20, "concealed_ms": 20, "effective_ms": 20, "speech_both_sides": 1}, "marginal"),
        ({"lost_speech_ms": 20, "concealed_ms": 20, "effective_ms": 12, "speech_both_sides": 1}, "masked"),
        ({"lost_speech_ms": 20, "concealed_ms": 20, "effective_ms": 12, "lsd_db": 12.5}, "audible"),
        ({"effective_ms": 40, "concealed_ms": 40, "speech_both_sides": 1}, "audible"),
        ({"lost_speech_ms": 20, "effective_ms": 90, "concealed_ms": 90, "speech_both_sides": 1}, "audible"),
        ({"effective_ms": 39, "concealed_ms": 39, "speech_both_sides": 1}, "marginal"),
        ({"effective_ms": 400, "concealed_ms": 400, "speech_both_sides": 0}, "masked"),
        ({"skipped_speech_ms": 60}, "audible"),
        ({"skipped_speech_ms": 40}, "masked"),
        ({}, "masked"),
    ],
)
def test_the_rule(evidence, expected):
    assert judge(evidence) == expected
