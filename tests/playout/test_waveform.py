import numpy as np
import pytest

from forensics.playout.waveform import Waveform

RATE_HZ = 48_000


@pytest.mark.parametrize("period", [390, 402, 426, 450, 498])
def test_a_steady_voice_is_stretched_whatever_its_pitch(period):
    t = np.arange(3 * 960)
    voice = sum(np.sin(2 * np.pi * k * t / period + k) / np.sqrt(k) for k in range(1, 12))
    signal = Waveform(RATE_HZ, list((0.1 * voice).astype(np.float32).reshape(3, 960)), capacity=RATE_HZ)
    signal.decode(0, 3, 3 * 960)
    assert signal.accelerate(960) == pytest.approx(period, abs=2)
