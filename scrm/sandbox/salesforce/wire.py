"""Calls and answers, free of any framework, and how this CRM writes times and errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scrm.sandbox.salesforce.vocabulary import Json


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Header names are lower case; `path` begins at the org's address."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None: an empty answer; `page`: HTML in place of JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str = ""


class Refusal(Exception):
    """An answer that is an error, alone or as one row among others."""

    def __init__(self, status: int, code: str, message: str, fields: Iterable[str] = (), **extra: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields, self.extra = status, code, message, list(fields), extra

    def body(self) -> list[Json]:
        fields = {"fields": self.fields} if self.fields else {}
        return [{"message": self.message, "errorCode": self.code, **fields, **self.extra}]

    def row(self, record_id: str = "", *, details: bool = True) -> Json:
        error = {"statusCode": self.code, "message": self.message, "fields": self.fields, **(self.extra if details else {})}
        return {**({"id": record_id} if record_id else {}), "success": False, "errors": [error]}


def stamp(at: datetime) -> str:
    """2026-11-29T09:00:00.000+0000: whole seconds, whatever was stored."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parsed(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def page(status: int, title: str) -> Answer:
    """What a proxy in between would answer."""
    return Answer(status, headers={"content-type": "text/html"}, page=f"<html><body><h1>{title}</h1></body></html>")
