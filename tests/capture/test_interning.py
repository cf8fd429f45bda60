"""Equal keys get equal numbers, in the order in which they are first seen, however they fall on the slots."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.capture.interning import Interner


def numbered(chunks, words=2):
    """Numbers as a dictionary would give them, and as the interner does."""
    interner, plain = Interner(words), {}
    for chunk in chunks:
        columns = [np.array([key[at] for key in chunk], np.uint64) for at in range(words)]
        expected = [plain.setdefault(key, len(plain)) for key in chunk]
        assert interner.number(*columns).tolist() == expected
    assert [tuple(key) for key in interner.keys[: len(interner)].tolist()] == list(plain)
    return interner


KEYS = st.tuples(st.integers(0, 40), st.integers(0, 2**64 - 1) | st.integers(0, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(KEYS, max_size=300), max_size=4))
def test_numbers_are_those_of_a_dictionary(chunks):
    numbered(chunks)


@pytest.mark.parametrize("bits", [0, 3, 20])
def test_keys_that_fall_on_few_slots_are_told_apart(monkeypatch, bits):
    monkeypatch.setattr(Interner, "_mixed", lambda _, *words: words[0] % np.uint64(1 << bits) << np.uint64(44))
    rng = np.random.default_rng(2)
    numbered([[(int(a), int(b)) for a, b in rng.integers(0, 30, (500, 2))] for _ in range(3)])


def test_many_keys_make_more_slots():
    interner = numbered([[(n, n * n) for n in range(40_000)], [(n, n * n) for n in range(60_000)]])
    assert len(interner._slots) > 1 << 16


def test_what_is_kept_is_numbered_anew():
    interner = numbered([[(n, 0) for n in range(100)]])
    interner.keep(np.array([7, 50]))
    column = np.array([50, 7, 8], np.uint64)
    assert interner.number(column, column * np.uint64(0)).tolist() == [1, 0, 2]
