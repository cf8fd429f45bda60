import pytest
from jupyterlab_session import chromium, serve
from synthetic_call import synthetic_diagnosis

from forensics.views.view import make_view


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("playwright.sync_api")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(folder):
    """A JupyterLab that serves the module's `folder`."""
    with serve(folder) as address:
        yield address


@pytest.fixture(scope="session")
def diagnosis():
    return synthetic_diagnosis()


@pytest.fixture(scope="session")
def view(diagnosis):
    return make_view(diagnosis)
