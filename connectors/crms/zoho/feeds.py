"""What changed and what was removed, page by page.

Changes come by COQL: the window [from, to] is closed when a run begins, by Zoho's own clock, and inside it pages follow the record
id, so neither equal times nor records that are deleted meanwhile shift anything. The query names the records; they are read whole
afterwards. The next run begins `OVERLAP` before the end of the last, because rows become visible late; what comes twice is
recognised by its version. Notes, which COQL does not know, and accounts without the scope for it, are listed with
If-Modified-Since, newest first: pages up to 2,000 rows, then by Zoho's page token.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.contracts import Change, Page, Removal
from connectors.crms.zoho import query
from connectors.crms.zoho.items import ORDERS_A_PAGE, read_whole
from connectors.crms.zoho.modules import NOTES
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.values import MODIFIED
from connectors.crms.zoho.wire import PAGE
from connectors.errors import Misconfigured
from connectors.timestamps import from_milliseconds, milliseconds, moment
from connectors.untrusted import Json, as_list, as_object, as_text

OVERLAP = timedelta(seconds=120)
# Beyond page 10 of 200 rows only the token leads on.
ROWS_BY_PAGE = 2000
# No account has more pages than this; a server that always promises more would never end.
MOST_PAGES = 100_000


@dataclass(frozen=True, slots=True)
class _Window:
    """The span of a run, in ms; `since` 0: from the beginning."""

    since: int
    until: int

    @property
    def start(self) -> datetime | None:
        return from_milliseconds(self.since).replace(microsecond=0) if self.since else None

    @property
    def end(self) -> datetime:
        return from_milliseconds(self.until).replace(microsecond=0)

    def holds(self, stamp: datetime | None) -> bool:
        return stamp is not None and (self.start is None or stamp >= self.start) and stamp <= self.end

    def by_clock(self, now: datetime) -> _Window:
        """The window as the answer's own time allows: where this machine's clock has jumped ahead, it ended earlier than we thought."""
        return _Window(self.since, max(self.since, min(self.until, milliseconds(now))))

    @property
    def bounds(self) -> Json:
        return {"from": self.since, "to": self.until}

    @property
    def after(self) -> Json:
        return {"since": max(0, self.until - OVERLAP // timedelta(milliseconds=1))}


def changed_records(org: Org, kind: str, cursor: Json, limit: int) -> Page:
    """Cursor: {} for everything, {"since"} after a finished run, {"from", "to"} with "last" or "page" and "token" within one."""
    module = org.module(kind)
    org.schema.fields(module)  # also tells the time over there, before the window is closed
    window = _window(org, cursor)
    limit = min(limit, ORDERS_A_PAGE) if kind == "order" else limit
    if module == NOTES or org.settings.get("changes_by") == "list":
        return _listed(org, kind, module, cursor, window, max(1, min(limit, PAGE)))
    return _queried(org, kind, module, cursor, window, max(1, min(limit, PAGE)))


def _window(org: Org, cursor: Json) -> _Window:
    """The window of this page: the one of the cursor, or a new one that ends now. A cursor from the future is refused."""
    if "to" in cursor:
        return _Window(_number(cursor.get("from")), _number(cursor["to"]))
    now, since = milliseconds(org.wire.now()), _number(cursor.get("since"))
    if since > now:
        raise Misconfigured("The position in Zoho's changes lies in the future; the clock of this machine or the stored position is wrong")
    return _Window(since, now)


def _number(value: Any) -> int:
    text = as_text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


# --- by COQL --------------------------------------------------------------------------------------------------------


def _queried(org: Org, kind: str, module: str, cursor: Json, window: _Window, limit: int) -> Page:
    last = _number(cursor.get("last"))
    asked, statement = window, query.changed(module, window.start, window.end, str(last), limit)
    document = org.wire.call("POST", "/coql", {"select_query": statement})
    if "to" not in cursor:
        window = window.by_clock(org.wire.now())
    rows = [row for row in as_list(document.get("data")) if isinstance(row, dict)]
    fitting = [row for row in rows if _number(row.get("id")) > last and asked.holds(moment(row.get(MODIFIED)))]
    if rows and not fitting:
        raise Misconfigured("Zoho's query ignores its conditions; its changes cannot be read page by page")
    ids = sorted({_number(row.get("id")) for row in fitting})
    changes = tuple(read_whole(org, kind, [str(each) for each in ids]))
    if ids and (len(rows) >= limit or as_object(document.get("info")).get("more_records") is True):
        return Page(changes, {**window.bounds, "last": str(ids[-1])}, True)
    return Page(changes, window.after, False)


# --- by list --------------------------------------------------------------------------------------------------------


def _listed(org: Org, kind: str, module: str, cursor: Json, window: _Window, limit: int) -> Page:
    """Rows that changed after the window closed are given too: they are true, and come again in the next run."""
    params = {"fields": MODIFIED, "sort_by": MODIFIED, "sort_order": "desc"}
    document = _page_of(org, f"/{module}", params, cursor, window, limit)
    if "to" not in cursor:
        window = window.by_clock(org.wire.now())
    rows = [row for row in as_list(document.get("data")) if isinstance(row, dict)]
    fitting = [row for row in rows if _recent(window, row.get(MODIFIED))]
    changes = tuple(read_whole(org, kind, [as_text(row.get("id")) for row in fitting]))
    # Newest first: a row from before the window means that the rest is older, also where the header is ignored.
    reached_older = len(fitting) < len(rows)
    return _next(changes, document, cursor, window, limit, over=reached_older or not rows)


def _recent(window: _Window, stamp: Any) -> bool:
    found = moment(stamp)
    return found is not None and (window.start is None or found >= window.start)


def _page_of(org: Org, path: str, params: dict[str, str], cursor: Json, window: _Window, limit: int) -> Json:
    token = as_text(cursor.get("token"))
    place = {"page_token": token} if token else {"page": str(_page_number(cursor))}
    headers = {"if-modified-since": query.stamp(window.start)} if window.start else {}
    return org.wire.call("GET", path, params={**params, **place, "per_page": str(limit)}, headers=headers)


def _page_number(cursor: Json) -> int:
    return max(1, _number(cursor.get("page")))


def _next(
    items: tuple[Change | Removal, ...], document: Json, cursor: Json, window: _Window, limit: int, *, over: bool, rest: Json | None = None
) -> Page:
    info, page = as_object(document.get("info")), _page_number(cursor)
    more = info.get("more_records") is True and not over and page < MOST_PAGES
    if not more:
        return Page(items, window.after, False)
    token = as_text(info.get("next_page_token"))
    if (page + 1) * limit <= ROWS_BY_PAGE:
        token = ""
    elif not token or token == as_text(cursor.get("token")):
        raise Misconfigured(f"Zoho has more than {ROWS_BY_PAGE} rows to give and names no page token; ask again with fewer changes at once")
    return Page(items, {**window.bounds, "page": page + 1, **({"token": token} if token else {})}, True)


# --- removals -------------------------------------------------------------------------------------------------------


def removed_records(org: Org, kind: str, cursor: Json, known: Collection[str]) -> Page:
    """What was deleted, to the recycle bin or for good. The losers of a merge stand among them: Zoho does not say into what.

    `known` bounds what is reported, when it is not empty. Notes have no such list.
    """
    module = org.module(kind)
    org.schema.fields(module)
    window = _window(org, cursor)
    if module == NOTES:
        return Page((), window.after, False)
    document = _page_of(org, f"/{module}/deleted", {"type": "all"}, cursor, window, PAGE)
    if "to" not in cursor:
        window = window.by_clock(org.wire.now())
    rows = [row for row in as_list(document.get("data")) if isinstance(row, dict)]
    gone = tuple(
        Removal(kind, as_text(row.get("id")), removed_at=moment(row.get("deleted_time")))
        for row in rows
        if as_text(row.get("id")) and _recent(window, row.get("deleted_time")) and (not known or as_text(row.get("id")) in known)
    )
    return _next(gone, document, cursor, window, PAGE, over=not rows)
