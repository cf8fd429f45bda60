"""Data in the page: nothing breaks out of its script, everything comes back as it went in."""

import base64
import hashlib
import json
import zlib

import numpy as np
import pytest

from forensics.report.embed import content_security_policy, packed, script_json

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028 ]]>"


def test_no_text_can_end_the_script_element():
    text = script_json({HOSTILE: [HOSTILE]})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {HOSTILE: [HOSTILE]}


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64", ">f8"])
def test_arrays_come_back(dtype):
    values = np.arange(100).astype(dtype)
    entry = packed(values)
    octets = zlib.decompress(base64.b64decode(entry["text"]))
    np.testing.assert_array_equal(np.frombuffer(octets, values.dtype.newbyteorder("<")), values)


def test_the_policy_admits_this_script_and_nothing_from_outside():
    policy = content_security_policy(script="let a = 1;", style="p {}")
    digest = base64.b64encode(hashlib.sha256(b"let a = 1;").digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
