"""COQL as far as the stand-in speaks it: select ... from Module where (pairs of criteria) order by ... limit [offset,] n."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<op><=|>=|!=|=|<|>|\(|\)|,)|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<number>-?[0-9]+(?:\.[0-9]+)?))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
MOST_ROWS = 2000
MOST_CRITERIA = 25
MOST_FIELDS = 500


class SyntaxFault(Exception):
    """What Zoho answers with SYNTAX_ERROR; `near` is the place."""

    def __init__(self, near: str) -> None:
        super().__init__(near)
        self.near = near


@dataclass(frozen=True, slots=True)
class Criterion:
    """`column` compared with `values`: one, or several for `in`."""

    column: str
    comparator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two conditions joined by `word`: and, or."""

    word: str
    left: Criterion | Pair
    right: Criterion | Pair


@dataclass(slots=True)
class Query:
    columns: list[str] = field(default_factory=list)
    module: str = ""
    where: Criterion | Pair | None = None
    order: list[tuple[str, bool]] = field(default_factory=list)
    offset: int = 0
    limit: int = 200


def parse(text: str) -> Query:
    """Raises `SyntaxFault`."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise SyntaxFault(text[place : place + 20].strip())
        found.append(match.group().strip())
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._place, self._criteria = tokens, 0, 0

    def query(self) -> Query:
        found = Query()
        self._word("select")
        found.columns = self._listed()
        if len(found.columns) > MOST_FIELDS:
            raise SyntaxFault("select")
        self._word("from")
        found.module = self._next()
        self._word("where")
        found.where = self._condition()
        if self._taken("order"):
            self._word("by")
            found.order = self._order()
        if self._taken("limit"):
            self._limit(found)
        if self._place < len(self._tokens):
            raise SyntaxFault(self._tokens[self._place])
        return found

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise SyntaxFault("end of query")
        self._place += 1
        return token

    def _taken(self, word: str) -> bool:
        if self._peek().lower() != word:
            return False
        self._place += 1
        return True

    def _word(self, word: str) -> None:
        if not self._taken(word):
            raise SyntaxFault(self._peek() or "end of query")

    def _listed(self) -> list[str]:
        found = [self._next()]
        while self._taken(","):
            found.append(self._next())
        return found

    def _condition(self) -> Criterion | Pair:
        """A criterion, or two joined; a third must stand in brackets, as the vendor demands."""
        left = self._operand()
        word = self._peek().lower()
        if word not in {"and", "or"}:
            return left
        self._place += 1
        right = self._operand()
        if self._peek().lower() in {"and", "or"}:
            raise SyntaxFault(self._peek())
        return Pair(word, left, right)

    def _operand(self) -> Criterion | Pair:
        if self._taken("("):
            found = self._condition()
            self._word(")")
            return found
        self._criteria += 1
        if self._criteria > MOST_CRITERIA:
            raise SyntaxFault("where")
        column, comparator = self._next(), self._next().lower()
        if comparator == "in":
            self._word("(")
            values = [_literal(each) for each in self._listed()]
            self._word(")")
            if len(values) > 100:
                raise SyntaxFault("in")
            return Criterion(column, comparator, tuple(values))
        if comparator not in _COMPARE:
            raise SyntaxFault(comparator)
        return Criterion(column, comparator, (_literal(self._next()),))

    def _order(self) -> list[tuple[str, bool]]:
        found = []
        while True:
            column = self._next()
            descending = self._taken("desc")
            if not descending:
                self._taken("asc")
            found.append((column, descending))
            if not self._taken(","):
                return found

    def _limit(self, found: Query) -> None:
        numbers = [self._number()]
        if self._taken(","):
            numbers = [numbers[0], self._number()]
            found.offset = numbers[0]
        found.limit = numbers[-1]
        if found.limit > MOST_ROWS:
            raise SyntaxFault("limit")

    def _number(self) -> int:
        token = self._next()
        if not token.isdigit():
            raise SyntaxFault(token)
        return int(token)


def _literal(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token and (token[0].isdigit() or token[0] == "-"):
        return token
    raise SyntaxFault(token)


def columns_of(where: Criterion | Pair | None) -> set[str]:
    if where is None:
        return set()
    return {where.column} if isinstance(where, Criterion) else columns_of(where.left) | columns_of(where.right)


def fits(where: Criterion | Pair | None, value_of: Callable[[str, str], tuple[Any, Any]]) -> bool:
    """Whether a row fits; `value_of(column, literal)` gives the row's value and the literal, comparable."""
    if where is None:
        return True
    if isinstance(where, Pair):
        sides = (fits(where.left, value_of), fits(where.right, value_of))
        return all(sides) if where.word == "and" else any(sides)
    pairs = [value_of(where.column, literal) for literal in where.values]
    if where.comparator == "in":
        return any(own == other for own, other in pairs if own is not None)
    return any(_COMPARE[where.comparator](own, other) for own, other in pairs if own is not None and other is not None)
