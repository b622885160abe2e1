"""SOQL as far as one object goes: SELECT fields FROM object [WHERE conditions] [ORDER BY fields] [LIMIT n]."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from scrm.sandbox.salesforce.vocabulary import Json
from scrm.sandbox.salesforce.wire import Refusal, parsed

Condition: TypeAlias = "Callable[[Json], bool]"

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z][\w.]*)|(?P<sign><=|>=|!=|<>|[=<>(),]))",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Query:
    fields: tuple[str, ...]
    sobject: str
    holds: Condition
    order: tuple[str, ...]
    limit: int | None
    used: tuple[str, ...]


def _everything(_row: Json) -> bool:
    return True


def malformed(why: str) -> Refusal:
    return Refusal(400, "MALFORMED_QUERY", why)


def parse(text: str) -> Query:
    """Raises `Refusal` for what is no query."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._used: list[str] = []

    def query(self) -> Query:
        self._word("select")
        fields = self._names()
        self._word("from")
        sobject = self._name()
        holds: Condition = self._any() if self._try("where") else _everything
        order: tuple[str, ...] = ()
        if self._try("order"):
            self._word("by")
            order = self._names()
        limit = int(self._take("number")) if self._try("limit") else None
        if self._place != len(self._tokens):
            raise malformed(f"unexpected token: {self._tokens[self._place][1]}")
        return Query(fields, sobject, holds, order, limit, tuple(self._used))

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._try("or"):
            parts.append(self._all())
        return lambda row: any(part(row) for part in parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._try("and"):
            parts.append(self._one())
        return lambda row: all(part(row) for part in parts)

    def _one(self) -> Condition:
        if self._try("("):
            inner = self._any()
            self._word(")")
            return inner
        name = self._name()
        self._used.append(name)
        if self._try("in"):
            self._word("(")
            values = [self._value()]
            while self._try(","):
                values.append(self._value())
            self._word(")")
            return lambda row: any(_compare(row.get(name), "=", value) for value in values)
        sign = self._take("sign")
        value = self._value()
        return lambda row: _compare(row.get(name), sign, value)

    def _value(self) -> Any:
        kind, text = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", _unescaped, text[1:-1], flags=re.DOTALL)
        if kind == "time":
            return parsed(text)
        if kind == "number":
            return float(text)
        if kind == "date":
            return text
        if kind == "name" and text.lower() in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[text.lower()]
        raise malformed(f"unexpected token: {text}")

    def _names(self) -> tuple[str, ...]:
        names = [self._name()]
        while self._try(","):
            names.append(self._name())
        return tuple(names)

    def _name(self) -> str:
        return self._take("name")

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise malformed("unexpected end of the query")
        self._place += 1
        return self._tokens[self._place - 1]

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise malformed(f"unexpected token: {text}")
        return text

    def _word(self, word: str) -> None:
        if not self._try(word):
            raise malformed(f"expecting {word}")

    def _try(self, word: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place][1].lower() == word:
            self._place += 1
            return True
        return False


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise malformed(f"unexpected character at {place}")
        found.append((str(match.lastgroup), str(match[match.lastgroup or 0])))
        place = match.end()
    return found


def _unescaped(match: re.Match[str]) -> str:
    if match[1] not in _ESCAPES:
        raise malformed(f"invalid string literal, illegal character sequence '\\{match[1]}'")
    return _ESCAPES[match[1]]


def _compare(held: Any, sign: str, wanted: Any) -> bool:
    if wanted is None or held is None:
        same = held is None and wanted is None
        return same if sign == "=" else not same if sign in {"!=", "<>"} else False
    left, right = _comparable(held, wanted)
    if sign == "=":
        return bool(left == right)
    if sign in {"!=", "<>"}:
        return bool(left != right)
    try:
        return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign])
    except TypeError:
        return False


def _comparable(held: Any, wanted: Any) -> tuple[Any, Any]:
    """Times by the second, texts without regard to case, ids with it."""
    if isinstance(wanted, datetime):
        at = parsed(str(held))
        return (at.replace(microsecond=0) if at else None), wanted.replace(microsecond=0)
    if isinstance(wanted, str) and isinstance(held, str):
        is_id = len(wanted) == 18 == len(held) and wanted.isalnum() and held[:3] == wanted[:3]
        return (held, wanted) if is_id else (held.casefold(), wanted.casefold())
    return held, wanted
