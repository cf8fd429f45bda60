"""A simulated call: the same scenario, packets and truth as a recorded one, in about a thirtieth of its time.

speech → Opus → paced packets → network → NetEq on real samples → the recording. The send plan, the network and the
truth are the recorder's own; only the browser is a model (`simulate_playout`), which a benchmark holds to the real one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forensics.lab.account import PACKET_COLUMNS, Account
from forensics.lab.locate import FOUND_SCORE, SILENT_DBFS, levels_dbfs
from forensics.lab.microphone import MICROPHONE_LEAD_S, MICROPHONE_RATE_HZ, TAIL_S, speak_user, with_lead
from forensics.lab.model_log import model_events
from forensics.lab.payloads import OpusEncoder, decode_payloads, encode_payloads
from forensics.lab.plan import SendPlan, plan_sending
from forensics.lab.scenario import Scenario, Sender
from forensics.lab.simulate_counters import counted_at
from forensics.lab.simulate_files import write_simulated
from forensics.lab.simulate_playout import Heard, Receiver, listen
from forensics.lab.simulate_wire import Wire, transmit
from forensics.lab.speech import SPEECH_RATE_HZ, resample
from forensics.playout.arrivals import PLAYOUT_RATE_HZ

EPOCH_NS = 1_700_000_000_000_000_000
"""When every simulated call begins, ns since 1970: the same scenario gives the same bytes on any day."""

DEFAULT_RECEIVER = Receiver()

RENDERED_CALLS = 8
"""How many encoded and decoded calls are remembered: a slider that changes one fault re-uses most of the work."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCall:
    """One simulated call: its account, what both captures hold, and the model's events with their time since 1970."""

    account: Account
    wire: Wire
    events: tuple[tuple[float, dict[str, Any]], ...]
    statistics: pd.DataFrame  # the receiver's counters, as `simulate_counters.count_statistics` returns them
    zero_ns: int
    folder: Path | None = None


def simulate_call(
    scenario: Scenario,
    out: Path | str | None = None,
    *,
    seed: int | None = None,
    receiver: Receiver = DEFAULT_RECEIVER,
) -> SimulatedCall:
    """Simulate a call, and write it as a case if asked to.

    Parameters
    ----------
    scenario : Scenario
    out : path-like, optional
        Folder to write the case into; see `simulate_files.write_simulated`. Without it the call stays in memory.
    seed : int, optional
        Decides about everything that is left to chance, in place of the scenario's own seed.
    receiver : Receiver
        The listener's jitter buffer and sound card.

    Returns
    -------
    SimulatedCall

    Raises
    ------
    ScenarioError
        The scenario cannot be played, or `out` holds something already.
    MissingToolError
        espeak-ng is not installed.

    Notes
    -----
    The model of the listener has no RED and no echo; a packet that in-band FEC repairs sounds like the one that was
    lost; concealment of unvoiced sounds lacks the noise that NetEq mixes in.

    Examples
    --------
    >>> call = simulate_call(read_scenario("burst_loss.toml"))
    >>> call.account.recording                                      # (n,) float32 at 48 kHz
    >>> for seed in range(100):
    ...     simulate_call(scenario, f"calls/{seed:03d}", seed=seed, receiver=Receiver(noise_dbfs=-55))
    """
    scenario = scenario if seed is None else replace(scenario, seed=seed)
    plan = plan_sending(scenario)
    spoken = speak_user(scenario)
    payloads, uplink = _both_encoded(plan, scenario.sender, _in_packets(spoken))
    wire = transmit(scenario, plan, payloads=payloads, uplink=uplink, zero_ns=EPOCH_NS)
    packets = _fates(wire, scenario, rows=len(plan.packets))
    account, statistics = play_out(scenario, plan, packets=packets, payloads=payloads, spoken=spoken, receiver=receiver)
    events = tuple((EPOCH_NS / 1e9 + event.at_s, event.event) for event in model_events(scenario, plan))
    call = SimulatedCall(account, wire, events, statistics, EPOCH_NS)
    return call if out is None else replace(call, folder=write_simulated(call, out))


def play_out(
    scenario: Scenario,
    plan: SendPlan,
    *,
    packets: pd.DataFrame,
    payloads: list[bytes],
    spoken: np.ndarray,
    receiver: Receiver = DEFAULT_RECEIVER,
) -> tuple[Account, pd.DataFrame]:
    """Let the modelled listener play packets of known fate.

    Parameters
    ----------
    scenario, plan
    packets : DataFrame
        PACKET_COLUMNS, of which `sent_s` and `arrived_s` (seconds of the call), `copies` and `fault` count.
    payloads : list of bytes
        RTP payload of each planned packet.
    spoken : (n,) float32
        What the user says, as `speak_user` returns it.
    receiver : Receiver

    Returns
    -------
    Account, DataFrame
        What became of the call, and the receiver's counters as `simulate_counters.count_statistics` returns them.
    """
    audio = _decoded(packets, plan, payloads=payloads, sender=scenario.sender)
    heard = listen(
        packets["arrived_s"].to_numpy(),
        audio,
        plan=plan,
        payloads=payloads,
        span_s=(-MICROPHONE_LEAD_S, scenario.duration_s + TAIL_S),
        receiver=receiver,
        freezes=scenario.faults_of("receiver"),
        seed=scenario.seed,
    )
    rate_hz = PLAYOUT_RATE_HZ[scenario.sender.codec]
    heard = replace(heard, statistics=counted_at(heard.statistics, rate_hz=rate_hz))
    return _account(scenario, plan, packets=packets, audio=audio, heard=heard, spoken=spoken), heard.statistics


def _account(
    scenario: Scenario, plan: SendPlan, *, packets: pd.DataFrame, audio: np.ndarray, heard: Heard, spoken: np.ndarray
) -> Account:
    zero_s = EPOCH_NS / 1e9
    table = packets.assign(sent_s=packets["sent_s"] + zero_s, arrived_s=packets["arrived_s"] + zero_s)
    table["level_dbfs"] = levels_dbfs(audio)
    table["score"] = _scores(audio, heard)
    table.loc[table["level_dbfs"] <= SILENT_DBFS, "score"] = np.nan
    table["heard_s"] = np.where(table["score"] >= FOUND_SCORE, heard.place_s, np.nan)
    return Account(
        scenario=scenario,
        plan=plan,
        packets=table.astype(dict(PACKET_COLUMNS)),
        sent_audio=audio,
        recording=heard.recording,
        microphone=_at_microphone_rate(spoken, len(heard.recording)),
        zero_s=zero_s,
        clock=heard.clock + np.array([zero_s, 0.0]),
        concealment=heard.concealment,
        device=heard.device,
        freezes=tuple((f, zero_s + f.at_s, zero_s + f.end_s) for f in scenario.faults_of("receiver")),
        totals={
            name: float(sums.iloc[-1]) for name, sums in heard.statistics.items() if name[0] != "." and name != "at_s"
        },
    )


# ---------------------------------------------------------------------------------------------------------------------
# Packets
# ---------------------------------------------------------------------------------------------------------------------


def _fates(wire: Wire, scenario: Scenario, *, rows: int) -> pd.DataFrame:
    """Note when each planned packet was sent and came, in seconds of the call."""
    table = pd.DataFrame({name: np.full(rows, np.nan) for name in PACKET_COLUMNS})
    table["copies"], table["fault"] = 0, -1
    faults = {id(fault): row for row, fault in enumerate(scenario.faults)}
    media = [trip for trip in wire.downlink if trip.row >= 0]
    row = [trip.row for trip in media]
    table.loc[row, "sent_s"] = [trip.at_s for trip in media]
    table.loc[row, "arrived_s"] = [min(trip.out_s, default=np.nan) for trip in media]
    table.loc[row, "copies"] = [len(trip.out_s) for trip in media]
    table.loc[row, "fault"] = [faults.get(id(trip.fault), -1) for trip in media]
    return table


def _decoded(packets: pd.DataFrame, plan: SendPlan, *, payloads: list[bytes], sender: Sender) -> np.ndarray:
    """Decode what came, as one stream without gaps; what did not come keeps the planned audio."""
    came = np.flatnonzero(packets["arrived_s"].notna())
    chosen = tuple(payloads[row] for row in came)
    audio = plan.audio.copy()
    audio[came] = _remembered_decodings.of(sender, chosen, lambda: decode_payloads(chosen, sender))
    return audio


def _both_encoded(plan: SendPlan, sender: Sender, said: np.ndarray) -> tuple[list[bytes], list[bytes]]:
    """Encode both voices side by side: the codecs leave Python alone while they work."""
    with ThreadPoolExecutor(1) as other:
        uplink = other.submit(_encoded, said, replace(sender, codec="opus", packet_s=0.02), plan)
        return _encoded(plan.audio, sender, plan), uplink.result()


def _encoded(audio: np.ndarray, sender: Sender, plan: SendPlan) -> list[bytes]:
    pieces = tuple(piece.tobytes() for piece in audio)
    if sender.codec == "opus":
        return _remembered_encodings.of(sender, pieces, lambda: _voices.encode(sender, pieces, audio=audio))
    return _remembered_encodings.of(sender, pieces, lambda: encode_payloads(replace(plan, audio=audio), sender))


@dataclass(slots=True, eq=False)
class _Memory:
    """What codecs made of sequences of pieces. They look back only, so that a part of a sequence needs no new run."""

    _kept: deque[tuple[Sender, tuple[bytes, ...], Any]] = field(
        default_factory=lambda: deque(maxlen=2 * RENDERED_CALLS)
    )

    def of(self, sender: Sender, pieces: tuple[bytes, ...], make: Callable[[], Any]) -> Any:
        """Return what was made of a sequence that begins with `pieces`, or make it."""
        for kept in tuple(self._kept):
            if kept[0] == sender and kept[1][: len(pieces)] == pieces:
                return kept[2][: len(pieces)]
        self._kept.appendleft((sender, pieces, make()))
        return self._kept[0][2]


@dataclass(slots=True, eq=False)
class _Voices:
    """Opus encoders, each with what it made of a voice so far: where more of it is sent, it goes on from there."""

    _kept: deque[tuple[Sender, tuple[bytes, ...], list[bytes], OpusEncoder]] = field(
        default_factory=lambda: deque(maxlen=2 * RENDERED_CALLS)
    )

    def encode(self, sender: Sender, pieces: tuple[bytes, ...], *, audio: np.ndarray) -> list[bytes]:
        """Return the payloads of `audio`, whose bytes are `pieces`."""
        payloads, encoder = self._taken(sender, pieces)
        payloads = payloads + encoder.encode(audio[len(payloads) :])
        self._kept.appendleft((sender, pieces, payloads, encoder))
        return payloads

    def _taken(self, sender: Sender, pieces: tuple[bytes, ...]) -> tuple[list[bytes], OpusEncoder]:
        """Take out the encoder that encoded most of the beginning of `pieces`, or a new one; nobody else may use it."""
        fitting = [kept for kept in tuple(self._kept) if kept[0] == sender and pieces[: len(kept[1])] == kept[1]]
        for kept in sorted(fitting, key=lambda kept: -len(kept[1])):
            try:
                self._kept.remove(kept)
            except ValueError:  # another thread was faster
                continue
            return kept[2], kept[3]
        return [], OpusEncoder(sender)


_remembered_encodings, _remembered_decodings, _voices = _Memory(), _Memory(), _Voices()


# ---------------------------------------------------------------------------------------------------------------------
# Sound
# ---------------------------------------------------------------------------------------------------------------------


def _scores(audio: np.ndarray, heard: Heard) -> np.ndarray:
    """Correlation of each packet with the recording at the place where it was played; 0 where it was not."""
    samples = audio.shape[1]
    first = np.round(np.nan_to_num(heard.place_s, nan=0.0) * SPEECH_RATE_HZ).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(heard.recording, (0, samples)), samples)
    played = windows[np.minimum(first, len(windows) - 1)]
    power = np.sqrt(np.sum(played**2, axis=1) * np.sum(audio**2, axis=1))
    score = np.sum(played * audio, axis=1) / np.maximum(power, 1e-9)
    return np.where(np.isfinite(heard.place_s), score, 0.0)


def _in_packets(samples: np.ndarray) -> np.ndarray:
    length = round(0.02 * SPEECH_RATE_HZ)
    return samples[: len(samples) // length * length].reshape(-1, length)


def _at_microphone_rate(spoken: np.ndarray, length: int) -> np.ndarray:
    """Bring the microphone to its rate and to the origin of the recording."""
    whole = with_lead(spoken)
    whole = np.pad(whole, (0, max(0, length - len(whole))))[:length]
    return resample(whole, from_hz=SPEECH_RATE_HZ, to_hz=MICROPHONE_RATE_HZ)
