"""How the stand-in words things: answers, errors, times, rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from scrm.sandbox.zoho.store import Held
from scrm.sandbox.zoho.vocabulary import Field, Json

# The account's user sits in Hong Kong, so times carry that offset and never UTC.
ZONE = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Header names are lower case; `path` begins after the API's address."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None: no content. `page`: what a proxy says instead of JSON."""

    status: int
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)
    page: str = ""


class Refusal(Exception):
    """A whole call that is refused."""

    def __init__(self, status: int, code: str, message: str, details: Json | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.details = status, code, message, details or {}

    def answer(self) -> Answer:
        return Answer(self.status, error(self.code, self.message, self.details))


class RowFault(Exception):
    """One row that is refused among others."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.row = error(code, message, details)


def error(code: str, message: str, details: Json) -> Json:
    return {"code": code, "details": details, "message": message, "status": "error"}


def iso(moment: datetime) -> str:
    """Whole seconds, with the account's offset."""
    return moment.astimezone(ZONE).replace(microsecond=0).isoformat()


def parsed(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def all_values(held: Held) -> Json:
    """Stored and computed values of a record."""
    computed: Json = {"id": held.id, "Created_Time": iso(held.created_at), "Modified_Time": iso(held.modified_at)}
    if held.module in {"Contacts", "Leads"}:
        computed["Full_Name"] = " ".join(filter(None, [held.values.get("First_Name"), held.values.get("Last_Name")]))
    return {**held.values, **computed}


def row_json(held: Held, fields: dict[str, Field], wanted: list[str]) -> Json:
    """A record with the wanted fields, null where empty; names that are none are left out without a word."""
    values = all_values(held)
    return {"id": held.id, **{name: values.get(name) for name in wanted if name in fields}}


def info(page: int, per_page: int, count: int, more: bool, token: str = "") -> Json:
    return {"per_page": per_page, "count": count, "page": page, "more_records": more, "next_page_token": token or None}
