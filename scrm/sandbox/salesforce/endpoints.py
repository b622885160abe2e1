"""What each address answers. Each takes the desk, that is one call with the records at its moment, and the parts of the path."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from scrm.sandbox.salesforce import knobs, soql
from scrm.sandbox.salesforce.records import OTHER_USER, Book
from scrm.sandbox.salesforce.store import Held
from scrm.sandbox.salesforce.vocabulary import HOLDERS, MADE_TYPES, OBJECTS, Field, Json, prefix_of
from scrm.sandbox.salesforce.wire import Answer, Ask, Refusal, parsed, stamp

MOST_ROWS = 200
QUERY_PAGE = 2000
FEED_DAYS = 15
LONGEST_ADDRESS = 16_384


@dataclass(frozen=True, slots=True)
class Desk:
    book: Book
    ask: Ask
    body: Any
    chance: random.Random


def limits(desk: Desk) -> Answer:
    most = desk.book.state["daily_calls"]
    return Answer(200, {"DailyApiRequests": {"Max": most, "Remaining": max(0, most - 1)}, "DataStorageMB": {"Max": 1024, "Remaining": 900}})


def describe(desk: Desk, sobject: str) -> Answer:
    fields = [field.described() for field in desk.book.fields(sobject).values()]
    plural = {"Opportunity": "Opportunities", "Product2": "Products"}.get(sobject, f"{sobject}s")
    body = {"name": sobject, "label": sobject, "labelPlural": plural, "keyPrefix": prefix_of(sobject), "fields": fields}
    return Answer(200, body)


# --- reading --------------------------------------------------------------------------------------------------------


def query(desk: Desk) -> Answer:
    return _rows(desk, with_deleted=False)


def query_all(desk: Desk) -> Answer:
    return _rows(desk, with_deleted=True)


def _rows(desk: Desk, *, with_deleted: bool) -> Answer:
    text = desk.ask.query.get("q", "")
    if len(text) > LONGEST_ADDRESS:
        raise Refusal(414, "URI_TOO_LONG", "the address is too long")
    wanted = soql.parse(text)
    if wanted.sobject not in OBJECTS or wanted.sobject in desk.book.state["missing_objects"]:
        raise Refusal(400, "INVALID_TYPE", f"sObject type '{wanted.sobject}' is not supported.")
    fields = desk.book.fields(wanted.sobject)
    for name in (*wanted.fields, *wanted.used, *wanted.order):
        known = fields if "." not in name else _beyond(desk, fields, name)
        if name.rpartition(".")[2] not in known:
            raise Refusal(400, "INVALID_FIELD", f"No such column '{name}' on entity '{wanted.sobject}'.")
    until = desk.book.now - timedelta(milliseconds=float(desk.book.state["late_ms"]))
    held = [row for row in desk.book.store.rows(wanted.sobject) if (with_deleted or not row.deleted) and row.modified_at <= until]
    shown = [(row, desk.book.values(row)) for row in held]
    if not desk.book.state["ignore_conditions"]:
        shown = [(row, values) for row, values in shown if wanted.holds(values)]
    shown.sort(key=lambda pair: tuple(str(pair[1].get(name) or "") for name in wanted.order))
    rows = shown[: wanted.limit] if wanted.limit is not None else shown
    page = min(int(desk.book.state["query_page"]), QUERY_PAGE)
    records = [_with_others(desk, row, wanted.fields) for row, _ in rows[:page]]
    more = {"nextRecordsUrl": f"/services/data/v67.0/query/01g-{page}"} if len(rows) > page else {}
    return Answer(200, {"totalSize": len(rows), "done": not more, "records": records, **more})


def _beyond(desk: Desk, fields: dict[str, Field], name: str) -> dict[str, Field]:
    """The fields of the object that a reference leads to: of Product2.Name those of what Product2Id refers to."""
    reference = fields.get(f"{name.partition('.')[0]}Id")
    return desk.book.fields(reference.refers_to[0]) if reference is not None and reference.refers_to else {}


def _with_others(desk: Desk, row: Held, names: tuple[str, ...]) -> Json:
    shown = desk.book.shown(row, [name for name in names if "." not in name])
    for relation in dict.fromkeys(name.partition(".")[0] for name in names if "." in name):
        other = desk.book.store.get(str(row.values.get(f"{relation}Id") or ""))
        columns = [name.partition(".")[2] for name in names if name.startswith(f"{relation}.")]
        shown[relation] = desk.book.shown(other, columns) if other is not None and not other.deleted else None
    return shown


def retrieve(desk: Desk, sobject: str) -> Answer:
    """Records by ids, in order, null for each that is not there."""
    ids, names = desk.body.get("ids"), desk.body.get("fields")
    known = desk.book.fields(sobject)
    if not isinstance(ids, list) or not isinstance(names, list) or len(ids) > QUERY_PAGE:
        raise Refusal(400, "INVALID_INPUT", "ids and fields must be lists")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refusal(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on entity '{sobject}'.")
    found = []
    for each in ids:
        held = desk.book.store.get(str(each))
        there = held is not None and held.sobject == sobject and not held.deleted
        found.append(desk.book.shown(held, ["Id", *names]) if held is not None and there else None)
    return Answer(200, found)


def deleted(desk: Desk, sobject: str) -> Answer:
    desk.book.fields(sobject)
    start, end = parsed(desk.ask.query.get("start", "")), parsed(desk.ask.query.get("end", ""))
    if start is None or end is None or end - start < timedelta(minutes=1):
        raise Refusal(400, "INVALID_REPLICATION_DATE", "start and end must be at least a minute apart")
    if start < desk.book.now - timedelta(days=FEED_DAYS):
        raise Refusal(400, "INVALID_REPLICATION_DATE", f"start cannot be more than {FEED_DAYS} days ago")
    begins = parsed(desk.book.state["log_begins"]) or desk.book.now - timedelta(days=FEED_DAYS)
    rows = [
        held for held in desk.book.store.rows(sobject) if held.deleted and held.deleted_at and max(start, begins) <= held.deleted_at < end
    ]
    listed = [{"id": held.id, "deletedDate": stamp(held.deleted_at)} for held in rows if held.deleted_at]
    return Answer(200, {"deletedRecords": listed, "earliestDateAvailable": stamp(begins), "latestDateCovered": stamp(end)})


# --- writing --------------------------------------------------------------------------------------------------------


def create_many(desk: Desk) -> Answer:
    return _each(desk, lambda row: (desk.book.create(_type(row), _given(row)), True), created=False)


def update_many(desk: Desk) -> Answer:
    def one(row: Json) -> tuple[Held, bool]:
        sobject = _type(row)
        return desk.book.update(desk.book.find(sobject, str(row.get("id", ""))), _given(row)), False

    return _each(desk, one, created=False)


def upsert_many(desk: Desk, sobject: str, key: str) -> Answer:
    field = desk.book.fields(sobject).get(key)
    if field is None or not field.external_id:
        raise Refusal(400, "INVALID_FIELD", f"Provided external ID field does not exist or is not accessible: {key}")
    values = [str(row.get(key)) for row in _records(desk)]

    def one(row: Json) -> tuple[Held, bool]:
        value = str(row.get(key) or "")
        if not value:
            raise Refusal(400, "MISSING_ARGUMENT", f"{key} not specified")
        if values.count(value) > 1:
            raise Refusal(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [key])
        found = desk.book.by_key(sobject, key, value)
        if len(found) > 1:
            ids = ", ".join(held.id for held in found)
            raise Refusal(300, "DUPLICATE_EXTERNAL_ID", f"{key}: more than one record found for external id field: [{ids}]", [key])
        return (desk.book.update(found[0], _given(row)), False) if found else (desk.book.create(sobject, _given(row)), True)

    return _each(desk, one, created=True)


def _records(desk: Desk) -> list[Json]:
    rows = desk.body.get("records")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refusal(400, "JSON_PARSER_ERROR", "records must be a list of objects")
    if len(rows) > MOST_ROWS:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MOST_ROWS} records in this operation")
    return rows


def _each(desk: Desk, one: Callable[[Json], tuple[Held, bool]], *, created: bool) -> Answer:
    """One answer for each row in order. A column that does not exist refuses all of them, because then nothing can be read."""
    answers: list[Json] = []
    for row in _records(desk):
        _check_columns(desk, row)
    for row in desk.body["records"]:
        try:
            _maybe_strike(desk)
            held, is_new = one(row)
        except Refusal as refusal:
            answers.append(refusal.row(details=desk.book.state["duplicate_rule"] != "alone"))
        else:
            _maybe_touch(desk, held)
            answers.append({"id": held.id, "success": True, "errors": [], **({"created": is_new} if created else {})})
    return Answer(200, answers)


def _check_columns(desk: Desk, row: Json) -> None:
    sobject = _type(row)
    known = desk.book.fields(sobject)
    unknown = [name for name in _given(row) if name not in known]
    if unknown:
        raise Refusal(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on sobject of type {sobject}")


def _type(row: Json) -> str:
    attributes = row.get("attributes")
    return str(attributes.get("type", "")) if isinstance(attributes, dict) else ""


def _given(row: Json) -> Json:
    return {name: value for name, value in row.items() if name not in {"attributes", "id"}}


def _maybe_strike(desk: Desk) -> None:
    held = dict(desk.book.store.knobs())
    struck = knobs.strikes(held, desk.ask.path, desk.chance, knobs.ROW_KINDS)
    if struck:
        desk.book.store.set_knobs(held)
    if struck == "lock_error":
        raise Refusal(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records")
    if struck == "row_error":
        raise Refusal(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "a trigger caused an unexpected exception")


def _maybe_touch(desk: Desk, held: Held) -> None:
    if desk.book.state["touch_after_write"]:
        desk.book.update(held, {"Description": "edited by a colleague"}, by=OTHER_USER)


def update_one(desk: Desk, sobject: str, record_id: str) -> Answer:
    held = desk.book.find(sobject, record_id)
    condition = desk.ask.headers.get("if-unmodified-since", "")
    if condition:
        try:
            since = parsedate_to_datetime(condition)
        except ValueError:
            raise Refusal(400, "INVALID_QUERY_FILTER_OPERATOR", "bad date") from None
        if held.modified_at.replace(microsecond=0) > since:
            return Answer(412)
    _maybe_strike(desk)
    desk.book.update(held, desk.body)
    _maybe_touch(desk, held)
    return Answer(204)


def upsert_one(desk: Desk, sobject: str, key: str, value: str) -> Answer:
    if key in desk.body or "Id" in desk.body:
        raise Refusal(400, "INVALID_FIELD", f"The {key} field should not be specified in the sobject data.")
    found = desk.book.by_key(sobject, key, value)
    if len(found) > 1:
        return Answer(300, [f"/services/data/v67.0/sobjects/{sobject}/{held.id}" for held in found])
    _maybe_strike(desk)
    held = desk.book.update(found[0], desk.body) if found else desk.book.create(sobject, {**desk.body, key: value})
    return Answer(200 if found else 201, {"id": held.id, "success": True, "errors": [], "created": not found})


# --- fields ---------------------------------------------------------------------------------------------------------


def make_field(desk: Desk) -> Answer:
    if desk.book.state["forbid_fields"]:
        raise Refusal(403, "INSUFFICIENT_ACCESS", "insufficient access rights on entity: CustomField")
    holder, _, name = str(desk.body.get("FullName", "")).partition(".")
    meta = desk.body.get("Metadata") or {}
    if holder not in {*OBJECTS, *HOLDERS.values()} - set(HOLDERS) or not name.endswith("__c") or meta.get("type") not in MADE_TYPES:
        raise Refusal(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"cannot make {holder}.{name}")
    if holder == "Activity" and meta.get("unique") and not desk.book.state["activity_unique"]:
        raise Refusal(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Activities take no unique fields")
    if any(each["FullName"] == desk.body["FullName"] for each in desk.book.store.custom_fields(holder)):
        raise Refusal(400, "DUPLICATE_DEVELOPER_NAME", f"There is already a field named {name} on {holder}.")
    hidden = {"hidden": True} if desk.book.state["hide_fields"] else {}
    desk.book.store.add_field(holder, {**desk.body, **hidden})
    return Answer(201, {"id": "00N5g00000HKfld001", "success": True, "errors": [], "warnings": [], "infos": []})
