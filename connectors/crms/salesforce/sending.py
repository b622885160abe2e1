"""Rows on their way: up to 200 a call, one result for each in order, halves where a call is refused as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal, NamedTuple, TypeAlias

from connectors.contracts import Write
from connectors.crms.salesforce.objects import KEY
from connectors.crms.salesforce.refusals import LOCKED, code_of, errors_of, limit_reached, refusal, words_of
from connectors.crms.salesforce.wire import Wire, listed
from connectors.errors import Misconfigured, OutcomeUnknown
from connectors.http import Reply
from connectors.untrusted import Json, as_list, as_object, as_text

Way: TypeAlias = Literal["upsert", "update", "create"]

# A refusal of the request as a whole that one of its rows may be the reason of.
ROW_STATUSES = frozenset({300, 400, 404, 405, 409, 412, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class Row:
    """One write, its place in the answer, and what is sent for it."""

    place: int
    write: Write
    sobject: str
    record_id: str
    body: Json
    links: Json


class Result(NamedTuple):
    """What Salesforce says of one row. `errors` are empty exactly when it was written."""

    id: str = ""
    created: bool = False
    errors: tuple[Json, ...] = ()

    @property
    def code(self) -> str:
        return code_of(self.errors[0]) if self.errors else ""

    @property
    def words(self) -> str:
        return ": ".join(filter(None, [self.code, words_of(self.errors[0])])) if self.errors else ""


def send_rows(wire: Wire, way: Way, rows: Sequence[Row]) -> dict[int, Result]:
    """All of one object and one way. Raises only what concerns the connection."""
    if not rows:
        return {}
    sobject = rows[0].sobject
    parts = (sobject, KEY) if way == "upsert" else ()
    body = {"allOrNone": False, "records": [_record(row, way) for row in rows]}
    method = "POST" if way == "create" else "PATCH"
    reply = wire.send(method, wire.path("composite", "sobjects", *parts), body, idempotent=way != "create")
    if reply.ok:
        return _in_order(rows, reply)
    if reply.status not in ROW_STATUSES:
        raise refusal(reply)
    if len(rows) == 1:
        return {rows[0].place: _refused(reply)}
    middle = (len(rows) + 1) // 2
    return send_rows(wire, way, rows[:middle]) | send_rows(wire, way, rows[middle:])


def send_unless_modified(wire: Wire, row: Row, stamp: datetime | None) -> Result:
    """One update that Salesforce refuses when the record was modified later, to the second."""
    headers = {"if-unmodified-since": format_datetime(stamp.astimezone(UTC), usegmt=True)} if stamp else {}
    reply = wire.send(
        "PATCH", wire.path("sobjects", row.sobject, row.record_id), {**row.body, **row.links, KEY: row.write.key}, headers=headers
    )
    if reply.status == 412:
        return Result(errors=({"errorCode": "PRECONDITION_FAILED", "message": "The record was changed in Salesforce meanwhile"},))
    if not reply.ok and reply.status not in ROW_STATUSES:
        raise refusal(reply)
    return Result(row.record_id) if reply.ok else _refused(reply)


def send_alone(wire: Wire, row: Row) -> tuple[Reply, Result]:
    """One upsert by its own address, whose refusal names the records in the way."""
    body = {**row.body, **row.links}
    path = wire.path("sobjects", row.sobject, row.record_id) if row.record_id else wire.path("sobjects", row.sobject, KEY, row.write.key)
    reply = wire.send("PATCH", path, {**body, KEY: row.write.key} if row.record_id else body)
    if not reply.ok and reply.status not in ROW_STATUSES:
        raise refusal(reply)
    if not reply.ok:
        return reply, _refused(reply)
    document = as_object(reply.json_or_none()) if reply.status != 204 else {}
    return reply, Result(as_text(document.get("id")) or row.record_id, document.get("created") is True)


def _record(row: Row, way: Way) -> Json:
    own = {"id": row.record_id} if way == "update" else {}
    return {"attributes": {"type": row.sobject}, **own, **row.body, **row.links, KEY: row.write.key}


def _in_order(rows: Sequence[Row], reply: Reply) -> dict[int, Result]:
    answers = listed(reply)
    if len(answers) != len(rows):
        raise OutcomeUnknown("Salesforce's answer does not say what became of each record", code=f"HTTP {reply.status}")
    return {row.place: _result(row, answer, reply) for row, answer in zip(rows, answers, strict=True)}


def _result(row: Row, answer: Json, reply: Reply) -> Result:
    errors = tuple(error for error in as_list(answer.get("errors")) if isinstance(error, dict))
    record_id = as_text(answer.get("id")) or row.record_id
    if answer.get("success") is True and record_id:
        return Result(record_id, answer.get("created") is True)
    if not errors:
        raise OutcomeUnknown("Salesforce's answer does not say what became of a record", code=f"HTTP {reply.status}")
    _raise_for_all(errors[0], reply)
    return Result(record_id, False, errors)


def _raise_for_all(error: Json, reply: Reply) -> None:
    """Some refusals of one row hold for all that follow."""
    code = code_of(error)
    if code == "REQUEST_LIMIT_EXCEEDED":
        raise limit_reached(reply, code, words_of(error))
    if code == "STORAGE_LIMIT_EXCEEDED":
        raise Misconfigured("The org's storage is full; free some or buy more in Salesforce's Setup", code=code, detail=words_of(error))


def _refused(reply: Reply) -> Result:
    errors = tuple(errors_of(reply))
    code = "MULTIPLE_CHOICES" if reply.status == 300 else "NOT_FOUND" if reply.status == 404 else f"HTTP {reply.status}"
    return Result(errors=errors or ({"errorCode": code, "message": ""},))


def is_locked(result: Result) -> bool:
    return result.code in LOCKED
