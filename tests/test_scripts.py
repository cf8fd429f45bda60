"""The setup scripts, run on machines made of a few fake programs."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
ORDINARY = ("bash", "dirname", "touch", "env", "mkdir", "chmod", "cat", "cp", "grep")

PYTHON = """
case "$*" in
*ensurepip*) exit {venv} ;;
*"< (3, 11)"*) exit {old} ;;
*"[:2]"*) echo {version} ;;
*"-m venv"*) mkdir -p .venv/bin; echo "#!/bin/sh" > .venv/bin/python; echo 'echo "$@" >> pip.log' >> .venv/bin/python
    chmod +x .venv/bin/python ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A checkout on a machine that has the ordinary programs only; `add` puts one more on it."""

    class Machine:
        checkout = tmp_path / "checkout"
        programs = tmp_path / "bin"

        def add(self, name, script):
            path = self.programs / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)

        def run(self, script, *arguments):
            return subprocess.run(
                ["bash", f"scripts/{script}", *arguments],
                cwd=self.checkout,
                env={"PATH": str(self.programs)},
                capture_output=True,
                text=True,
                check=False,
            )

        def log(self, name):
            path = self.checkout / name
            return path.read_text() if path.exists() else ""

    shutil.copytree(SCRIPTS, Machine.checkout / "scripts")
    Machine.programs.mkdir()
    machine = Machine()
    for name in ORDINARY:
        machine.add(name, f'exec {shutil.which(name)} "$@"')  # no symlinks: writing to one would reach the real program
    return machine


def test_a_machine_without_python_is_told_what_to_install(machine):
    done = machine.run("setup.sh")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed; found: none" in done.stderr


def test_an_old_python_is_named(machine):
    machine.add("python3", PYTHON.format(venv=0, old=1, version="3.9"))
    done = machine.run("setup.sh")
    assert done.returncode == 1
    assert "found: python3 is 3.9;" in done.stderr


def test_a_python_without_venv_is_told_its_package(machine):
    machine.add("python3", PYTHON.format(venv=1, old=0, version="3.11"))
    done = machine.run("setup.sh")
    assert done.returncode == 1
    assert "apt-get install python3.11-venv" in done.stderr


def test_a_python_with_venv_goes_before_a_newer_one_without(machine):
    machine.add("python3.13", PYTHON.format(venv=1, old=0, version="3.13"))
    machine.add("python3.12", PYTHON.format(venv=0, old=0, version="3.12"))
    done = machine.run("setup.sh")
    assert done.returncode == 0, done.stderr
    assert "with python3.12 (3.12)" in done.stderr


def test_pip_installs_wheels_only_and_leaves_a_stamp(machine):
    machine.add("python3", PYTHON.format(venv=0, old=0, version="3.11"))
    done = machine.run("setup.sh", "test")
    assert done.returncode == 0, done.stderr
    assert "--only-binary :all: -e .[test]" in machine.log("pip.log")
    assert (machine.checkout / ".venv" / ".ready").exists()
    assert (machine.checkout / ".venv" / ".ready-test").exists()


def test_uv_is_used_where_it_is_installed(machine):
    machine.add("uv", 'echo "$@" >> uv.log; mkdir -p .venv')
    machine.add("python3", PYTHON.format(venv=1, old=0, version="3.12"))
    done = machine.run("setup.sh", "lab")
    assert done.returncode == 0, done.stderr
    made, dependencies, package = machine.log("uv.log").splitlines()
    assert made == "venv --quiet --allow-existing --python python3 .venv"
    assert dependencies.endswith("--only-binary :all: --extra lab -r pyproject.toml")
    assert package.endswith("--no-deps -e .")


def test_missing_programs_are_installed_by_root(machine):
    machine.add("id", "echo 0")
    machine.add("tshark", "")
    machine.add(
        "apt-get",
        f'echo "$@" >> apt.log; [ "$1" = update ] || cp {machine.programs}/tshark {machine.programs}/espeak-ng',
    )
    done = machine.run("system_tools.sh", "tshark", "espeak-ng")
    assert done.returncode == 0
    assert "tshark" not in machine.log("apt.log")
    assert "install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=60 espeak-ng" in machine.log("apt.log")


def test_package_lists_are_fetched_where_a_package_is_not_known_yet(machine):
    machine.add("id", "echo 0")
    machine.add("apt-get", 'echo "$1" >> apt.log; [ "$1" = update ] || grep -q update apt.log')
    machine.run("system_tools.sh", "tshark")
    assert machine.log("apt.log").split() == ["install", "update", "install"]


def test_who_may_not_install_is_told_in_one_line(machine):
    machine.add("id", "echo 1000")
    machine.add("sudo", "exit 1")
    machine.add("apt-get", 'echo "$@" >> apt.log')
    done = machine.run("system_tools.sh", "tshark", "espeak-ng")
    assert done.returncode == 0
    assert machine.log("apt.log") == ""
    assert done.stderr == ("Not installed: tshark espeak-ng - to have them: sudo apt-get install tshark espeak-ng\n")
