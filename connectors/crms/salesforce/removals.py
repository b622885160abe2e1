"""What was removed: deleted records, records that a merge swallowed, and leads that became contacts.

Deletions are listed for `FEED_DAYS`. A position that is older cannot be caught up with: the cursor then says so under
`full_comparison`, with the time since which removals may be missing, until the caller drops it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from connectors.contracts import Page, Removal
from connectors.crms.salesforce import soql, windows
from connectors.crms.salesforce.feeds import PAGE, sources
from connectors.crms.salesforce.objects import CONTACT, LEAD, PREFIXES
from connectors.crms.salesforce.windows import CLOCK_ALLOWANCE, STAMP
from connectors.crms.salesforce.wire import BATCH, Wire, rows_in
from connectors.timestamps import moment
from connectors.untrusted import Json, as_text

logger = logging.getLogger(__name__)

FEED_DAYS = 15
# Salesforce wants start and end a minute apart.
LEAST_WINDOW = timedelta(seconds=90)
_MARGIN = timedelta(minutes=10)


class Move(NamedTuple):
    """A way in which a record lives on as another one: the column that names it, the condition, whether it is in the recycle bin."""

    column: str
    condition: str
    deleted: bool


MERGED = Move("MasterRecordId", "IsDeleted = true", True)
CONVERTED = Move("ConvertedContactId", "IsConverted = true", False)
_MOVES: dict[str, tuple[Move, ...]] = {CONTACT: (MERGED,), LEAD: (MERGED, CONVERTED)}


def moves_of(sobject: str) -> tuple[Move, ...]:
    return _MOVES.get(sobject, ())


def removed_records(wire: Wire, kind: str, cursor: Json, known: Collection[str], person: str) -> Page:
    """`known` bounds what is reported, when not empty.

    Cursor: {} to begin as far back as the feed goes, {"since"} after a finished run, within one {"from", "to", "part", "move"} and the
    place behind the last row; "move" counts the ways of living on, none yet while the deleted records are read.
    """
    window = _window(cursor)
    parts = sources(kind, person)
    part = windows.part_of(window, len(parts))
    moves = moves_of(parts[part])
    move = windows.part_of({"part": window["move"]}, len(moves) + 1) if "move" in window else -1
    if move < 0:
        items, window = _deleted(wire, kind, parts[part], window, known)
    else:
        rows, more = _moved(wire, parts[part], moves[min(move, len(moves) - 1)], window)
        items = _removals(kind, moves[min(move, len(moves) - 1)], rows, known)
        if rows and more:
            return Page(items, {**windows.behind(window, rows[-1]), "part": part}, True)
    rest: Json = {name: window[name] for name in ("from", "to", "full_comparison", "first") if name in window}
    if move + 1 < len(moves):
        return Page(items, {**rest, "part": part, "move": move + 1}, True)
    if part + 1 < len(parts):
        return Page(items, {**rest, "part": part + 1}, True)
    said: Json = {"full_comparison": window["full_comparison"]} if "full_comparison" in window else {}
    return Page(items, {**windows.after(window), **said}, False)


def _window(cursor: Json) -> Json:
    window = windows.window_of(cursor)
    if moment(cursor.get("to")) is not None:
        return window
    now = windows.time_of(window["to"])
    earliest, since = now - timedelta(days=FEED_DAYS) + _MARGIN, moment(window["from"])
    said: Json = {"full_comparison": cursor["full_comparison"]} if cursor.get("full_comparison") else {}
    if since is None:
        return {"from": windows.text(earliest), "to": window["to"], "first": True, **said}
    if since < earliest:
        said = {"full_comparison": said.get("full_comparison") or windows.text(since)}
        logger.warning("Salesforce lists deletions for %d days; a full comparison is needed since %s", FEED_DAYS, windows.text(since))
    return {"from": windows.text(min(max(since, earliest), now - LEAST_WINDOW)), "to": window["to"], **said}


def _deleted(wire: Wire, kind: str, sobject: str, window: Json, known: Collection[str]) -> tuple[tuple[Removal, ...], Json]:
    """The whole list of the window, which the vendor does not page. Merged ones among them are told by the list of merges."""
    params = {"start": _iso(windows.time_of(window["from"])), "end": _iso(windows.time_of(window["to"]))}
    document = wire.call("GET", wire.path("sobjects", sobject, "deleted") + "/", params=params)
    begins = moment(document.get("earliestDateAvailable"))
    if begins is not None and begins > windows.time_of(window["from"]) + CLOCK_ALLOWANCE and not window.get("first"):
        logger.warning("Salesforce's list of deleted %s begins at %s; a full comparison is needed", sobject, windows.text(begins))
        window = {**window, "full_comparison": window.get("full_comparison") or window["from"]}
    rows = [(as_text(row.get("id")), moment(row.get("deletedDate"))) for row in rows_in(document, "deletedRecords")]
    ids = [each for each, _ in rows if soql.is_id(each)]
    merged = _moved_among(wire, sobject, MERGED, ids) if MERGED in moves_of(sobject) else {}
    gone = {each: at for each, at in rows if soql.is_id(each) and each not in merged and (not known or each in known)}
    return tuple(Removal(kind, each, removed_at=at) for each, at in gone.items()), window


def _moved(wire: Wire, sobject: str, move: Move, window: Json) -> tuple[list[Json], bool]:
    where = [move.condition, f"{move.column} != null", *windows.conditions(window)]
    query = soql.select(["Id", move.column, STAMP], sobject, where, order=[STAMP, "Id"], limit=PAGE)
    rows, unfinished = wire.query(query, deleted=move.deleted)
    return windows.answering(rows, window)[:PAGE], unfinished or len(rows) >= PAGE


def _removals(kind: str, move: Move, rows: list[Json], known: Collection[str]) -> tuple[Removal, ...]:
    """A row without a survivor was not asked for and is left out: it would read as a deletion."""
    pairs = [(as_text(row.get("Id")), as_text(row.get(move.column)), windows.stamp_of(row)) for row in rows]
    return tuple(
        Removal(kind, each, into, at) for each, into, at in pairs if soql.is_id(into) and each != into and (not known or each in known)
    )


def moved_to(wire: Wire, sobject: str, ids: list[str]) -> dict[str, str]:
    """{record: where its content is now} for those among `ids` that live on as another one; chains of merges are followed."""
    found: dict[str, str] = {}
    for move in moves_of(sobject):
        found |= _moved_among(wire, sobject, move, ids)
    for _ in range(5):
        ends = [into for into in dict.fromkeys(found.values()) if into not in found]
        further: dict[str, str] = {}
        for target in (CONTACT, LEAD):
            own = [each for each in ends if PREFIXES.get(each[:3]) == target]
            further |= _moved_among(wire, target, MERGED, own) if own else {}
        if not further:
            break
        found = {each: further.get(into, into) for each, into in found.items()}
    return found


def _moved_among(wire: Wire, sobject: str, move: Move, ids: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), BATCH):
        where = [f"Id IN {soql.texts(ids[start : start + BATCH])}", move.condition, f"{move.column} != null"]
        rows, _ = wire.query(soql.select(["Id", move.column], sobject, where), deleted=move.deleted)
        found |= {as_text(row.get("Id")): as_text(row.get(move.column)) for row in rows}
    return {each: into for each, into in found.items() if each in ids and soql.is_id(into) and each != into}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
