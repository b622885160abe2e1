"""The ties between contacts as they are stored: written with every comparison, read around the contacts that are judged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from django.db import connection
from django.db.models import Q

from scrm.contacts.matching import casework
from scrm.contacts.matching.collective import KEPT_APART, Tie
from scrm.contacts.models import MatchTie
from scrm.core import arrays, copying
from scrm.core.loading import send
from scrm.core.rows import among

# (lower id, higher id, log odds, sure)
Row = tuple[int, int, float, bool]
_CHUNK = 50_000


def write(rows: Iterable[Row], compared: Collection[int]) -> set[int]:
    """Put these ties in place of all that the compared contacts had. The twins that they had and have."""
    ids = sorted(compared)
    theirs = MatchTie.objects.filter(_of(ids))
    twins = {pk for pair in theirs.filter(sure=True).values_list("first_id", "second_id") for pk in pair}
    theirs._raw_delete(using="default")  # type: ignore[attr-defined]
    ordered = sorted(rows)
    _insert(ordered)
    return (twins | {pk for first, second, _, sure in ordered if sure for pk in (first, second)}) - set(ids)


def _insert(rows: list[Row]) -> None:
    if not rows:
        return
    table = MatchTie._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            firsts, seconds, odds, sure = zip(*rows, strict=True)
            cursor.execute(
                f"INSERT INTO {table} (first_id, second_id, odds, sure) "  # noqa: S608 - the name comes from the model
                "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[], %s::bool[]) ON CONFLICT DO NOTHING",
                [arrays.numbers(firsts), arrays.numbers(seconds), list(odds), list(sure)],
            )
            return
        cursor.executemany(f"INSERT OR IGNORE INTO {table} (first_id, second_id, odds, sure) VALUES (%s, %s, %s, %s)", rows)  # noqa: S608


def replace(compared: Collection[int], rows: Sequence[Row]) -> None:
    """Put these ties in place of all that the compared contacts had with higher ids; none is there twice. The caller has the turn."""
    MatchTie.objects.filter(_of(sorted(compared), lower_only=True))._raw_delete(using="default")  # type: ignore[attr-defined]
    if connection.vendor == "postgresql":
        into = f"COPY {MatchTie._meta.db_table} (first_id, second_id, odds, sure) FROM STDIN (FORMAT binary)"
        send(connection, into, copying.binary("qqd?", rows))
        return
    _insert(list(rows))


def every() -> Iterator[Row]:
    """All of them, each from both sides, by the first id."""
    table, columns = MatchTie._meta.db_table, "odds, sure"
    both = f"SELECT first_id, second_id, {columns} FROM {table} UNION ALL SELECT second_id, first_id, {columns} FROM {table} ORDER BY 1"  # noqa: S608
    with connection.chunked_cursor() as cursor:
        cursor.execute(both)
        while rows := cursor.fetchmany(_CHUNK):
            yield from rows


def around(contacts: Collection[int]) -> dict[int, dict[int, Tie]]:
    """The ties of these contacts, of those whom they are tied to, and of those whom these are rather likely to be: what judging the
    first needs. What people kept apart says so."""
    found: dict[int, dict[int, Tie]] = {}
    near = set(contacts)
    _read(near, found)
    partners = {other for pk in near for other in found.get(pk, ())} - near
    _read(partners, found)
    further = {other for pk in near | partners for other, (odds, _) in found.get(pk, {}).items() if odds >= 0}
    _read(further - near - partners, found)
    for one, other in casework.apart(found) if found else ():
        if other in found[one]:
            found[one][other] = found[other][one] = KEPT_APART
    return found


def _read(contacts: Collection[int], found: dict[int, dict[int, Tie]]) -> None:
    if not contacts:
        return
    rows = MatchTie.objects.filter(_of(sorted(contacts)))
    for first, second, odds, sure in rows.values_list("first_id", "second_id", "odds", "sure"):
        found.setdefault(first, {})[second] = found.setdefault(second, {})[first] = (odds, sure)


def _of(ids: Sequence[int], *, lower_only: bool = False) -> Q:
    first = Q(among(MatchTie, "first", ids))
    return first if lower_only else first | Q(among(MatchTie, "second", ids))


def forget(contacts: Collection[int]) -> None:
    MatchTie.objects.filter(_of(sorted(contacts)))._raw_delete(using="default")  # type: ignore[attr-defined]
