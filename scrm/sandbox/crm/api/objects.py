"""Single records: list, read, create, update, archive, merge, erase, search. Pages of the list hold up to 100."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from .. import records
from ..associations import associate_new, summary_json
from ..faults import state
from ..gateway import Answer, Exchange
from ..models import Record
from ..properties import object_type
from ..search import search
from ..wire import Json, invalid, record_json, wanted_properties

LIST_PAGE = 100


def list_records(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    limit, after = _number(exchange.query("limit", "10")), _number(exchange.query("after", "0"))
    if not 0 < limit <= LIST_PAGE:
        raise invalid(f"limit must be between 1 and {LIST_PAGE}")
    rows = Record.objects.filter(
        object_type=own.name, archived=exchange.flag("archived"), merged_into=None, pk__gte=after
    ).order_by("id")  # fmt: skip
    page = list(islice(rows, limit + 1))
    answer: Json = {"results": [_shown(exchange, record, kind) for record in page[:limit]]}
    if len(page) > limit:
        answer["paging"] = {"next": {"after": str(page[limit].pk)}}
    return 200, answer


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise invalid(f"{value} is not a number")
    return int(value)


def _shown(exchange: Exchange, record: Record, kind: str) -> Json:
    own = object_type(kind)
    body = record_json(record, wanted_properties(own, exchange.listed("properties")))
    if targets := exchange.listed("associations"):
        body["associations"] = summary_json(record, targets)
    return body


def read_record(exchange: Exchange, *, kind: str, record_id: str) -> Answer:
    record = _find(exchange, kind, record_id, archived=exchange.flag("archived"))
    return 200, _shown(exchange, record, kind)


def _find(exchange: Exchange, kind: str, record_id: str, *, archived: bool = False) -> Record:
    return records.find(object_type(kind), record_id, id_property=exchange.query("idProperty"), archived=archived)


def create_record(exchange: Exchange, *, kind: str) -> Answer:
    record = records.create(object_type(kind), exchange.body.get("properties", {}), by=exchange.actor)
    associate_new(record, exchange.body.get("associations"), by=exchange.actor)
    return 201, record_json(record)


def update_record(exchange: Exchange, *, kind: str, record_id: str) -> Answer:
    record = _find(exchange, kind, record_id)
    records.update(record, exchange.body.get("properties", {}), kind=object_type(kind), by=exchange.actor)
    return 200, record_json(record)


def archive_record(exchange: Exchange, *, kind: str, record_id: str) -> Answer:
    records.archive(_find(exchange, kind, record_id), by=exchange.actor)
    return 204, None


def merge_records(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    primary, other = (records.find(own, str(exchange.body.get(name, ""))) for name in ("primaryObjectId", "objectIdToMerge"))
    return 200, record_json(records.merge(primary, other, kind=own, by=exchange.actor))


def erase_record(exchange: Exchange, *, kind: str) -> Answer:
    id_property = str(exchange.body.get("idProperty") or "")
    found = records.find(object_type(kind), str(exchange.body.get("objectId", "")), id_property=id_property)
    records.erase(found, by=exchange.actor)
    return 204, None


def search_records(exchange: Exchange, *, kind: str) -> Answer:
    lag = timedelta(milliseconds=float(state(exchange.account)["search_lag_ms"]))
    return 200, search(object_type(kind), exchange.body, lag=lag)
