"""Search over text in any script, on both databases, fast over millions of rows.

Text is cut into terms: a Latin or Thai word is one term, a run of Chinese or Japanese gives every pair of neighbouring characters
and its last character, digits of a phone number one term that begins with the last digit (so that 'ends with 4567' is a
prefix search). The terms stand in a side table: PostgreSQL keeps them as a tsvector under a GIN index, SQLite in FTS5.
Positions are kept, so a query of several characters matches them only side by side.

Trigram indexes were not used: they need three characters, and two-character words are the rule in Chinese and Japanese.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connections, models, router
from django.db.migrations.operations.special import RunPython
from django.db.models.expressions import RawSQL

from scrm.core import arrays, copying, loading
from scrm.core.beside import along

Q = TypeVar("Q", bound=models.QuerySet[Any])

MAX_TERMS = 4000
MOST_FOUND = 1000
# Rows of which a phrase of common terms is looked for one by one, before its index.
MOST_WALKED = 300_000
STATISTICS_SECONDS = 600.0
# Han, kana (with the long-vowel mark), Hangul, and the ideographic iteration marks.
CJK = r"\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
TOKEN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
PHONE = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_FIRST_CJK = re.compile(rf"[{CJK}]")
_NO_DIGIT = re.compile("[^0-9]")
# Control characters that PostgreSQL refuses or that would end a literal.
UNSAFE = re.compile("[\x00\ud800-\udfff'\\\\]")


def fold(text: str) -> str:
    """One form for every width and case: NFKC, case folded, without marks that cannot be stored."""
    return UNSAFE.sub(" ", unicodedata.normalize("NFKC", text)).casefold()


def _is_cjk(token: str) -> bool:
    return not token.isascii() and _FIRST_CJK.match(token) is not None


def index_terms(text: str) -> list[str]:
    """The terms of a text in their order, at most `MAX_TERMS`."""
    terms: list[str] = []
    folded = fold(text)
    for token in TOKEN.findall(folded):
        if _is_cjk(token):
            terms += [token[n : n + 2] for n in range(len(token))]
        else:
            terms.append(token[:40])
    terms += [f"r{_NO_DIGIT.sub('', number)[::-1]}" for number in PHONE.findall(folded)]
    return terms[:MAX_TERMS]


Phrase = list[str]


def query_phrases(text: str) -> list[list[Phrase]]:
    """Groups that must all occur, each of alternatives; a trailing '*' marks a prefix.

    Three digits and more also match the end of a number.
    """
    digits = re.sub(r"[\s().+-]", "", fold(text))
    if digits.isdecimal() and len(digits) >= 3:
        return [[[f"r{digits[::-1]}*"], [f"{digits[:40]}*"]]]
    return [[_phrase(token)] for token in TOKEN.findall(fold(text))[:12]]


def _phrase(token: str) -> Phrase:
    if not _is_cjk(token):
        return [f"{token[:40]}*"]
    return [f"{token}*"] if len(token) == 1 else [token[n : n + 2] for n in range(len(token) - 1)]


class SearchIndex:
    """The side table of one model: `add` in the transaction that writes the rows, `filter` a queryset by a query."""

    def __init__(self, table: str, model: type[models.Model] | str) -> None:
        self.table = table
        self.model = model
        self._shares: tuple[float, float, dict[str, float]] | None = None

    def _connection(self, alias: str | None = None) -> Any:
        return connections[alias or "default"]

    def add(self, rows: Iterable[tuple[int, str]], *, fresh: bool = False) -> None:
        """Index rows that were not there before. `fresh`: nobody else can know their keys yet, so they are written in bulk."""
        connection = self._connection()
        values = [(pk, index_terms(text)) for pk, text in along(rows)]
        values = [(pk, terms) for pk, terms in values if terms]
        if not values:
            return
        if fresh and connection.vendor == "postgresql":
            text = copying.block([[pk for pk, _ in values], [_tsvector(terms) for _, terms in along(values)]])
            loading.send(connection, f"COPY {self.table} (id, terms) FROM STDIN", (text or "").encode())
            return
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                sql = f"INSERT INTO {self.table} (rowid, terms) VALUES (%s, %s)"  # noqa: S608
                cursor.executemany(sql, [(pk, " ".join(terms)) for pk, terms in values])
                return
            for start in range(0, len(values), 500):
                part = values[start : start + 500]
                sql = f"INSERT INTO {self.table} (id, terms) SELECT v.id, v.terms::tsvector "
                sql += "FROM UNNEST(%s::bigint[], %s::text[]) AS v (id, terms) ON CONFLICT (id) DO UPDATE SET terms = excluded.terms"
                cursor.execute(sql, [arrays.numbers(pk for pk, _ in part), arrays.texts(_tsvector(terms) for _, terms in part)])

    def replace(self, rows: Iterable[tuple[int, str]]) -> None:
        """Index rows anew, whatever was there."""
        rows = list(rows)
        self.remove([pk for pk, _ in rows])
        self.add(rows)

    def remove(self, pks: Sequence[int]) -> None:
        if not pks:
            return
        connection = self._connection()
        column = "rowid" if connection.vendor == "sqlite" else "id"
        with connection.cursor() as cursor:
            for start in range(0, len(pks), 500):
                part = list(pks[start : start + 500])
                cursor.execute(f"DELETE FROM {self.table} WHERE {column} IN ({', '.join(['%s'] * len(part))})", part)  # noqa: S608

    def filter(self, queryset: Q, text: str, *, path: str = "pk") -> Q:
        """The newest `MOST_FOUND` rows that hold every phrase; none when the query holds no letter or digit.

        The bound keeps a very common word as fast as a rare one: the newest rows are walked instead of all matches.
        """
        phrases = query_phrases(text)
        if not phrases:
            return queryset.none()
        connection = self._connection(router.db_for_read(queryset.model))
        if connection.vendor == "sqlite":
            sql, query = f"SELECT rowid FROM {self.table} WHERE terms MATCH %s ORDER BY rowid DESC LIMIT {MOST_FOUND}", _fts5(phrases)  # noqa: S608
            return queryset.filter(**{f"{path}__in": RawSQL(sql, [query])})  # noqa: S611 - the query is a parameter
        # Looked for now and once: a list counts its rows before it reads them, and would search twice.
        found = self._found(phrases, connection)
        if not found:
            return queryset.none()
        return queryset.filter(**{f"{path}__in": RawSQL("SELECT UNNEST(%s::bigint[])", [arrays.numbers(found)])})

    def _found(self, phrases: Sequence[Sequence[Phrase]], connection: Any) -> list[int]:
        """The keys of the newest rows on PostgreSQL."""
        sql, times = self._postgresql_statement(self._rows_to_walk(phrases))
        with connection.cursor() as cursor:
            cursor.execute(sql, [_tsquery(phrases)] * times)
            return [pk for (pk,) in cursor.fetchall()]

    def _postgresql_statement(self, walk: int) -> tuple[str, int]:
        """The statement, and how often it takes the query. `walk`: so many of the newest rows are looked at before the index is asked."""
        rows = f"SELECT id FROM {self.table} WHERE terms @@ %s::tsquery"  # noqa: S608
        asked = f"ORDER BY id DESC LIMIT {MOST_FOUND}"
        if not walk:
            return f"{rows} {asked}", 1
        newest = f"SELECT id, terms FROM {self.table} ORDER BY id DESC LIMIT {walk}"  # noqa: S608
        older = f"{rows} AND id < (SELECT id FROM {self.table} ORDER BY id DESC OFFSET {walk - 1} LIMIT 1) {asked}"  # noqa: S608
        found = f"SELECT id FROM ({newest}) AS newest WHERE terms @@ %s::tsquery LIMIT {MOST_FOUND}"  # noqa: S608
        return f"({found}) UNION ALL ({older}) LIMIT {MOST_FOUND}", 2

    def _rows_to_walk(self, groups: Sequence[Sequence[Phrase]]) -> int:
        """How many of the newest rows probably hold `MOST_FOUND` hits of a phrase of common terms; 0 when the planner may be trusted.

        PostgreSQL takes the terms of a phrase for independent. Pairs of characters are not: it expects hardly any row with
        'ありがとう', reads all of its hundred thousand, and needs a second.
        """
        phrases = [phrase for group in groups for phrase in group]
        terms = [term for phrase in phrases for term in phrase if not term.endswith("*")]
        if all(len(phrase) == 1 for phrase in phrases):
            return 0
        rows, shares = self._common_terms()
        rarest = min(shares.get(term, 0.0) for term in terms)
        if not rarest:
            return 0
        walk = int(min(MOST_FOUND / rarest * 1.2, MOST_WALKED))
        # The index leads to at most this many rows, and reading one of those costs about as much as walking past two.
        return 0 if 2 * rows * rarest <= walk else walk

    def _common_terms(self) -> tuple[float, dict[str, float]]:
        """How many rows there are, and the share of them that hold each of the commonest terms; as the database's statistics have it.

        Ten minutes old at most.
        """
        known = self._shares
        if known is None or time.monotonic() - known[0] > STATISTICS_SECONDS:
            with self._connection().cursor() as cursor:
                cursor.execute(
                    "SELECT (SELECT reltuples FROM pg_class WHERE oid = to_regclass(tablename)), most_common_elems::text::text[], "
                    "most_common_elem_freqs FROM pg_stats WHERE schemaname = current_schema() AND tablename = %s AND attname = 'terms'",
                    [self.table],
                )
                row = cursor.fetchone()
            rows, terms, shares = row or (0.0, None, None)
            self._shares = known = (time.monotonic(), rows or 0.0, dict(zip(terms or (), shares or (), strict=False)))
        return known[1], known[2]


def _tsvector(terms: Sequence[str]) -> str:
    if len(set(terms)) == len(terms):
        return " ".join([f"'{term}':{place}" for place, term in enumerate(terms, start=1)])
    places: dict[str, list[str]] = {}
    for place, term in enumerate(terms, start=1):
        places.setdefault(term, []).append(str(place))
    return " ".join(f"'{term}':{','.join(at[:250])}" for term, at in places.items())


def _tsquery(groups: Sequence[Sequence[Phrase]]) -> str:
    def one(term: str) -> str:
        return f"'{term[:-1]}':*" if term.endswith("*") else f"'{term}'"

    return " & ".join(
        "(" + " | ".join("(" + " <-> ".join(one(term) for term in phrase) + ")" for phrase in group) + ")" for group in groups
    )


def _fts5(groups: Sequence[Sequence[Phrase]]) -> str:
    def one(phrase: Phrase) -> str:
        words = '"' + " ".join(term.rstrip("*").replace('"', "") for term in phrase) + '"'
        return words + ("*" if phrase[-1].endswith("*") else "")

    return " AND ".join("(" + " OR ".join(one(phrase) for phrase in group) + ")" for group in groups)


def create_table(table: str) -> RunPython:
    """A migration operation that makes the side table and its index on whichever database this is."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.alias != "default":
            return
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(f'CREATE VIRTUAL TABLE {table} USING fts5(terms, tokenize="unicode61 remove_diacritics 0")')
        else:
            schema_editor.execute(f"CREATE TABLE {table} (id bigint PRIMARY KEY, terms tsvector NOT NULL)")
            schema_editor.execute(f"CREATE INDEX {table}_terms ON {table} USING gin (terms)")

    def backwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.alias == "default":
            schema_editor.execute(f"DROP TABLE {table}")

    return RunPython(forwards, backwards)
