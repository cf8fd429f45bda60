"""The doctor tells what is there from what is missing, and what stops a diagnosis from what does not."""

import shutil

from forensics.commands import doctor
from forensics.commands.console import print_checks


def test_the_needed_packages_are_here():
    checks = doctor.check_installation()
    names = {check.name for check in checks if check.needed}
    assert names >= {"jupyterlab", "pyshark", "pandas", "librosa", "ipywidgets"}
    assert doctor.healthy(checks)
    assert all(check.found for check in checks if check.needed)


def test_a_missing_program_is_named_but_stops_nothing(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda command: None)
    checks = doctor.check_installation()
    assert doctor.healthy(checks)
    print_checks(checks)
    assert "apt-get install tshark" in capsys.readouterr().out


def test_a_missing_package_is_no_health(monkeypatch, capsys):
    def version(name):
        if name == "pandas":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    checks = doctor.check_installation()
    assert not doctor.healthy(checks)
    print_checks(checks)
    lines = [line for line in capsys.readouterr().out.splitlines() if "pandas" in line]
    assert any("missing" in line and "make setup" in line for line in lines)


def test_an_old_python_is_no_health(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    assert not doctor.healthy(doctor.check_installation())


def test_a_missing_extra_is_named_with_its_brackets(capsys):
    print_checks([doctor.Check("ruff", "", False, "pip install 'voice-forensics[dev]'")])
    assert "voice-forensics[dev]" in capsys.readouterr().out
