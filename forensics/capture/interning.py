"""Small numbers for things that are named by wide keys: five-tuples, IPv6 addresses, streams."""

from __future__ import annotations

import numpy as np

_FIRST_BATCH = 64
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd multipliers, one per word, that spread keys over the slots; nothing depends on their quality but speed."""


class Interner:
    """Gives equal keys the same number, 0, 1, 2 … in the order in which they are first seen.

    Known keys are found through a table of slots, in bulk; a key whose slot is taken is looked up one by one.

    Parameters
    ----------
    words : int
        64-bit words of a key, 1 to 4.
    """

    def __init__(self, words: int) -> None:
        self.keys = np.zeros((1024, words), np.uint64)
        self._numbers: dict[tuple[int, ...], int] = {}
        self._slots = np.full(1 << 16, -1, np.int32)

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
            keys = zip(*(column[rows].tolist() for column in words), strict=True)
            numbers[rows] = [self._look_up(key) for key in keys]
            numbers[rest] = self._guess(tuple(column[rest] for column in words))
            unknown = rest[numbers[rest] < 0]
            batch *= 4
        return numbers

    def _guess(self, words: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return the numbers that the slots know, -1 for the others."""
        guess = self._slots[self._slot(*words)]
        known = guess >= 0
        for at, column in enumerate(words):
            known &= self.keys[guess, at] == column
        return guess if known.all() else np.where(known, guess, np.int32(-1))

    def keep(self, numbers: np.ndarray) -> None:
        """Forget all keys but those of `numbers`, which become 0, 1, 2 … in their order."""
        keys = self.keys[numbers]
        self.keys = np.concatenate([keys, np.zeros((max(1024 - len(keys), 0), keys.shape[1]), np.uint64)])
        self._numbers = {key: at for at, key in enumerate(map(tuple, keys.tolist()))}
        self._slots = np.full(len(self._slots), -1, np.int32)
        if len(keys):
            self._slots[self._slot(*keys.T)] = np.arange(len(keys), dtype=np.int32)

    def _slot(self, *words: np.ndarray) -> np.ndarray:
        mixed = words[0] * np.uint64(_ODD[0])
        for column, odd in zip(words[1:], _ODD[1:], strict=False):
            mixed = (mixed ^ (mixed >> np.uint64(29))) + column * np.uint64(odd)
        mixed ^= mixed >> np.uint64(32)
        return ((mixed * np.uint64(_ODD[0])) >> np.uint64(40)) & np.uint64(len(self._slots) - 1)

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
        if len(self._slots) < 1 << 20 and 4 * len(self._numbers) > len(self._slots):
            self._slots = np.full(4 * len(self._slots), -1, np.int32)
            numbers = np.arange(len(self._numbers) - 1, dtype=np.int32)
            self._slots[self._slot(*self.keys[numbers].T)] = numbers
