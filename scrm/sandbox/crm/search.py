"""POST /search: filter groups (or) of filters (and), one sort, pages up to the 10,000th row.

Database columns narrow the rows first (id, modification time, unique values); the rest is decided on the properties,
in one place, so that an operator means the same for built-in and custom properties.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from django.db.models import Q, QuerySet

from .models import Record, UniqueValue
from .properties import definitions, normalise_unique
from .schema import ObjectType, Property
from .wire import Json, all_properties, invalid, now, parse_time, record_json, wanted_properties

MAX_ROWS = 10_000
MAX_PAGE = 200
DEFAULT_PAGE = 10
MAX_GROUPS = 5
MAX_FILTERS = 25

Comparable: TypeAlias = "float | str"
Values: TypeAlias = "Mapping[str, str]"

ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda value, wanted: value == wanted,
    "NEQ": lambda value, wanted: value != wanted,
    "GT": lambda value, wanted: value > wanted,
    "GTE": lambda value, wanted: value >= wanted,
    "LT": lambda value, wanted: value < wanted,
    "LTE": lambda value, wanted: value <= wanted,
}
LOOKUPS = {"EQ": "", "GT": "__gt", "GTE": "__gte", "LT": "__lt", "LTE": "__lte"}
OPERATORS = {*ORDERED, "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}


def search(kind: ObjectType, body: Json, *, lag: timedelta = timedelta(0)) -> Json:
    """{total, results, paging?}. `lag`: records changed within it are not found yet, as an index lags behind writes."""
    known = definitions(kind)
    groups = _groups(body, known)
    limit, after = _page(body)
    rows = _narrow(kind, groups, known)
    if lag:
        rows = rows.filter(updated_at__lte=now() - lag)
    found = [(row, values) for row in rows if _matches(values := all_properties(row), groups, known) and _has_text(values, kind, body)]
    _sort(found, body, known)
    page = found[after : after + limit]
    properties = wanted_properties(kind, _strings(body.get("properties", [])))
    answer: Json = {"total": len(found), "results": [record_json(row, properties) for row, _ in page]}
    if after + limit < len(found):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return answer


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise invalid("Invalid input JSON: a list of strings was expected")
    return list(value)


def _page(body: Json) -> tuple[int, int]:
    try:
        limit, after = int(body.get("limit", DEFAULT_PAGE)), int(body.get("after") or 0)
    except (TypeError, ValueError) as error:
        raise invalid("limit and after must be numbers") from error
    if not 0 < limit <= MAX_PAGE:
        raise invalid(f"limit must be between 1 and {MAX_PAGE}")
    if after < 0 or after + limit > MAX_ROWS:
        raise invalid(f"after + limit must not exceed {MAX_ROWS}: narrow the search instead")
    return limit, after


def _groups(body: Json, known: Mapping[str, Property]) -> list[list[Json]]:
    groups = body.get("filterGroups") or []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise invalid("Invalid input JSON: filterGroups must be a list of objects")
    filters = [group.get("filters") or [] for group in groups]
    if len(groups) > MAX_GROUPS or sum(map(len, filters)) > MAX_FILTERS:
        raise invalid(f"At most {MAX_GROUPS} filterGroups and {MAX_FILTERS} filters are allowed")
    for group in filters:
        for one in group:
            _check_filter(one, known)
    return filters


def _check_filter(one: object, known: Mapping[str, Property]) -> None:
    if not isinstance(one, dict) or one.get("operator") not in OPERATORS:
        raise invalid("There was a problem with the request: unknown operator", errors=[{"code": "INVALID_OPERATOR", "message": str(one)}])
    name = one.get("propertyName")
    if name not in known:
        missing = {
            "message": f'Property "{name}" does not exist',
            "code": "PROPERTY_DOESNT_EXIST",
            "context": {"propertyName": [str(name)]},
        }
        raise invalid(f"There was a problem with the request: property {name} does not exist", errors=[missing])
    needed = {"BETWEEN": ("value", "highValue"), "IN": ("values",), "NOT_IN": ("values",), "HAS_PROPERTY": (), "NOT_HAS_PROPERTY": ()}
    absent = [part for part in needed.get(one["operator"], ("value",)) if part not in one]
    if absent:
        raise invalid(f"operator {one['operator']} needs {absent}")


def _narrow(kind: ObjectType, groups: list[list[Json]], known: Mapping[str, Property]) -> QuerySet[Record]:
    rows = Record.objects.filter(object_type=kind.name, archived=False, merged_into=None)
    if not groups:
        return rows
    condition = Q()
    for group in groups:
        condition |= _column_condition(kind, group, known)
    return rows.filter(condition)


def _column_condition(kind: ObjectType, group: list[Json], known: Mapping[str, Property]) -> Q:
    """What of a group the database can decide; always true of every row that the group matches."""
    condition = Q(object_type=kind.name)
    for one in group:
        name, operator, value = one["propertyName"], one["operator"], str(one.get("value", ""))
        if name == "hs_object_id" and operator in LOOKUPS and value.isdigit():
            condition &= Q(**{f"id{LOOKUPS[operator]}": int(value)})
        elif name in {kind.modified, "hs_lastmodifieddate"} and operator in LOOKUPS and (moment := parse_time(value)):
            condition &= Q(**{f"updated_at{LOOKUPS[operator]}": moment})
        elif known[name].unique and operator == "EQ":
            holders = UniqueValue.objects.filter(object_type=kind.name, name=name, value=normalise_unique(value))
            condition &= Q(pk__in=holders.values("record_id"))
    return condition


def _matches(values: Values, groups: list[list[Json]], known: Mapping[str, Property]) -> bool:
    return not groups or any(all(_holds(values, one, known[one["propertyName"]]) for one in group) for group in groups)


def _holds(values: Values, one: Json, own: Property) -> bool:
    value, operator = values.get(own.name, ""), str(one["operator"])
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return bool(value) == (operator == "HAS_PROPERTY")
    if operator in {"NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN"} and not value:
        return operator != "NEQ"
    if not value:
        return False
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        return _has_token(value, str(one["value"])) == (operator == "CONTAINS_TOKEN")
    if operator in {"IN", "NOT_IN"}:
        wanted = {_comparable(entry, own) for entry in _strings(one["values"])}
        return any(_comparable(part, own) in wanted for part in _parts(value, own)) == (operator == "IN")
    if operator == "BETWEEN":
        return _ordered("GTE", value, one["value"], own) and _ordered("LTE", value, one["highValue"], own)
    return _ordered(operator, value, one["value"], own)


def _parts(value: str, own: Property) -> list[str]:
    return value.split(";") if own.field_type == "checkbox" else [value]


def _ordered(operator: str, value: str, wanted: object, own: Property) -> bool:
    left, right = _comparable(value, own), _comparable(str(wanted), own)
    return type(left) is type(right) and ORDERED[operator](left, right)


def _comparable(value: str, own: Property) -> Comparable:
    if own.type in {"date", "datetime"}:
        moment = parse_time(value)
        return moment.timestamp() if moment else value
    if own.type == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value.casefold()


def _has_token(value: str, wanted: str) -> bool:
    pattern = re.escape(wanted.strip().casefold()).replace(r"\*", r"\w*")
    return re.search(rf"(?<!\w){pattern}(?!\w)", value.casefold()) is not None


def _has_text(values: Values, kind: ObjectType, body: Json) -> bool:
    words = str(body.get("query") or "").casefold().split()
    text = " ".join(values.get(name, "") for name in kind.searched).casefold()
    return all(word in text for word in words)


def _sort(found: list[tuple[Record, dict[str, str]]], body: Json, known: Mapping[str, Property]) -> None:
    """By the one sort asked for, then by id; rows without the value come last."""
    name, descending = _sort_rule(body.get("sorts") or [])
    found.sort(key=lambda pair: pair[0].pk)
    if not name:
        return
    if name not in known:
        raise invalid(f"There was a problem with the request: sort property {name} does not exist")
    own = known[name]
    filled = [pair for pair in found if pair[1].get(name)]
    empty = [pair for pair in found if not pair[1].get(name)]
    filled.sort(key=lambda pair: _sort_key(pair[1][name], own), reverse=descending)
    found[:] = [*filled, *empty]


def _sort_key(value: str, own: Property) -> tuple[float, str]:
    key = _comparable(value, own)
    return (0.0, key) if isinstance(key, str) else (key, "")


def _sort_rule(sorts: object) -> tuple[str, bool]:
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("At most one sort is allowed")
    if not sorts:
        return "", False
    rule = sorts[0]
    if isinstance(rule, dict):
        return str(rule.get("propertyName", "")), rule.get("direction") == "DESCENDING"
    return str(rule).removeprefix("-"), str(rule).startswith("-")
