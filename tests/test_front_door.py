"""A room loads what it offers when that is first used, and says what it offers when asked for something else."""

import subprocess
import sys

import pytest

import forensics
import forensics.streams


def test_a_name_is_loaded_from_its_home_and_kept():
    from forensics.streams import find_streams
    from forensics.streams.finding import find_streams as at_home

    assert find_streams is at_home
    assert vars(forensics.streams)["find_streams"] is at_home


@pytest.mark.parametrize("room", [forensics, forensics.streams])
def test_another_name_is_answered_with_those_there_are(room):
    with pytest.raises(
        AttributeError, match=rf"module '{room.__name__}' has no attribute 'nothing'; it offers: .*find_streams"
    ):
        room.nothing  # noqa: B018


def test_a_room_lists_what_it_offers():
    assert {"find_streams", "measure_streams"} <= {*dir(forensics.streams)}
    assert {"diagnose", "workbench"} <= {*dir(forensics)}


def test_importing_the_package_loads_none_of_it():
    code = (
        "import sys, forensics; print([name for name in ('pandas', 'numpy', 'forensics.model') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
