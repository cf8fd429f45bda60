import pytest
from synthetic_call import synthetic_diagnosis

from forensics.views.view import make_view


@pytest.fixture(scope="session")
def diagnosis():
    return synthetic_diagnosis()


@pytest.fixture(scope="session")
def view(diagnosis):
    return make_view(diagnosis)
