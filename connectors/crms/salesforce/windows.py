"""The window of a run and the place in it, as cursors of plain JSON: times as text, to the second. Pure but for the clock.

A time alone is no cursor: a bulk edit gives thousands of records one stamp. So the window [from, to) is fixed when a run begins, and
inside it pages follow stamp and id. The next run begins `OVERLAP` before the end of the last one, because rows of a long transaction
appear with the time at which it began; what comes twice is recognised by its version.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.crms.salesforce import soql
from connectors.errors import Misconfigured
from connectors.timestamps import moment
from connectors.untrusted import Json, as_text

STAMP = "SystemModstamp"
OVERLAP = timedelta(minutes=5)
CLOCK_ALLOWANCE = timedelta(minutes=5)


def window_of(cursor: Json) -> Json:
    """The window of this page: the one of the cursor, or a new one that ends now. A cursor from the future is refused."""
    if moment(cursor.get("to")) is not None:
        return {**cursor, "from": text(moment(cursor.get("from"))), "to": text(moment(cursor["to"]))}
    now, since = present(), moment(cursor.get("since"))
    if since is not None and since > now + CLOCK_ALLOWANCE:
        raise Misconfigured(
            "The position in Salesforce's changes lies in the future; the clock of this machine or the stored position is wrong"
        )
    return {"from": text(since), "to": text(max(now, since or now))}


def after(window: Json) -> Json:
    """The cursor of the run that follows."""
    since = time_of(window["to"]) - OVERLAP
    return {"since": text(max(since, time_of(window["from"])) if window["from"] else since)}


def conditions(window: Json) -> list[str]:
    """Rows of the window behind the last one that was read."""
    where = [f"{STAMP} < {soql.moment(time_of(window['to']))}"]
    if window["from"]:
        where.append(f"{STAMP} >= {soql.moment(time_of(window['from']))}")
    last = moment(window.get("stamp"))
    if last is not None and soql.is_id(as_text(window.get("id"))):
        at = soql.moment(last)
        where.append(f"({STAMP} > {at} OR ({STAMP} = {at} AND Id > {soql.text(as_text(window['id']))}))")
    return where


def answering(rows: list[Json], window: Json) -> list[Json]:
    """The rows that answer the conditions. A server may ignore one that it does not know; then nothing is left, and that raises."""
    good = [row for row in rows if soql.is_id(as_text(row.get("Id"))) and _answers(row, window)]
    if rows and not good:
        raise Misconfigured(f"Salesforce's answer ignores the condition on {STAMP}; its changes cannot be read page by page")
    return good


def _answers(row: Json, window: Json) -> bool:
    at, last = stamp_of(row), moment(window.get("stamp"))
    if at is None or at >= time_of(window["to"]) or (window["from"] and at < time_of(window["from"])):
        return False
    # Which of two ids is the greater is the server's business; that it gives the last one again is not.
    return last is None or (at >= last and as_text(row.get("Id")) != as_text(window.get("id")))


def behind(window: Json, row: Json) -> Json:
    """The cursor behind this row."""
    return {**window, "stamp": text(stamp_of(row)), "id": as_text(row.get("Id"))}


def stamp_of(row: Json) -> datetime | None:
    return moment(row.get(STAMP))


def present() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def time_of(value: Any) -> datetime:
    at = moment(value)
    if at is None:
        raise Misconfigured("The stored position in Salesforce's changes cannot be read; read everything again")
    return at


def text(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def part_of(window: Json, parts: int) -> int:
    """Which of the objects that a kind is read from comes next."""
    number = as_text(window.get("part"))
    return min(int(number), parts - 1) if number.isascii() and number.isdigit() and len(number) < 3 else 0
