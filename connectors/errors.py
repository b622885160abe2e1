"""What can go wrong outside, told apart by what must happen next.

| error | what is known | what the product does |
|---|---|---|
| TryLater | nothing was done; the other side asks for patience | waits `after`, for the message, the recipient or the whole connection |
| Unreachable | nothing was done: no connection, no name, refused | counts for the breaker, tries again |
| OutcomeUnknown | it may have been done: a time-out or a 5xx after the request left | never repeats unless the call is idempotent |
| Rejected | not done, and the same request will never do | shows the reason and the remedy |
| Gone | the object no longer exists over there | marks it, asks a person where one is needed |
| NeedsLogin | credentials expired or withdrawn | pauses the connection, alerts, keeps the queue |
| Misconfigured | a setting is wrong | pauses the connection, names the setting |
| BadSignature | somebody else called us | refuses |

Messages never hold secrets or a person's data beyond what the vendor's error text says; vendor text is cut to 500 characters.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, TypeAlias

Scope: TypeAlias = Literal["message", "recipient", "connection"]

# What a rejected message asks for; the console turns it into a sentence and a button.
Remedy: TypeAlias = Literal[
    "none", "use_template", "opt_out", "mark_address", "hold_template", "use_phone", "fix_media", "fix_template", "pause_campaigns"
]

MAX_DETAIL = 500


class ConnectorError(Exception):
    """Base of all. `code` is the vendor's, as text; `title` one line; `detail` the vendor's explanation.

    `before`: a call that works one by one says how far it came, with what it returns for those before; None where nobody can tell.
    `read`: so does one that reads, in the order in which it was asked, with None for what is not there.
    """

    nothing_was_done = True
    before: tuple[Any, ...] | None = None
    read: tuple[Any, ...] = ()

    def __init__(self, title: str, *, code: str = "", detail: str = "") -> None:
        super().__init__(title)
        self.title = title[:MAX_DETAIL]
        self.code = code
        self.detail = detail[:MAX_DETAIL]

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.title, self.detail) if part)


class TryLater(ConnectorError):
    """Refused for now. `after` is the shortest wait; `scope` says for whom; `times` bounds the attempts (None = no bound)."""

    def __init__(
        self, title: str, *, after: timedelta, scope: Scope = "message", times: int | None = 2, code: str = "", detail: str = ""
    ) -> None:
        super().__init__(title, code=code, detail=detail)
        self.after = after
        self.scope: Scope = scope
        self.times = times


class Unreachable(ConnectorError):
    """The request never left or was refused at the door."""


class OutcomeUnknown(ConnectorError):
    """The request left, and no trustworthy answer came back."""

    nothing_was_done = False


class Rejected(ConnectorError):
    """A final no. `remedy` names what a person or the product can do about it."""

    def __init__(self, title: str, *, remedy: Remedy = "none", code: str = "", detail: str = "") -> None:
        super().__init__(title, code=code, detail=detail)
        self.remedy: Remedy = remedy


class Gone(ConnectorError):
    """The object is not there any more."""


class NeedsLogin(ConnectorError):
    """The credentials do not work."""


class Misconfigured(ConnectorError):
    """A setting is missing or wrong; the title says which and what to do."""


class BadSignature(ConnectorError):
    """The request is not from whom it says."""
