"""Small checks that compose: each takes a value and where it stands, and refuses with the platform's code.

A missing required member is 131008, a member the contract does not know or a value of the wrong kind or length is 100.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from scrm.sandbox.graph.errors import GraphError

Check = Callable[[Any, str], None]


def anything(value: Any, where: str) -> None:
    """Any JSON value."""


def text(*, most: int | None = None, least: int = 1, pattern: str = "") -> Check:
    shape = re.compile(pattern) if pattern else None

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str):
            raise GraphError(100, f"Param {where} must be a string")
        if len(value) < least:
            raise GraphError(100, f"Param {where} must be at least {least} characters long")
        if most is not None and len(value) > most:
            raise GraphError(100, f"Param {where} must be at most {most} characters long")
        if shape and not shape.fullmatch(value):
            raise GraphError(100, f"Param {where} is not in the expected format")

    return check


def boolean(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise GraphError(100, f"Param {where} must be a boolean")


def integer(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphError(100, f"Param {where} must be an integer")


def number_or_text(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise GraphError(100, f"Param {where} must be a number or a string")


def one_of(*allowed: str) -> Check:
    def check(value: Any, where: str) -> None:
        if value not in allowed:
            raise GraphError(100, f"Param {where} must be one of {{{', '.join(allowed)}}}")

    return check


def array(item: Check, *, least: int = 0, most: int | None = None) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise GraphError(100, f"Param {where} must be an array")
        if len(value) < least:
            raise GraphError(131009, f"Param {where} needs at least {least} entries")
        if most is not None and len(value) > most:
            raise GraphError(131009, f"Param {where} may have at most {most} entries")
        for index, element in enumerate(value):
            item(element, f"{where}[{index}]")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *, closed: bool = True) -> Check:
    """An object; a closed one refuses members it does not know."""
    known = {**required, **(optional or {})}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise GraphError(100, f"Param {where} must be an object")
        for name in required:
            if name not in value:
                raise GraphError(131008, f"Required parameter is missing: {where}['{name}']")
        for name, element in value.items():
            if name in known:
                known[name](element, f"{where}['{name}']")
            elif closed:
                raise GraphError(100, f'Unexpected key "{name}" on param "{where}"')

    return check


def by_type(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` member chooses the check."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise GraphError(100, f"Param {where} must be an object")
        kind = value.get("type")
        if kind is None:
            raise GraphError(131008, f"Required parameter is missing: {where}['type']")
        if not isinstance(kind, str) or kind not in kinds:
            raise GraphError(131009, f"Param {where}['type'] must be one of {{{', '.join(kinds)}}}")
        kinds[kind](value, where)

    return check
