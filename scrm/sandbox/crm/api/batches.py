"""Up to 100 records a call. Rows succeed or fail each for itself: 207 with `errors` when some fail.

When no row of a write succeeds, the answer is the first row's error with its status, and `errors` lists all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from .. import records
from ..associations import associate_new
from ..gateway import Answer, Exchange
from ..properties import object_type
from ..wire import ApiError, Json, invalid, iso, now, record_json, wanted_properties

MAX_INPUTS = 100


def inputs_of(exchange: Exchange) -> list[Json]:
    """The `inputs` of a batch, 1 to 100 objects."""
    rows = exchange.body.get("inputs")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise invalid("Invalid input JSON: inputs must be a list of objects with at least one entry")
    if len(rows) > MAX_INPUTS:
        raise invalid(f"The maximum number of inputs supported in a batch request is {MAX_INPUTS}. The input size was {len(rows)}.")
    return rows


def refuse_duplicates(rows: list[Json]) -> None:
    twice = [key for key, count in Counter(str(row.get("id", "")) for row in rows).items() if count > 1]
    if twice:
        raise invalid(f"Duplicate IDs found in batch input: {twice}. IDs must be unique", context={"ids": twice})


def run(exchange: Exchange, work: Callable[[Json], Json | None], *, status: int = 200, reading: bool = False) -> Answer:
    """Do each row in its own savepoint and gather results and errors."""
    started = now()
    results: list[Json] = []
    failures: list[tuple[ApiError, Json]] = []
    for row in inputs_of(exchange):
        try:
            with records.atomic():
                answer = work(row)
        except ApiError as error:
            failures.append((error, error.row(_context(row))))
        else:
            if answer is not None:
                results.append(answer)
    if failures and not reading and len(failures) == len(inputs_of(exchange)):
        first = failures[0][0]
        raise ApiError(first.status, first.category, first.message, errors=first.errors or [row for _, row in failures],
                       context={**first.context, **failures[0][1]["context"]}, sub_category=first.sub_category)  # fmt: skip
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": iso(started), "completedAt": iso(now())}
    if failures:
        return 207, {**body, "numErrors": len(failures), "errors": [row for _, row in failures]}
    return status, body


def _context(row: Json) -> dict[str, list[str]]:
    """Which row an error is about: the ids and the trace id that the client gave."""
    context = {}
    if row.get("id"):
        context["ids"] = [str(row["id"])]
    if row.get("objectWriteTraceId"):
        context["objectWriteTraceId"] = [str(row["objectWriteTraceId"])]
    return context


def _traced(body: Json, row: Json) -> Json:
    return {**body, "objectWriteTraceId": row["objectWriteTraceId"]} if row.get("objectWriteTraceId") else body


def _actor(exchange: Exchange, row: Json) -> records.Actor:
    return replace(exchange.actor, trace_id=str(row.get("objectWriteTraceId") or "")[:255])


def create(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)

    def one(row: Json) -> Json:
        actor = _actor(exchange, row)
        record = records.create(own, row.get("properties", {}), by=actor)
        associate_new(record, row.get("associations"), by=actor)
        return _traced(record_json(record), row)

    return run(exchange, one, status=201)


def read(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    names = exchange.body.get("properties", [])
    if not isinstance(names, list):
        raise invalid("Invalid input JSON: properties must be a list")
    shown = wanted_properties(own, map(str, names))
    id_property, archived = str(exchange.body.get("idProperty") or ""), exchange.flag("archived")

    def one(row: Json) -> Json:
        return record_json(records.find(own, str(row.get("id", "")), id_property=id_property, archived=archived), shown)

    return run(exchange, one, reading=True)


def update(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    refuse_duplicates(inputs_of(exchange))

    def one(row: Json) -> Json:
        record = records.find(own, str(row.get("id", "")), id_property=str(row.get("idProperty") or ""))
        records.update(record, row.get("properties", {}), kind=own, by=_actor(exchange, row))
        return _traced(record_json(record), row)

    return run(exchange, one)


def upsert(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    refuse_duplicates(inputs_of(exchange))

    def one(row: Json) -> Json:
        key, id_property = str(row.get("id", "")), str(row.get("idProperty") or "")
        if not id_property:
            raise invalid("idProperty is required for upsert")
        record, new = records.upsert(own, key, id_property, row.get("properties", {}), by=_actor(exchange, row))
        return _traced({**record_json(record), "new": new}, row)

    return run(exchange, one)


def archive(exchange: Exchange, *, kind: str) -> Answer:
    """Ids that are unknown or archived already are passed over, as the vendor does."""
    own = object_type(kind)
    for row in inputs_of(exchange):
        try:
            records.archive(records.find(own, str(row.get("id", ""))), by=exchange.actor)
        except ApiError as error:
            if error.status != 404:
                raise
    return 204, None
