"""Records, the list of deleted ones, tags, related notes, and COQL."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from scrm.sandbox.zoho import coql
from scrm.sandbox.zoho.desk import Desk
from scrm.sandbox.zoho.records import Writer, fields_of
from scrm.sandbox.zoho.store import Held
from scrm.sandbox.zoho.vocabulary import PLAIN, Field, Json
from scrm.sandbox.zoho.wire import Answer, Refusal, all_values, error, info, iso, parsed, row_json, second

MOST_A_CALL = 100
MOST_FIELDS = 50
PAGE = 200
ROWS_BY_PAGE = 2000


def records(desk: Desk, module: str, rest: list[str]) -> Answer:
    """Everything below /{module}."""
    method = desk.ask.method
    if method == "GET" and not rest:
        return _listed(desk, module, desk.store.rows(module))
    if rest == ["deleted"] and method == "GET":
        return _deleted(desk, module)
    if rest == ["upsert"] and method == "POST":
        return _write(desk, module, upsert=True)
    if not rest and method in {"POST", "PUT"}:
        return _write(desk, module)
    if len(rest) == 1 and method == "GET":
        return _alone(desk, module, rest[0])
    if len(rest) == 1 and method == "DELETE":
        return _delete(desk, module, rest[0])
    if len(rest) == 2 and rest[0] == "actions" and method == "POST":
        return _tags(desk, module, rest[1])
    if len(rest) == 2 and rest[1] == "Notes" and method == "GET":
        return _related(desk, module, rest[0])
    raise Refusal(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


# --- reading --------------------------------------------------------------------------------------------------------


def _alone(desk: Desk, module: str, record_id: str) -> Answer:
    """One record with all its fields."""
    known, held = fields_of(desk.store, module), desk.store.get(module, record_id)
    desk.spend(1)
    return _shown([held] if held is not None else [], known, list(known), info(1, 1, 1, False))


def _listed(desk: Desk, module: str, rows: Any) -> Answer:
    known, wanted = fields_of(desk.store, module), _wanted(desk)
    if not desk.state["subforms_in_lists"]:
        known = {name: own for name, own in known.items() if own.data_type != "subform"}
    desk.spend(1)
    if ids := desk.ask.query.get("ids", ""):
        asked = ids.split(",")
        if len(asked) > MOST_A_CALL:
            raise Refusal(400, "LIMIT_EXCEEDED", "too many ids", {"param_name": "ids", "limit": MOST_A_CALL})
        found = [held for each in asked if (held := desk.store.get(module, each)) is not None]
        return _shown(found, known, wanted, info(1, PAGE, len(found), False))
    since = desk.time("if-modified-since")
    visible = [held for held in desk.visible(rows) if desk.since(held, since)]
    if not visible:
        return Answer(304 if since else 204)
    name, down = desk.ask.query.get("sort_by", "id"), desk.ask.query.get("sort_order", "desc") == "desc"
    if name not in {"id", "Created_Time", "Modified_Time"}:
        raise Refusal(400, "INVALID_DATA", "invalid sort_by", {"param_name": "sort_by"})
    keys: dict[str, Callable[[Held], Any]] = {
        "id": lambda held: int(held.id), "Created_Time": lambda held: held.created_at, "Modified_Time": lambda held: held.modified_at,
    }  # fmt: skip
    visible.sort(key=lambda held: (keys[name](held), int(held.id)), reverse=down)
    page, told = _page(desk, visible)
    return _shown(page, known, wanted, told)


def _wanted(desk: Desk) -> list[str]:
    names = [each for each in desk.ask.query.get("fields", "").split(",") if each]
    if not names:
        raise Refusal(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": "fields"})
    if len(names) > MOST_FIELDS:
        raise Refusal(400, "LIMIT_EXCEEDED", "too many fields", {"param_name": "fields", "limit": MOST_FIELDS})
    return names


def _shown(rows: list[Held], known: dict[str, Field], wanted: list[str], told: Json) -> Answer:
    return Answer(200, {"data": [row_json(held, known, wanted) for held in rows], "info": told}) if rows else Answer(204)


def _page(desk: Desk, rows: list[Any]) -> tuple[list[Any], Json]:
    """By number up to 2,000 rows, then by token."""
    per_page = desk.number("per_page", PAGE, PAGE)
    if token := desk.ask.query.get("page_token", ""):
        if "page" in desk.ask.query:
            raise Refusal(400, "AMBIGUITY_DURING_PROCESSING", "page and page_token exclude each other", {})
        start = _place(token)
    else:
        page = desk.number("page", 1, 10**6)
        start = (page - 1) * per_page
        if start + per_page > ROWS_BY_PAGE:
            raise Refusal(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token", {"limit": ROWS_BY_PAGE})
    end = start + per_page
    return rows[start:end], info(start // per_page + 1, per_page, len(rows[start:end]), end < len(rows), _token(end))


def _token(place: int) -> str:
    return base64.urlsafe_b64encode(f"from {place}".encode()).decode()


def _place(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("from "))
    except ValueError as fault:
        raise Refusal(400, "INVALID_DATA", "invalid page_token", {"param_name": "page_token"}) from fault


def _deleted(desk: Desk, module: str) -> Answer:
    since, kind = desk.time("if-modified-since"), desk.ask.query.get("type", "all")
    desk.spend(2)
    if module in PLAIN:
        raise Refusal(400, "INVALID_MODULE", "The module name given seems to be invalid")
    rows = [
        held
        for held in desk.store.rows(module, removed=True)
        if kind in {"all", held.removed} and held.removed_at and (since is None or second(held.removed_at) >= since)
    ]
    if not rows:
        return Answer(304 if since else 204)
    rows.sort(key=lambda held: (held.removed_at or desk.now, int(held.id)), reverse=True)
    page, told = _page(desk, rows)
    data = [{"deleted_by": {"id": "1"}, "id": each.id, "type": each.removed, "deleted_time": iso(_gone(each))} for each in page]
    return Answer(200, {"data": data, "info": told})


def _gone(held: Held) -> datetime:
    return held.removed_at or held.modified_at


def _related(desk: Desk, module: str, record_id: str) -> Answer:
    if desk.store.get(module, record_id) is None:
        raise Refusal(400, "INVALID_DATA", "the related id given seems to be invalid", {"param_name": "id"})
    rows = [held for held in desk.store.rows("Notes") if (held.values.get("Parent_Id") or {}).get("id") == record_id]
    return _listed(desk, "Notes", rows)


# --- COQL -----------------------------------------------------------------------------------------------------------


def query(desk: Desk) -> Answer:
    try:
        asked = coql.parse(str(desk.body.get("select_query", "")))
    except coql.SyntaxFault as fault:
        raise Refusal(400, "SYNTAX_ERROR", "error occured while parsing the query", {"near": fault.near}) from fault
    module = desk.module(asked.module)
    if module in PLAIN:
        raise Refusal(400, "INVALID_QUERY", "the module is not supported", {"module": module})
    known = fields_of(desk.store, module)
    unknown = ({*asked.columns} | coql.columns_of(asked.where) | {name for name, _ in asked.order}) - set(known)
    if unknown:
        raise Refusal(400, "INVALID_QUERY", "column given seems to be invalid", {"column_name": sorted(unknown)[0]})
    desk.spend(1 if asked.limit <= 200 else 2 if asked.limit <= 1000 else 3)
    where = None if desk.state["ignore_conditions"] else asked.where
    rows = [held for held in desk.visible(desk.store.rows(module)) if coql.fits(where, partial(_pair, held))]
    for name, down in reversed(asked.order or [("id", False)]):
        rows.sort(key=partial(_sorting, name), reverse=down)
    page = rows[asked.offset : asked.offset + asked.limit]
    if not page:
        return Answer(204)
    data = [row_json(held, known, asked.columns) for held in page]
    return Answer(200, {"data": data, "info": {"count": len(page), "more_records": asked.offset + asked.limit < len(rows)}})


def _pair(held: Held, name: str, text: str) -> tuple[Any, Any]:
    return _comparable(name, all_values(held).get(name)), _comparable(name, text)


def _sorting(name: str, held: Held) -> Any:
    return _comparable(name, all_values(held).get(name)) or 0


def _comparable(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        value = value.get("id")
    if value is None:
        return None
    if name == "id":
        return int(value) if str(value).isdigit() else -1
    if name.endswith("_Time"):
        return parsed(str(value))
    return str(value)


# --- writing --------------------------------------------------------------------------------------------------------


def _write(desk: Desk, module: str, *, upsert: bool = False) -> Answer:
    rows = desk.body.get("data")
    if not isinstance(rows, list) or not rows:
        raise Refusal(400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": "data"})
    if len(rows) > MOST_A_CALL:
        raise Refusal(413, "LIMIT_EXCEEDED", "too many records", {"limit": MOST_A_CALL})
    writer = Writer(desk.store, module, desk.now, desk.chance, desk.state, desk.time("if-unmodified-since"))
    checked = [str(each) for each in desk.body.get("duplicate_check_fields", [])]
    unknown = [name for name in checked if name not in writer.fields]
    if unknown:
        raise Refusal(400, "INVALID_DATA", "invalid data", {"api_name": "duplicate_check_fields"})
    desk.spend(max(1, (len(rows) + 9) // 10))
    one: Callable[[Json], Json] = writer.update if desk.ask.method == "PUT" else writer.insert
    answers = writer.each(rows, (lambda row: writer.upsert(row, checked)) if upsert else one)
    for operation in ("insert", "update"):
        if ids := [held.id for action, held in writer.touched if action == operation]:
            desk.tell({"insert": "create", "update": "edit"}[operation], module, ids)
    return Answer(_status(answers, desk.ask.method, upsert), {"data": answers})


def _status(answers: list[Json], method: str, upsert: bool) -> int:
    """200 or 201 when all is well, 207 when some is, 202 when nothing is, 412 when all of it was newer."""
    good = [each for each in answers if each["code"] == "SUCCESS"]
    if good:
        return 207 if len(good) < len(answers) else 201 if method == "POST" and not upsert else 200
    return 412 if all(each["code"] == "ALREADY_MODIFIED" for each in answers) else 202


def _delete(desk: Desk, module: str, record_id: str) -> Answer:
    held = desk.store.get(module, record_id)
    if held is None:
        raise Refusal(400, "INVALID_DATA", "the id given seems to be invalid", {"api_name": "id"})
    remove(desk, held, "recycle")
    return Answer(200, {"data": [{"code": "SUCCESS", "details": {"id": held.id}, "message": "record deleted", "status": "success"}]})


def remove(desk: Desk, held: Held, kind: str) -> None:
    held.removed, held.removed_at = kind, desk.now
    desk.store.save(held, "delete")
    desk.tell("delete", held.module, [held.id])


def _tags(desk: Desk, module: str, action: str) -> Answer:
    """A tag counts as a change of the record."""
    ids, names = desk.body.get("ids") or [], [str(each.get("name")) for each in desk.body.get("tags") or []]
    if action not in {"add_tags", "remove_tags"} or not ids or not names or module in PLAIN:
        raise Refusal(400, "INVALID_DATA", "invalid data", {"api_name": "tags" if ids else "ids"})
    if len(ids) > 500:
        raise Refusal(400, "LIMIT_EXCEEDED", "too many records", {"limit": 500})
    desk.spend(1)
    answers = [_tag(desk, module, str(each), action, names) for each in ids]
    return Answer(200, {"data": answers, "wf_scheduler": None, "success_count": None, "locked_count": None})


def _tag(desk: Desk, module: str, record_id: str, action: str, names: list[str]) -> Json:
    held = desk.store.get(module, record_id)
    if held is None:
        return error("INVALID_DATA", "the id given seems to be invalid", {"api_name": "id"})
    folded = {name.casefold() for name in names}
    kept = [tag for tag in held.values.get("Tag", []) if tag["name"].casefold() not in folded]
    added = [{"name": name, "id": str(abs(hash(name)))} for name in names] if action == "add_tags" else []
    held.values = {**held.values, "Tag": kept + added}
    held.modified_at = max(desk.now, held.modified_at)
    desk.store.save(held, "tag")
    return {"code": "SUCCESS", "details": {"id": held.id, "tags": names}, "message": "tags updated successfully", "status": "success"}
