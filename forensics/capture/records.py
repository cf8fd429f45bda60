"""Captured frames as columns, and the walk along a chain of records that only their lengths hold together."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from forensics.capture.gather import chosen, every, field, windows

LONGEST_FRAME = 262144
"""Largest captured length that libpcap and Wireshark accept (MAXIMUM_SNAPLEN, WTAP_MAX_PACKET_SIZE_STANDARD)."""

WALKERS = 1024
"""Walkers that go in lock step; below a few records each the plain walk is faster."""

FEW_WALKERS = 16
"""Fewer do not go in lock step any more: a step of all costs as much as this many alone."""

GUESS_OCTETS = 384
"""How far each walker looks for the start of a record: a little more than a record of voice; not all need succeed."""


LEAD_OCTETS = 58
"""First octets of a frame that are gathered with its record: up to the RTP header in plain Ethernet (`express`)."""

_COLUMNS = ("frame", "time_ns", "offset", "captured", "wire", "link")


@dataclass(slots=True, eq=False)
class Records:
    """Frames of one chunk. `octets` is a buffer that the next chunk may overwrite.

    All columns have one row per frame: `frame` counts from 1 as Wireshark does, `time_ns` is UTC since 1970, `offset`
    says where the frame starts in `octets`, `captured` and `wire` are its lengths, `link` its link type. `lead` are the
    first octets of each, shape (n, LEAD_OCTETS); what lies behind the end of a short frame is anything.
    """

    octets: np.ndarray
    frame: np.ndarray
    time_ns: np.ndarray
    offset: np.ndarray
    captured: np.ndarray
    wire: np.ndarray
    link: np.ndarray
    lead: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, rows: np.ndarray) -> Records:
        """Return the frames of an index, in the same buffer."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return Records(octets=self.octets, lead=chosen(self.lead, rows), **columns)


@dataclass(frozen=True, slots=True)
class Chain:
    """How the records of a format follow each other.

    A record at `p` is followed by one at `p + overhead + length`, where the 32-bit length stands at `p + length_at`.
    The first 32-bit word of a genuine record lies in `first_word`, which serves for guessing where records start.
    """

    order: str  # "<" or ">"
    length_at: int
    overhead: int
    header: int  # octets that must be there before the length is believed
    shortest: int
    longest: int
    first_word: tuple[int, int]
    alignment: int = 1  # octets between places where a record may start


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the complete records of a buffer start, where the next one would, and whether its length is impossible."""

    positions: np.ndarray  # (n,) int64
    stop: int
    broken: bool


def walk(octets: np.ndarray, chain: Chain, *, start: int, end: int) -> Walk:
    """Find every complete record of `octets[start:end]`.

    Walkers start at guessed places and go in lock step; the guesses count only where the walker before lands on them
    exactly, which makes the result the same as that of one walk from the first record.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer, with `SLACK_OCTETS` readable octets behind `end`.
    chain : Chain
        The format.
    start, end : int
        First octet of the first record, and the end of what was read.

    Returns
    -------
    Walk
    """
    starts = np.concatenate([[start], _guessed_starts(octets, chain, start=start, end=end)])
    if len(starts) < WALKERS // 8:
        return _walk_alone(octets, chain, start=start, end=end)
    limits = np.append(starts[1:], end)
    positions, landed = _walk_in_lock_step(octets, chain, starts=starts, limits=limits, end=end)
    missed = np.flatnonzero(landed[:-1] != limits[:-1])
    trusted = int(missed[0]) if len(missed) else len(starts) - 1
    rest = _walk_alone(octets, chain, start=int(landed[trusted]), end=end)
    positions = positions[: np.searchsorted(positions, limits[trusted])]
    return Walk(np.concatenate([positions, rest.positions]), rest.stop, rest.broken)


def _walk_alone(octets: np.ndarray, chain: Chain, *, start: int, end: int, limit: int | None = None) -> Walk:
    """Walk from record to record up to `limit`, or as far as they are whole."""
    length_of = struct.Struct(f"{chain.order}I").unpack_from
    length_at, overhead = chain.length_at, chain.overhead
    last = end - chain.header if limit is None else min(limit - 1, end - chain.header)
    positions = []
    position, broken = start, False
    while position <= last:
        (length,) = length_of(octets, position + length_at)
        broken = not chain.shortest <= length <= chain.longest
        following = position + overhead + length
        if broken or following > end:
            break
        positions.append(position)
        position = following
    return Walk(np.array(positions, np.int64), position, broken)


def _walk_in_lock_step(
    octets: np.ndarray, chain: Chain, *, starts: np.ndarray, limits: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return where records were found, in order, and where each walker ended.

    Who has arrived, or met a record that is broken or cut off, steps no more. The last few, whose neighbours found no
    start, go on alone.
    """
    words = every(octets[chain.length_at :], 4)
    until = np.minimum(limits, end - chain.header + 1)
    landed = starts.copy()
    walking = np.flatnonzero(starts < until)
    here, until = starts[walking], until[walking]
    places = []
    while len(walking) >= FEW_WALKERS:
        lengths = words[here].view(f"{chain.order}u4")
        following = here + lengths
        following += chain.overhead
        sound = (lengths <= chain.longest) & (following <= end)
        if chain.shortest:
            sound &= lengths >= chain.shortest
        if not sound.all():
            landed[walking[~sound]] = here[~sound]
            walking, here, until, following = walking[sound], here[sound], until[sound], following[sound]
        places.append(here)
        here = following
        going = here < until
        if not going.all():
            landed[walking[~going]] = here[~going]
            walking, here, until = walking[going], here[going], until[going]
    for walker, position in zip(walking.tolist(), here.tolist(), strict=True):
        alone = _walk_alone(octets, chain, start=position, end=end, limit=int(limits[walker]))
        places.append(alone.positions)
        landed[walker] = alone.stop
    positions = np.concatenate(places)
    positions.sort(kind="stable")  # every step of the walkers is a run in order: 5 ns each, not 50
    return positions, landed


def _guessed_starts(octets: np.ndarray, chain: Chain, *, start: int, end: int) -> np.ndarray:
    """Places, spread evenly, that look like the start of a record which is followed by another one."""
    span = min(GUESS_OCTETS, (end - start) // (2 * WALKERS)) // chain.alignment * chain.alignment
    if span < chain.header:
        return np.zeros(0, np.int64)
    anchors = np.linspace(start, end - 4 * span, WALKERS, dtype=np.int64)[1:]
    anchors -= (anchors - start) % chain.alignment
    walker, shift = _alike(windows(octets, anchors, span + 4), chain, span)
    places = anchors[walker] + shift
    for judge in (_is_first_word, _is_followed):
        plausible = judge(octets, chain, places, end)
        walker, places = walker[plausible], places[plausible]
    return places[np.flatnonzero(np.diff(walker, prepend=-1))]


def _alike(rows: np.ndarray, chain: Chain, span: int) -> tuple[np.ndarray, np.ndarray]:
    """Return row and octet of everything that could be the first word of a record: the right word, or its top octet."""
    low, high = chain.first_word
    if chain.alignment == 4:
        words = rows.view(f"{chain.order}u4")[:, : span // 4]
        alike = (words >= low) & (words <= high) if low < high else words == low
    else:
        top = rows[:, 3 : 3 + span] if chain.order == "<" else rows[:, :span]
        low, high = low >> 24, high >> 24
        alike = (top >= low) & (top <= high) if low < high else top == low
    walker, shift = np.divmod(np.flatnonzero(alike), alike.shape[1])
    return walker, shift * chain.alignment


def _is_first_word(octets: np.ndarray, chain: Chain, places: np.ndarray, _end: int) -> np.ndarray:
    low, high = chain.first_word
    words = field(windows(octets, places, 4), 0, f"{chain.order}u4")
    return (words >= low) & (words <= high)


def _is_followed(octets: np.ndarray, chain: Chain, places: np.ndarray, end: int) -> np.ndarray:
    """Say of each place whether its length leads to another record."""
    lengths = field(windows(octets, places + chain.length_at, 4), 0, f"{chain.order}u4").astype(np.int64)
    following = places + chain.overhead + lengths
    inside = (lengths >= chain.shortest) & (following <= end - chain.header)
    return inside & _is_first_word(octets, chain, np.where(inside, following, 0), end)
