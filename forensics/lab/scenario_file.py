"""Scenarios from TOML files and back.

`tomllib` reads the values; `TomlLines` knows the line of each, so that every refusal names it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from forensics.errors import ScenarioError
from forensics.lab.scenario import FAULT_KINDS, Fault, Line, Network, Scenario, Sender, Voice
from forensics.lab.scenario_check import check_scenario
from forensics.lab.toml_lines import TomlLines


def read_scenario(path: Path | str) -> Scenario:
    """Read and check a scenario file.

    Parameters
    ----------
    path : path-like
        A TOML file; sound files that it names are looked for beside it.

    Raises
    ------
    ScenarioError
        The file cannot be read, or something in it is unknown, out of range or ambiguous; the message begins with
        `file:line`.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise ScenarioError(f"Cannot read scenario {path}: {reason}. Give a UTF-8 TOML file.") from reason
    return parse_scenario(text, name=path.stem, source=str(path), folder=path.parent)


def parse_scenario(text: str, *, name: str = "scenario", source: str = "scenario", folder: Path = Path()) -> Scenario:
    """Build a scenario from TOML text; `source` is what error messages call it, `folder` where sound files are."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise ScenarioError(f"{source}: not TOML: {reason}.") from reason
    where = TomlLines(text, source)
    tables = {
        "agent": _table(document, where, name="agent", kind=Voice),
        "user": _table(document, where, name="user", kind=Voice),
        "sender": _table(document, where, name="sender", kind=Sender),
        "network": _table(document, where, name="network", kind=Network),
    }
    lines = tuple(_line(row, where, index=i, folder=folder) for i, row in enumerate(_rows(document, where, "line")))
    faults = tuple(_fault(row, where, index=i) for i, row in enumerate(_rows(document, where, "fault")))
    top = {key: document[key] for key in document if key not in ("agent", "user", "sender", "network", "line", "fault")}
    known = {f.name for f in fields(Scenario)} - {"lines", "faults", *tables}
    _refuse_unknown(top, known | {*tables, "line", "fault"}, where, ())
    scenario = _build(Scenario, {"name": name, **top, "lines": lines, "faults": faults, **tables}, where, ())
    check_scenario(scenario, where=where)
    return scenario


def _rows(document: Mapping[str, Any], where: TomlLines, name: str) -> list[Mapping[str, Any]]:
    rows = document.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ScenarioError(f"{where.at((name,))}: {name!r} must be an array of tables; write [[{name}]].")
    return rows


def _table(document: Mapping[str, Any], where: TomlLines, *, name: str, kind: type) -> Any:
    values = document.get(name)
    if values is None:
        return next(f.default for f in fields(Scenario) if f.name == name)
    if not isinstance(values, dict):
        raise ScenarioError(f"{where.at((), name)}: {name!r} must be a table; write [{name}].")
    _refuse_unknown(values, {f.name for f in fields(kind)}, where, (name,))
    return _build(kind, values, where, (name,))


def _line(row: Mapping[str, Any], where: TomlLines, *, index: int, folder: Path) -> Line:
    path = ("line", index)
    _refuse_unknown(row, {"who", "at_s", "text", "wav", "cut_at_s"}, where, path)
    if row.get("who") not in ("agent", "user"):
        raise ScenarioError(f"{where.at(path, 'who')}: who = {row.get('who')!r}; it must be 'agent' or 'user'.")
    if bool(row.get("text")) == bool(row.get("wav")):
        raise ScenarioError(f"{where.at(path)}: a line needs either text or wav, and not both.")
    wav = {"wav": folder / row["wav"]} if row.get("wav") else {}
    return _build(Line, {**row, **wav, "line": where.number(path)}, where, path)


def _fault(row: Mapping[str, Any], where: TomlLines, *, index: int) -> Fault:
    path = ("fault", index)
    kind = str(row.get("kind"))
    if kind not in FAULT_KINDS:
        raise ScenarioError(f"{where.at(path, 'kind')}: unknown fault {kind!r}; there are: {', '.join(FAULT_KINDS)}.")
    rules = FAULT_KINDS[kind]
    own = {"kind", "at_s", "duration_s"} if rules.has_duration else {"kind", "at_s"}
    _refuse_unknown(row, own | set(rules.parameters), where, path)
    given = {key: value for key, value in row.items() if key in rules.parameters}
    core = {key: value for key, value in row.items() if key not in given}
    return _build(Fault, {**core, "parameters": given, "line": where.number(path)}, where, path)


def _refuse_unknown(values: Mapping[str, Any], known: set[str], where: TomlLines, path: tuple[Any, ...]) -> None:
    for key in values:
        if key not in known:
            raise ScenarioError(f"{where.at(path, key)}: unknown key {key!r}; known here: {', '.join(sorted(known))}.")


_READS_AS: Mapping[str, tuple[type, ...]] = {
    "float": (int, float), "int": (int,), "str": (str,), "bool": (bool,)
}  # fmt: skip


def _build(kind: type, values: Mapping[str, Any], where: TomlLines, path: tuple[Any, ...]) -> Any:
    for f in fields(kind):
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ScenarioError(f"{where.at(path)}: {f.name!r} is missing; it must be given.")
        wanted = str(f.type).removesuffix(" | None")
        accepted, value = _READS_AS.get(wanted), values.get(f.name)
        wrong_bool = isinstance(value, bool) and wanted != "bool"
        if accepted and value is not None and (wrong_bool or not isinstance(value, accepted)):
            raise ScenarioError(f"{where.at(path, f.name)}: {f.name} = {value!r}; expected a {wanted}.")
    return kind(**values)


def write_scenario(scenario: Scenario, path: Path | str) -> Path:
    """Write a scenario as TOML that `read_scenario` reads back to an equal one (but for the line numbers)."""
    path = Path(path)
    scalars = ("name", "description", "duration_s", "seed", "capture_format")
    parts = [_toml_table("", {key: getattr(scenario, key) for key in scalars})]
    for table in ("agent", "user", "sender", "network"):
        parts.append(_toml_table(f"[{table}]", asdict(getattr(scenario, table))))
    for line in scenario.lines:
        given = {key: value for key, value in asdict(line).items() if value not in ("", None) and key != "line"}
        parts.append(_toml_table("[[line]]", given))
    for fault in scenario.faults:
        length = {"duration_s": fault.duration_s} if fault.rules.has_duration else {}
        parts.append(_toml_table("[[fault]]", {"kind": fault.kind, "at_s": fault.at_s, **length, **fault.parameters}))
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _toml_table(header: str, values: Mapping[str, Any]) -> str:
    rows = [header] if header else []
    return "\n".join([*rows, *(f"{key} = {_toml_value(value)}" for key, value in values.items())]) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value if isinstance(value, int) else float(value))
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
