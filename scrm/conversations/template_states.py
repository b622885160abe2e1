"""What a template's status, as the platform words it, means for the messages that use it. Pure.

A flagged template still carries service notices, but no promotions.
"""

from __future__ import annotations

from typing import Any, Literal

SENDABLE = frozenset({"APPROVED", "LOCKED", "FLAGGED"})
WAITING = frozenset({"PAUSED", "PENDING", "IN_APPEAL", "ARCHIVED", "LIMIT_EXCEEDED"})
FINAL = frozenset({"REJECTED", "DISABLED", "DELETED", "PENDING_DELETION", "DRAFT"})
# As the platform would answer: a paused template, one that is disabled, one that does not exist or is not approved.
CODES = {"PAUSED": "132015", "FLAGGED": "132015", "DISABLED": "132016"}
NOT_APPROVED = "132001"


def verdict_on(status: str, category: str) -> Literal["", "wait", "never"]:
    """May a message of this class go with a template of this status? "" yes, or it must wait, or it never will."""
    status = status.upper()
    if status in WAITING or (status == "FLAGGED" and category == "marketing"):
        return "wait"
    return "never" if status in FINAL else ""


def code_of(status: str) -> str:
    return CODES.get(status.upper(), NOT_APPROVED)


def key_of(connection_id: int, content: dict[str, Any]) -> tuple[int, str, str]:
    """Which template a message's content names: (connection, name, language with underscores)."""
    language = content.get("language", "")
    code = language.get("code", "") if isinstance(language, dict) else language
    return connection_id, str(content.get("name", "")), str(code).replace("-", "_")
