"""Labels and TextGrids: every glitch at its place, read back by the rules of their programs."""

import itertools
import re
from dataclasses import replace

import pytest
from synthetic_call import synthetic_diagnosis

from forensics.exports import write_labels, write_textgrid
from forensics.model import Turn

HOSTILE = 'says "hi"\tand\nleaves'


@pytest.fixture(scope="module")
def diagnosis():
    plain = synthetic_diagnosis(seconds=20.0)
    first = plain.verdicts[0]
    over = replace(first, id="g05", glitch=replace(first.glitch, end_s=first.glitch.end_s + 0.3))
    early = replace(first, id="g06", glitch=replace(first.glitch, start_s=-0.5, end_s=-0.4))
    turns = (Turn("user", 0.4, 1.6, text=HOSTILE), *plain.scene.turns[1:2])
    return replace(plain, verdicts=(*plain.verdicts, over, early), scene=replace(plain.scene, turns=turns))


def labels(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert all(len(row) == 3 for row in rows)
    return [(float(start), float(end), text) for start, end, text in rows]


def test_a_label_per_audible_glitch(diagnosis, tmp_path):
    rows = labels(write_labels(diagnosis, tmp_path / "labels.txt"))
    by_id = {text.split()[0]: (start, end, text) for start, end, text in rows}
    assert set(by_id) == {"g01", "g02", "g03", "g05", "g06"}
    glitch = diagnosis.verdict("g02").glitch
    assert by_id["g02"][:2] == pytest.approx((glitch.start_s, glitch.end_s))
    assert by_id["g02"][2] == "g02 late_model_output stall 93 %"
    assert by_id["g06"][:2] == (0.0, 0.0)
    assert rows == sorted(rows)


def test_a_label_is_one_line(diagnosis, tmp_path):
    ((_, _, text),) = labels(write_labels(diagnosis, tmp_path / "user.txt", kind="user"))
    assert text == 'says "hi" and leaves'


def tiers(path):
    """Read a TextGrid as Praat does: items in order, each tier's intervals end to end."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    end = float(re.search(r"^xmax = (\S+)", text, re.MULTILINE)[1])
    out = {}
    items = re.split(r"    item \[\d+\]:\n", text)[1:]
    assert int(re.search(r"^size = (\d+)", text, re.MULTILINE)[1]) == len(items)
    for item in items:
        name = re.search(r'name = "((?:[^"]|"")*)"', item)[1]
        found = re.findall(r'xmin = (\S+)\s+xmax = (\S+)\s+text = "((?:[^"]|"")*)"\n', item)
        assert int(re.search(r"intervals: size = (\d+)", item)[1]) == len(found)
        bounds = [(float(a), float(b)) for a, b, _ in found]
        assert bounds[0][0] == 0
        assert bounds[-1][1] == end
        assert all(a < b for a, b in bounds)
        assert all(left[1] == right[0] for left, right in itertools.pairwise(bounds))
        out[name] = [(a, b, text.replace('""', '"')) for (a, b), (_, _, text) in zip(bounds, found, strict=True)]
    return out


def test_tiers_follow_without_gap_or_overlap(diagnosis, tmp_path):
    found = tiers(write_textgrid(diagnosis, tmp_path / "call.TextGrid"))
    assert list(found) == ["glitches", "glitches 2", "not heard", "user", "agent"]
    named = [text for _, _, text in found["glitches"] + found["glitches 2"] if text]
    assert sorted(text.split()[0] for text in named) == ["g01", "g02", "g03", "g05", "g06"]
    assert [text for _, _, text in found["user"] if text] == ['says "hi" and leaves']


def test_a_call_without_anything_has_empty_tiers(tmp_path):
    plain = synthetic_diagnosis(seconds=20.0)
    empty = replace(plain, verdicts=(), scene=replace(plain.scene, turns=()))
    found = tiers(write_textgrid(empty, tmp_path / "call.TextGrid"))
    assert {name: len(intervals) for name, intervals in found.items()} == dict.fromkeys(found, 1)
