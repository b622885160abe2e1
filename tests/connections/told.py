"""The sentences that the sources store or raise in English, as they would stand in a row: read from the syntax, with 7 for each value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def told(folder: str, calls: frozenset[str], names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(where, sentence) of each call's first text or keyword of these names, and of each assignment of a text to such a name.

    A name that stands there instead of a text is looked up in its module. Only texts of three words and more.
    """
    for path in sorted((ROOT / folder).rglob("*.py")) if (ROOT / folder).is_dir() else [ROOT / folder]:
        tree = ast.parse(path.read_text())
        known = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            for given in _given(node, calls, names):
                value = known.get(given.id, given) if isinstance(given, ast.Name) else given
                for text in _texts(value):
                    if len(text.split()) > 2:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", text  # type: ignore[attr-defined]


def _given(node: ast.AST, calls: frozenset[str], names: frozenset[str]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in calls:
            yield from node.args
        yield from (keyword.value for keyword in node.keywords if keyword.arg in names)
    elif isinstance(node, ast.Assign):
        targets = {target.id if isinstance(target, ast.Name) else getattr(target, "attr", "") for target in node.targets}
        if targets & names:
            yield node.value


def _texts(value: ast.expr) -> Iterator[str]:
    """A text with its values filled in; of a choice or a list, each."""
    if isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)
    elif isinstance(value, ast.BoolOp | ast.List):
        for each in value.values if isinstance(value, ast.BoolOp) else value.elts:
            yield from _texts(each)
    elif isinstance(value, ast.Subscript):
        yield from _texts(value.value)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in value.values)
