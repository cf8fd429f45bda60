"""Write docs/rules.md out of the docstrings of the rules: `python docs/make_rules.py`.

Every rule stands there with what it asks, its limits and where they come from. The text is the docstring of the rule,
the limits are the named constants that it uses, itself or through the functions of its module, with the sentence that
stands below each of them. A test holds the page in step.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from forensics.causes import answers, claim, confidence, verdict
from forensics.glitches import audibility

PAGE = Path(__file__).with_name("rules.md")
MODULES = (
    *(
        "loss",
        "transport",
        "timing",
        "holding",
        "sender_clock",
        "round_trips",
        "receiver",
        "unheard",
        "recorder",
        "content",
    ),
    *("events", "browser", "counters", "recording", "counterfactual"),
)
WEIGHTS = ("DECISIVE", "STRONG", "FAIR", "SLIGHT")


def make_page() -> str:
    """Return the page as Markdown."""
    return "\n\n".join([*_head(), *_chapters(), *_foot()]) + "\n"


def _head() -> Iterator[str]:
    weights = ", ".join(f"{name.lower()} {getattr(claim, name):.0f}" for name in WEIGHTS)
    priors = ", ".join(f"{cause} {weight:.0f}" for cause, weight in verdict.PRIOR_DB.items())
    yield "# The rules"
    yield "<!-- Made by docs/make_rules.py out of the docstrings of the rules: change those, and make it again. -->"
    yield (
        "A rule asks one question about one glitch and answers true, false, or not checkable because. Its answer "
        f"weighs so many decibans for or against a cause: {weights}. {_note(claim, 'SLIGHT')}"
    )
    yield f"Before any evidence the causes weigh {priors}. {_note(verdict, 'PRIOR_DB')} {_note(verdict, 'DECIDED')}"
    yield _paragraphs(confidence.__doc__, first=False)
    yield '`diagnosis.explain("g03")` prints what the rules said of one glitch, for and against, in order of weight.'


def _chapters() -> Iterator[str]:
    for name in MODULES:
        module = import_module(f"forensics.causes.{name}")
        yield f"## {_title(module)}"
        for rule in module.RULES:
            yield from _rule(rule)
    yield f"## {_title(answers)}"
    yield from _rule(answers.answered_late)


def _foot() -> Iterator[str]:
    yield "## Audible or masked"
    yield _paragraphs(audibility.__doc__, first=False)
    yield _table(dict.fromkeys(sorted(_notes(audibility)), audibility))


def _rule(rule: Any) -> Iterator[str]:
    module = import_module(rule.__module__)
    yield f"### `{rule.__name__}`"
    yield inspect.cleandoc(rule.__doc__)
    limits = _limits(module, rule.__name__)
    if limits:
        yield _table(limits)


def _table(limits: dict[str, ModuleType]) -> str:
    rows = [
        f"| `{name}` | {_shown(getattr(module, name))} | {_note(module, name)} |" for name, module in limits.items()
    ]
    return "\n".join(["| limit | value | source |", "| --- | --- | --- |", *rows])


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _limits(module: ModuleType, function: str) -> dict[str, ModuleType]:
    """Explained constants that a function uses, itself or through others of this room, and where they are known."""
    used: dict[str, ModuleType] = {}
    todo, done = [(module, function)], set()
    while todo:
        where, name = todo.pop()
        body = next((n for n in _tree(where).body if isinstance(n, ast.FunctionDef) and n.name == name), None)
        if (where, name) in done or body is None:
            continue
        done.add((where, name))
        words = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        todo += [(_home(where, word), word) for word in words if not word.isupper()]
        used |= {word: where for word in words if word.isupper() and word not in WEIGHTS and _note(where, word)}
    return dict(sorted(used.items()))


def _home(module: ModuleType, name: str) -> ModuleType:
    """The module of this room that a name was imported from, else `module` itself."""
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return import_module(str(node.module)) if str(node.module).startswith("forensics.causes.") else module
    return module


def _note(module: ModuleType, name: str) -> str:
    """The sentence below a constant, in the module that defines it."""
    if name in _notes(module):
        return _notes(module)[name]
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return _note(import_module(str(node.module)), name)
    return ""


@lru_cache(maxsize=64)
def _notes(module: ModuleType) -> dict[str, str]:
    """Constants of a module and the string below each."""
    body, found = _tree(module).body, {}
    for node, below in pairwise(body):
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        if isinstance(text, str):
            found |= {name: " ".join(text.split()) for name in names if name.isupper()}
    return found


@lru_cache(maxsize=64)
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _title(module: ModuleType) -> str:
    """The head of a module's docstring as a heading."""
    return str(module.__doc__).partition("\n")[0].rstrip(".")


def _paragraphs(text: str | None, *, first: bool) -> str:
    """A docstring's paragraphs, the first one with them or not."""
    paragraphs = inspect.cleandoc(str(text)).split("\n\n")
    return "\n\n".join(paragraphs if first else paragraphs[1:])


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
    print(PAGE)
