import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.causes.confidence import confidence_of, read_calibration


def test_the_table_rises_and_never_makes_certain():
    leads_db, shares = read_calibration()
    assert len(leads_db) == len(shares) > 1
    assert (np.diff(leads_db) > 0).all()
    assert (np.diff(shares) >= 0).all()
    assert shares.min() > 0
    assert shares.max() < 1


@given(st.floats(-400, 400), st.floats(0, 400))
def test_more_evidence_never_makes_less_sure(lead_db, more_db):
    assert confidence_of(lead_db + more_db) >= confidence_of(lead_db)


@pytest.mark.parametrize("lead_db", [-1e9, 1e9, np.inf])
def test_beyond_the_table_it_stays(lead_db):
    _, shares = read_calibration()
    assert shares.min() <= confidence_of(lead_db) <= shares.max()
