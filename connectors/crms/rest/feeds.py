"""What changed, and what is gone, at a server that promises nothing.

Changes: the list is read page by page. With a time of modification, rows older than the cursor are left out, whether or not the server
heard the filter; without one every row is told, and its version says whether it is news. The next run begins `OVERLAP` before the newest
row of this one, and never after the moment this one began.
Removals: what we know and the list does not show is asked for by itself; only what the server then denies is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.contracts import Change, Page, Removal
from connectors.crms.rest import pointers
from connectors.crms.rest.definition import SINCE_PLACE, KindSetup, asked
from connectors.crms.rest.paging import read_page, walk
from connectors.crms.rest.records import change_of, id_of, is_of_kind
from connectors.crms.rest.wire import Wire, refusal, until_readable
from connectors.errors import ConnectorError, Misconfigured, OutcomeUnknown
from connectors.timestamps import from_milliseconds, milliseconds
from connectors.untrusted import Json, as_list, as_object, as_text

OVERLAP = timedelta(seconds=120)
# Records that are asked for one by one in one call; the rest follows with the cursor. Few, where that costs no new look at the list.
CONFIRMED, FEW_CONFIRMED = 200, 20
# Up to so many ids are kept in the cursor while the list is read, so many of its pages in one call.
KEPT, PAGES = 5_000, 5


def changed_records(wire: Wire, setup: KindSetup, cursor: Json, limit: int) -> Page:
    """Cursor: {} for everything, {"since"} after a run, {"from", "began", "top", "at"} within one; all times in ms."""
    now = milliseconds(datetime.now(UTC))
    since = _number(cursor.get("from", cursor.get("since")))
    if since > now:
        raise Misconfigured("The position in the changes lies in the future; this machine's clock or the stored position is wrong")
    began, top = _number(cursor.get("began")) or now, _number(cursor.get("top"))
    page = read_page(wire, setup, as_object(cursor.get("at")), _filter(setup, since), _size(setup, limit))
    changes = [change_of(setup, row) for row in page.rows if is_of_kind(setup, row)]
    fresh = tuple(change for change in changes if not since or change.modified_at is None or milliseconds(change.modified_at) >= since)
    top = max([top, *(milliseconds(change.modified_at) for change in changes if change.modified_at)])
    if page.following is not None:
        return Page(fresh, {"from": since, "began": began, "top": top, "at": page.following}, True)
    return Page(fresh, _after(setup, since, began, top), False)


def _after(setup: KindSetup, since: int, began: int, top: int) -> Json:
    if not setup.modified:
        return {}
    back = OVERLAP + setup.resolution
    return {"since": max(since, min(top, began) - back // timedelta(milliseconds=1), 0)}


def _size(setup: KindSetup, limit: int) -> int:
    return max(1, min(limit or setup.paging.size, setup.paging.size))


def _filter(setup: KindSetup, since: int) -> Mapping[str, str]:
    if not setup.since.param or not since:
        return {}
    return asked(setup.since.param, SINCE_PLACE, _written(setup, since))


def _written(setup: KindSetup, since: int) -> str:
    """A time as the server wants it; dates and times without a zone are its own."""
    moment = from_milliseconds(since)
    match setup.since.format:
        case "epoch":
            return str(since // 1000)
        case "epoch_ms":
            return str(since)
        case "date":
            return moment.astimezone(ZoneInfo(setup.zone)).date().isoformat()
        case "sql":
            return moment.astimezone(ZoneInfo(setup.zone)).strftime("%Y-%m-%d %H:%M:%S")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def removed_records(wire: Wire, setup: KindSetup, cursor: Json, known: Collection[str]) -> Page:
    """Compare the whole list with the ids that we know. Nothing known, nothing to tell.

    Cursor within a run: {"unseen": ids that the list has not shown, "at": the list's next page, not there at its end}. Of very many ids
    that would be too much to store: the list is read in one go, and the cursor is {"after": id}.

    While records are known, a whole list that is answered with 404 is a fault: it may be that nothing there answers otherwise.
    """
    if not known:
        return Page((), {}, False)
    setup = replace(setup, empty_404=False)
    if len(known) > KEPT:
        return _removed_of_many(wire, setup, as_text(cursor.get("after")), known)
    unseen = set(known) & set(map(as_text, as_list(cursor["unseen"]))) if "unseen" in cursor else set(known)
    if "at" in cursor or "unseen" not in cursor:
        position: Json | None = as_object(cursor.get("at"))
        for _ in range(PAGES):
            if position is not None:
                page = read_page(wire, setup, position, {})
                unseen.difference_update(id_of(setup, row) for row in page.rows)
                position = page.following
        if position is not None:
            return Page((), {"unseen": sorted(unseen), "at": position}, True)
    if not setup.item:
        return Page(tuple(Removal(setup.kind, each) for each in _missing_again(wire, setup, sorted(unseen))), {}, False)
    gone, rest = _denied(wire, setup, sorted(unseen), FEW_CONFIRMED)
    return Page(gone, {"unseen": rest} if rest else {}, bool(rest))


def _removed_of_many(wire: Wire, setup: KindSetup, after: str, known: Collection[str]) -> Page:
    shown = {id_of(setup, row) for row in walk(wire, setup)}
    missing = sorted(each for each in known if each not in shown and each > after)
    if not setup.item:
        return Page(tuple(Removal(setup.kind, each) for each in _missing_again(wire, setup, missing)), {}, False)
    gone, rest = _denied(wire, setup, missing, CONFIRMED)
    return Page(gone, {"after": missing[CONFIRMED - 1]} if rest else {}, bool(rest))


def _denied(wire: Wire, setup: KindSetup, missing: list[str], most: int) -> tuple[tuple[Removal, ...], list[str]]:
    """Which of the first so many the server denies when asked for them one by one, and the rest."""
    asked, rest = missing[:most], missing[most:]
    there = {change.id for change in read_records(wire, setup, asked)}
    return tuple(Removal(setup.kind, each) for each in asked if each not in there), rest


def _missing_again(wire: Wire, setup: KindSetup, missing: list[str]) -> list[str]:
    """Rows move between pages while a list is read: what cannot be asked for by itself must be missing twice."""
    if not missing:
        return []
    shown = {id_of(setup, row) for row in walk(wire, setup)}
    return [each for each in missing if each not in shown]


def read_records(wire: Wire, setup: KindSetup, ids: Collection[str]) -> list[Change]:
    """The records that exist among `ids`, in their order; from the list where the server shows no single record."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return []
    if setup.item:
        return [change for change in _one_by_one(wire, setup, wanted) if change is not None]
    found = {id_of(setup, row): row for row in walk(wire, setup) if id_of(setup, row) in set(wanted)}
    return [change_of(setup, found[each]) for each in wanted if each in found]


def _one_by_one(wire: Wire, setup: KindSetup, ids: Collection[str]) -> list[Change | None]:
    found: list[Change | None] = []
    for each in ids:
        try:
            row = read_item(wire, setup, each)
        except ConnectorError as error:
            error.read = tuple(found)
            raise
        found.append(change_of(setup, row) if row is not None else None)
    return found


def read_item(wire: Wire, setup: KindSetup, record_id: str) -> Json | None:
    """One record, None when the server denies it. Raises `Misconfigured` when the answer holds no record where the set-up says."""
    return until_readable(lambda: _item(wire, setup, record_id))


def _item(wire: Wire, setup: KindSetup, record_id: str) -> Json | None:
    reply = wire.send("GET", wire.address(setup.item, record_id=record_id))
    if reply.status in {404, 410}:
        return None
    if not reply.ok:
        raise refusal(reply)
    row = pointers.get(reply.json(), setup.item_at)
    if not isinstance(row, dict):
        raise Misconfigured(f"The answer for one {setup.kind} holds no record at {setup.item_at or 'its top'}")
    if not id_of(setup, row):
        # An error inside a good answer. Taken for the record it would read as one that lost all its values.
        raise OutcomeUnknown("The server's answer is not the record that was asked for", code=f"HTTP {reply.status}")
    return row
