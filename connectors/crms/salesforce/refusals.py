"""Salesforce's errors in our words: a list of {message, errorCode, fields}; told apart by code, never by the words of the message."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater
from connectors.http import Reply
from connectors.untrusted import Json, as_list, as_object, as_text

SERVER_PAUSE = timedelta(minutes=1)
# The calls of a rolling day are used up and no time is named: ask again slowly.
LIMIT_PAUSE = timedelta(minutes=30)
# Too many long requests at a time are over as soon as one ends.
CROWD_PAUSE = timedelta(seconds=30)

LOCKED = frozenset({"UNABLE_TO_LOCK_ROW"})
DUPLICATE = frozenset({"DUPLICATES_DETECTED", "DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID", "MULTIPLE_CHOICES"})
DELETED = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY", "CANNOT_UPDATE_CONVERTED_LEAD"})
_FULL = frozenset({"STORAGE_LIMIT_EXCEEDED"})
_FORBIDDEN = frozenset(
    {
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "FUNCTIONALITY_NOT_ENABLED",
    }
)
_RECORD_ID = re.compile(r"\b(?:003|00Q|006|500|00T|801|01t)[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?\b", re.ASCII)


def errors_of(reply: Reply) -> list[Json]:
    """The errors of an answer; one of a log-in has `error` and `error_description` instead."""
    return [error for error in as_list(reply.json_or_none()) if isinstance(error, dict)]


def code_of(error: Json) -> str:
    return as_text(error.get("errorCode")) or as_text(error.get("statusCode")) or as_text(error.get("error"))


def words_of(error: Json) -> str:
    return (as_text(error.get("message")) or as_text(error.get("error_description")))[:500]


def refusal(reply: Reply) -> ConnectorError:
    """Our error for an answer that is not 2xx."""
    first = next(iter(errors_of(reply)), {})
    code, detail = code_of(first) or f"HTTP {reply.status}", words_of(first)
    if reply.status == 401:
        return NeedsLogin("Salesforce does not accept the session; check the app's credentials and its user", code=code, detail=detail)
    if code == "REQUEST_LIMIT_EXCEEDED" or reply.status in {420, 429}:
        return limit_reached(reply, code, detail)
    if code in _FULL:
        return Misconfigured("The org's storage is full; free some or buy more in Salesforce's Setup", code=code, detail=detail)
    if code in LOCKED:
        return TryLater("Salesforce is changing the same record", after=timedelta(seconds=30), code=code, detail=detail)
    if reply.status == 403 or code in _FORBIDDEN:
        return Misconfigured("The app's user may not do this; give it the rights that the guide lists", code=code, detail=detail)
    if code in {"INVALID_TYPE", "UNSUPPORTED_API_VERSION"}:
        return Misconfigured("The org has no such object or API version, or the app's user may not see it", code=code, detail=detail)
    if reply.status == 503 or (reply.status >= 500 and reply.retry_after()):
        after = reply.retry_after() or SERVER_PAUSE
        code = f"HTTP {reply.status}"
        return TryLater("Salesforce is busy or under maintenance", after=after, scope="connection", times=None, code=code, detail=detail)
    if reply.status >= 500:
        # Whether the write was done is not said. Our writes are upserts, so the caller may repeat them.
        return OutcomeUnknown("Salesforce failed while answering", code=f"HTTP {reply.status}", detail=detail)
    if reply.status in {404, 410}:
        return Gone("Salesforce has no such record or address", code=code, detail=detail)
    return Rejected("Salesforce refused the request", code=code, detail=detail)


def limit_reached(reply: Reply, code: str, detail: str) -> TryLater:
    """The whole connection waits: every call of the org counts."""
    crowded = detail.startswith("Concurrent")  # the one thing that only the words say; a wrong guess waits longer or asks sooner
    after = reply.retry_after() or (CROWD_PAUSE if crowded else LIMIT_PAUSE)
    title = "Too many long requests run in the org at once" if crowded else "The org's API calls of the last 24 hours are used up"
    return TryLater(title, after=after, scope="connection", times=None, code=code, detail=detail)


def candidates_of(error: Json) -> tuple[str, ...]:
    """The records that a duplicate rule or a unique field names: in the answer's match results, else in the sentence."""
    found = list(_matched(error, 0)) or _RECORD_ID.findall(words_of(error))
    return tuple(dict.fromkeys(found))


def _matched(node: Any, depth: int) -> list[str]:
    """The ids below `matchRecords`, wherever they stand: the vendor spells the name of what holds them in two ways."""
    if depth > 8:
        return []
    if isinstance(node, list):
        return [each for item in node for each in _matched(item, depth + 1)]
    if not isinstance(node, dict):
        return []
    own = [as_text(as_object(as_object(match).get("record")).get("Id")) for match in as_list(node.get("matchRecords"))]
    rest = [each for name, item in node.items() if name != "matchRecords" for each in _matched(item, depth + 1)]
    return [each for each in own if each] + rest
