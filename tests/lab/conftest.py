"""What the lab's tests let speakers say."""

import numpy as np
import pytest
import soundfile

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """Three seconds of noise that is nowhere like itself."""
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, np.random.default_rng(5).normal(0, 0.1, 3 * RATE_HZ), RATE_HZ)
    return path
