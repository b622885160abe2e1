"""What changed, and what is gone, at a server that promises nothing.

Changes: the list is read page by page. With a time of modification, rows older than the cursor are left out, whether or not the server
heard the filter; without one every row is told, and its version says whether it is news. The next run begins `OVERLAP` before the newest
row of this one, and never after the moment this one began.
Removals: what we know and the list does not show is asked for by itself; only what the server then denies is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from connectors.contracts import Change, Page, Removal
from connectors.crms.rest import pointers
from connectors.crms.rest.definition import KindSetup
from connectors.crms.rest.paging import read_page, walk
from connectors.crms.rest.records import change_of, id_of, is_of_kind
from connectors.crms.rest.wire import Wire, refusal, until_readable
from connectors.errors import Misconfigured, OutcomeUnknown
from connectors.timestamps import from_milliseconds, milliseconds
from connectors.untrusted import Json, as_object, as_text

OVERLAP = timedelta(seconds=120)
# Records that are asked for one by one in one call; the rest follows with the cursor.
CONFIRMED = 200


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
    moment = from_milliseconds(since)
    match setup.since.format:
        case "epoch":
            return {setup.since.param: str(since // 1000)}
        case "epoch_ms":
            return {setup.since.param: str(since)}
        case "date":
            return {setup.since.param: moment.date().isoformat()}
    return {setup.since.param: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def removed_records(wire: Wire, setup: KindSetup, cursor: Json, known: Collection[str]) -> Page:
    """Compare the whole list with the ids that we know. Nothing known, nothing to tell. Cursor within a run: {"after": id}."""
    after = as_text(cursor.get("after"))
    if not known:
        return Page((), {}, False)
    shown = {id_of(setup, row) for row in walk(wire, setup)}
    missing = sorted(each for each in known if each not in shown and each > after)
    if not setup.item:
        missing = _missing_again(wire, setup, missing)
        return Page(tuple(Removal(setup.kind, each) for each in missing), {}, False)
    asked = missing[:CONFIRMED]
    there = {change.id for change in read_records(wire, setup, asked)}
    gone = tuple(Removal(setup.kind, each) for each in asked if each not in there)
    return Page(gone, {"after": asked[-1]} if len(missing) > CONFIRMED else {}, len(missing) > CONFIRMED)


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
        rows = [row for each in wanted if (row := read_item(wire, setup, each)) is not None]
        return [change_of(setup, row) for row in rows]
    found = {id_of(setup, row): row for row in walk(wire, setup) if id_of(setup, row) in set(wanted)}
    return [change_of(setup, found[each]) for each in wanted if each in found]


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
