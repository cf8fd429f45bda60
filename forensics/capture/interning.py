"""Small numbers for things that are named by wide keys: five-tuples, IPv6 addresses, streams."""

from __future__ import annotations

import numpy as np

_FIRST_BATCH, _BATCH_GROWTH = 64, 16
_FEWEST_SLOT_BITS, _MOST_SLOT_BITS = 16, 20
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd multipliers, one per word, whose products spread over their upper bits; only speed depends on their quality."""


class Interner:
    """Gives equal keys the same number, 0, 1, 2 … in the order in which they are first seen.

    Known keys are found through a table of slots, in bulk. Of the others, and of those whose slot is taken by another
    key, each is looked up once a batch.

    Parameters
    ----------
    words : int
        64-bit words of a key, 1 to 4.
    """

    def __init__(self, words: int) -> None:
        self.keys = np.zeros((1024, words), np.uint64)
        self._numbers: dict[tuple[int, ...], int] = {}
        self._slot_bits = _FEWEST_SLOT_BITS
        self._slots = self._empty_slots()

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, *words: np.ndarray) -> np.ndarray:
        """Return the numbers of the keys whose words are the given columns.

        Parameters
        ----------
        *words : ndarray of uint64, shape (k,)
            One column per word.

        Returns
        -------
        ndarray of int32, shape (k,)
        """
        numbers = self._guess(words)
        unknown = np.flatnonzero(numbers < 0)
        batch = _FIRST_BATCH
        while len(unknown):  # a few new keys explain most rows: learn some, then guess again
            rows, rest = unknown[:batch], unknown[batch:]
            numbers[rows] = self._look_up_distinct(tuple(column[rows] for column in words))
            numbers[rest] = self._guess(tuple(column[rest] for column in words))
            unknown = rest[numbers[rest] < 0]
            batch *= _BATCH_GROWTH
        return numbers

    def _guess(self, words: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return the numbers that the slots know, -1 for the others."""
        guess = self._slots[self._slot(*words)]
        known = self.keys[:, 0][guess] == words[0]
        for at, column in enumerate(words[1:], 1):
            known &= self.keys[:, at][guess] == column
        known &= guess >= 0
        return guess if known.all() else np.where(known, guess, np.int32(-1))

    def _look_up_distinct(self, words: tuple[np.ndarray, ...]) -> np.ndarray:
        """Look up each distinct key once, in the order in which they are first seen."""
        _, first, alike = np.unique(self._mixed(*words), return_index=True, return_inverse=True)
        if any((column != column[first[alike]]).any() for column in words):
            return self._look_up_all(words)  # two keys are mixed to the same number: never by chance
        order = np.argsort(first)
        found = np.empty(len(first), np.int32)
        found[order] = self._look_up_all(tuple(column[first[order]] for column in words))
        return found[alike]

    def _look_up_all(self, words: tuple[np.ndarray, ...]) -> np.ndarray:
        keys = zip(*(column.tolist() for column in words), strict=True)
        return np.array([self._look_up(key) for key in keys], np.int32)

    def keep(self, numbers: np.ndarray) -> None:
        """Forget all keys but those of `numbers`, which become 0, 1, 2 … in their order."""
        keys = self.keys[numbers]
        self.keys = np.concatenate([keys, np.zeros((max(1024 - len(keys), 0), keys.shape[1]), np.uint64)])
        self._numbers = {key: at for at, key in enumerate(map(tuple, keys.tolist()))}
        self._slots = self._empty_slots()
        if len(keys):
            self._slots[self._slot(*keys.T)] = np.arange(len(keys), dtype=np.int32)

    def _empty_slots(self) -> np.ndarray:
        return np.full(1 << self._slot_bits, -1, np.int32)

    def _mixed(self, *words: np.ndarray) -> np.ndarray:
        mixed = words[0] * np.uint64(_ODD[0])
        for column, odd in zip(words[1:], _ODD[1:], strict=False):
            mixed += column * np.uint64(odd)
        return mixed

    def _slot(self, *words: np.ndarray) -> np.ndarray:
        slot = self._mixed(*words)
        slot >>= np.uint64(64 - self._slot_bits)
        return slot.view(np.int64)

    def _look_up(self, key: tuple[int, ...]) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            if number == len(self.keys):
                self._grow()
            self.keys[number] = key
            slot = self._slot(*(np.array([word], np.uint64) for word in key))
            if self._slots[slot[0]] < 0:
                self._slots[slot[0]] = number
        return number

    def _grow(self) -> None:
        self.keys = np.concatenate([self.keys, np.zeros_like(self.keys)])
        if self._slot_bits < _MOST_SLOT_BITS and 4 * len(self._numbers) > len(self._slots):
            self._slot_bits += 2
            self._slots = self._empty_slots()
            numbers = np.arange(len(self._numbers) - 1, dtype=np.int32)
            self._slots[self._slot(*self.keys[numbers].T)] = numbers
