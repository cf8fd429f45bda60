"""An area to drop the files of a call on, for people who do not want to type paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from forensics.case import open_case
from forensics.diagnosis import STAGES, diagnose
from forensics.errors import CaseError, ForensicsError
from forensics.model import Case, Diagnosis
from forensics.views.bench import Workbench
from forensics.views.renderer import drop_area_source, evidence_style
from forensics.views.roles import ROLES, guess_role
from forensics.views.still import show_beside, still_note

FOLDER = Path("calls")


class FileTaker(anywidget.AnyWidget):
    """Takes files from the browser piece by piece and writes them; `files` lists those that are there.

    A piece is acknowledged before the next one is sent, so that a capture of any size passes.
    """

    _esm = drop_area_source()
    _css = evidence_style()

    files: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    roles = traitlets.Dict(ROLES).tag(sync=True)
    still_id = traitlets.Unicode().tag(sync=True)
    done = traitlets.Float(-1.0).tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(**more)
        self.folder = folder
        self.still_id = self.model_id
        self.on_msg(self._take)

    def _take(self, _: Any, message: dict[str, Any], buffers: list[Any]) -> None:
        if message["kind"] != "piece":
            return
        try:
            path = self._append(message, bytes(buffers[0]))
        except (OSError, ForensicsError) as fault:
            self.send({"id": message["id"], "failed": str(fault)})
            return
        if message["last"]:
            self._list(path)
        self.send({"id": message["id"]})

    def _append(self, message: dict[str, Any], piece: bytes) -> Path:
        name = Path(message["name"]).name
        if not name or name.startswith("."):
            raise CaseError(f"{message['name']!r} is no name for a file of a case. Rename it, and drop it again.")
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        with path.open("ab" if message["at"] else "wb") as file:
            file.write(piece)
        return path

    def _list(self, path: Path) -> None:
        others = [entry for entry in self.files if entry["name"] != path.name]
        role = guess_role(path.name, {entry["role"] for entry in others})
        self.files = [*others, {"name": path.name, "octets": path.stat().st_size, "role": role}]

    def case(self) -> Case:
        """Return the case of the files that are there, each in the role that was chosen."""
        chosen = [(entry["role"], entry["name"]) for entry in self.files if entry["role"]]
        twice = sorted({ROLES[role] for role, _ in chosen if [r for r, _ in chosen].count(role) > 1})
        if twice:
            raise CaseError(f"Two files are the {' and the '.join(twice)}. Give each file a role of its own.")
        return open_case(name=self.folder.name, **{role: self.folder / name for role, name in chosen})


class DropArea(ipywidgets.VBox):
    """Drop files, press *Diagnose*, and the workbench opens below.

    Attributes
    ----------
    case : Case or None
    diagnosis : Diagnosis or None
    bench : Workbench or None
    """

    def __init__(self, folder: str | Path = FOLDER) -> None:
        self.case: Case | None = None
        self.diagnosis: Diagnosis | None = None
        self.bench: Workbench | None = None
        self.taker = FileTaker(_fresh(Path(folder)))
        self.start = ipywidgets.Button(description="Diagnose", icon="play", button_style="primary", disabled=True)
        self.start.on_click(self._diagnose)
        self.taker.observe(self._allow, "files")
        self._still: Any = None
        super().__init__([self.taker, self.start])

    def _ipython_display_(self) -> None:
        self._still = show_beside(self, still_note(self.taker.model_id), summary="Drop area")

    def _allow(self, _: Any) -> None:
        self.start.disabled = not any(entry["role"] in ("capture", "recording") for entry in self.taker.files)

    def _tell(self, stage: str, action: str) -> None:
        self.taker.done = max(self.taker.done, STAGES.index(stage) / len(STAGES)) if stage in STAGES else 0.0
        self.taker.said = f"{stage}: {action}"

    def _diagnose(self, _: Any) -> None:
        self.start.disabled = True
        self.children = [self.taker, self.start]
        try:
            self.case = self.taker.case()
            self.diagnosis = diagnose(self.case, progress=self._tell)
            self.bench = Workbench(self.diagnosis)
            self.children = [self.taker, self.start, self.bench]
            if self._still is not None:
                self.bench.timeline.keep_still_in(self._still)
            self.taker.said = self.diagnosis.conclusion
        except ForensicsError as fault:
            self.taker.said = str(fault)
        except KeyboardInterrupt:
            self.taker.said = "Interrupted. Press Diagnose to begin anew."
        finally:
            self.taker.done = -1.0
            self.start.disabled = False


def drop_area(folder: str | Path = FOLDER) -> DropArea:
    """Return an area to drop the files of a call on; its workbench opens below it.

    Parameters
    ----------
    folder : str or Path
        Where the files are kept: in a new folder within it, beside which nothing is overwritten.

    Returns
    -------
    DropArea
        `case`, `diagnosis` and `bench` are there once *Diagnose* was pressed.
    """
    return DropArea(folder)


def _fresh(folder: Path) -> Path:
    """Return the first of call-1, call-2, … within `folder` that does not exist yet."""
    number = 1
    while (folder / f"call-{number}").exists():
        number += 1
    return folder / f"call-{number}"
