"""How the API writes things: times, records, errors. Nothing here touches the database.

Errors have the vendor's shape {status, message, correlationId, category, subCategory?, context?, errors?}; clients may
rely on `category`, never on the text.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from django.utils import timezone

from .models import Record
from .schema import OBJECT_TYPES, ObjectType

Json: TypeAlias = "dict[str, Any]"


class ApiError(Exception):
    """An answer that is an error. `extra` goes to the top level of the body (policyName and the like)."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        sub_category: str = "",
        context: Mapping[str, list[str]] | None = None,
        errors: Iterable[Json] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.category, self.message, self.sub_category = status, category, message, sub_category
        self.context, self.errors, self.extra = dict(context or {}), list(errors), dict(extra or {})

    def body(self, correlation_id: str) -> Json:
        """The whole error answer."""
        return {"status": "error", "message": self.message, "correlationId": correlation_id, **self._details(), **self.extra}

    def row(self, context: Mapping[str, list[str]]) -> Json:
        """The same error as one entry of a 207's `errors`."""
        details = self._details()
        details["context"] = {**self.context, **context}
        return {"status": "error", "message": self.message, **details}

    def _details(self) -> Json:
        details: Json = {"category": self.category}
        if self.sub_category:
            details["subCategory"] = self.sub_category
        if self.context:
            details["context"] = self.context
        if self.errors:
            details["errors"] = self.errors
        return details


def invalid(message: str, *, errors: Iterable[Json] = (), context: Mapping[str, list[str]] | None = None) -> ApiError:
    return ApiError(400, "VALIDATION_ERROR", message, errors=errors, context=context)


def not_found(record_id: str) -> ApiError:
    return ApiError(
        404, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.",
        sub_category="crm.object_not_found", context={"ids": [record_id]},
    )  # fmt: skip


def now() -> datetime:
    """The present, cut to milliseconds: the resolution of everything the API shows."""
    return to_ms(timezone.now())


def to_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """2026-11-22T08:15:30.123Z"""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_time(value: str) -> datetime | None:
    """A time as the API takes it, ISO 8601 or milliseconds since 1970, or None when it is neither."""
    try:
        if value.lstrip("-").isdigit():
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(value))
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def correlation_id() -> str:
    return str(uuid.uuid4())


def all_properties(record: Record) -> dict[str, str]:
    """Stored and computed properties of a record, without the empty ones."""
    kind = OBJECT_TYPES[record.object_type]
    created, modified = iso(record.created_at), iso(record.updated_at)
    return {
        **record.properties,
        "hs_object_id": str(record.pk),
        "hs_createdate": created,
        "hs_lastmodifieddate": modified,
        kind.created: created,
        kind.modified: modified,
    }


def record_json(record: Record, properties: Iterable[str] | None = None) -> Json:
    """A record as the API shows it: named properties (null where empty), or all that are set when `properties` is None."""
    values = all_properties(record)
    shown: dict[str, str | None] = dict(values) if properties is None else {name: values.get(name) for name in properties}
    body: Json = {
        "id": str(record.pk),
        "properties": shown,
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived,
    }
    if record.archived_at is not None:
        body["archivedAt"] = iso(record.archived_at)
    return body


def wanted_properties(kind: ObjectType, names: Iterable[str]) -> list[str]:
    """The properties to show: the type's defaults and those asked for, each once."""
    return list(dict.fromkeys([*kind.default_properties, *(name for name in names if name)]))


def parse_body(raw: bytes) -> Json:
    try:
        body = json.loads(raw or b"{}")
    except ValueError as error:
        raise invalid(f"Invalid input JSON: {error}") from error
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: an object was expected")
    return body
