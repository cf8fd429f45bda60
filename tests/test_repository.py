"""The outside of the repository keeps its word: files in step, nothing in git that does not belong there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import forensics

ROOT = Path(__file__).parents[1]
GIVEN_FIVE = {"jupyterlab", "pyshark", "pandas", "librosa", "ipywidgets"}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text())


@pytest.fixture(scope="module")
def tracked():
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def parts(requirement):
    return re.fullmatch(r"([A-Za-z0-9._-]+)\s*(.*)", requirement).groups()


def text_of(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_environment_yml_and_pyproject_ask_for_the_same(project, environment):
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    asked = dict(map(parts, [*conda, *(entry for entry in pip if not entry.startswith("-"))]))
    assert asked.pop("python") == project["requires-python"]
    assert asked.pop("pip") == ""
    assert asked == dict(map(parts, project["dependencies"]))


def test_the_five_given_packages_come_from_conda(environment):
    conda = {parts(entry)[0] for entry in environment["dependencies"] if isinstance(entry, str)}
    assert conda >= GIVEN_FIVE


def test_one_version(project):
    assert project["version"] == forensics.__version__
    assert f"## {forensics.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_requirement_is_pinned_without_need(project):
    pinned = [entry for entry in project["dependencies"] if "==" in entry]
    assert pinned == ["pyshark==0.6"]


def test_nothing_generated_is_tracked(tracked):
    generated = re.compile(r"\.(lock|pyc|egg-info|orig|log)$|-lock\.json$|/__pycache__/|^reports/|\.ipynb_checkpoints")
    names = [path.relative_to(ROOT).as_posix() for path in tracked]
    assert [name for name in names if generated.search(name) and not name.endswith("keys.log")] == []


def test_no_path_of_a_machine_is_tracked(tracked):
    homes = re.compile(rf"/(?:home|Users)/(?!alice)\w+/|/{'root'}/")  # alice is nobody: examples use her
    here = Path(__file__).resolve()
    found = [str(path.relative_to(ROOT)) for path in tracked if path != here and homes.search(text_of(path))]
    assert found == []


def test_no_package_index_is_named(tracked):
    index = re.compile(r"(?:extra-)?index-url|find-links|registry\s*=\s*http")
    here = Path(__file__).resolve()
    assert [str(path.relative_to(ROOT)) for path in tracked if path != here and index.search(text_of(path))] == []


def test_notebooks_are_stripped():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in yaml.safe_load(path.read_text())["cells"]:
            assert not cell.get("outputs"), f"{path.name} keeps outputs"
            assert cell.get("execution_count") is None, f"{path.name} keeps execution counts"


def test_each_sample_capture_has_its_truth_and_its_line():
    lines = (ROOT / "sample_captures" / "README.md").read_text()
    folders = sorted(path for path in (ROOT / "sample_captures").iterdir() if path.is_dir())
    assert folders
    for folder in folders:
        assert (folder / "truth.json").is_file()
        assert f"`{folder.name}`" in lines


def test_links_of_the_readme_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "sample_captures/README.md"):
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{name} links to {target}"


def test_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert named
    assert named <= targets


def test_scripts_are_bash_and_executable():
    for script in (ROOT / ".ci" / "run", *(ROOT / "scripts").glob("*.sh")):
        assert script.stat().st_mode & 0o111, f"{script.name} is not executable"
        checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
