"""From LINE's answers to our errors, and the table that explains them.

LINE has no error codes: the HTTP status decides, and a few messages that its reference lists word for word. Those have names here.
Source: https://developers.line.biz/en/reference/messaging-api/#status-codes and #error-messages.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, Remedy, TryLater
from connectors.http import Reply
from connectors.untrusted import as_list, as_object, as_text

PAUSE = timedelta(seconds=30)

MONTHLY_LIMIT = "monthly_limit"
INVALID_REPLY_TOKEN = "invalid_reply_token"  # noqa: S105 - the name of an error
INVALID_RECIPIENT = "invalid_recipient"
_SERVER_FAULT = ("LINE's server failed.", "Nothing to do; it is sent again by itself where that cannot make a second message.")

_MEANINGS: dict[str, tuple[str, str]] = {
    "400": (
        "LINE refused the message: something in it is not as LINE wants it.",
        "Read the details, correct the message and send it again.",
    ),
    "401": (
        "The channel access token does not work.",
        "Issue a new one in the LINE Developers Console and enter it on the connection's page.",
    ),
    "403": (
        "The LINE account or its plan may not do this.",
        "Ask an administrator to look at the account in the LINE Official Account Manager.",
    ),
    "404": ("LINE does not know this person or file, or no longer.", "Nothing can be done from here."),
    "409": ("LINE had already taken this message over.", "Nothing to do; it was sent once."),
    "410": ("LINE no longer holds this.", "Ask the customer to send it again."),
    "413": ("The message is larger than 2 MB.", "Shorten it, or send it in parts."),
    "415": ("LINE does not take a file of this type.", "Send another type of file."),
    "429": ("LINE asks to slow down.", "Nothing to do; it is sent again by itself."),
    MONTHLY_LIMIT: (
        "The messages of this month's LINE plan are used up.",
        "Raise the plan in the LINE Official Account Manager or wait for the first of the month; answers within a minute still go out.",
    ),
    INVALID_REPLY_TOKEN: ("The time for a free answer was over.", "Nothing to do; the message goes out as a push."),
    INVALID_RECIPIENT: (
        "LINE cannot deliver to this person: the user id is unknown to this account.",
        "Wait until the person writes or adds the account again.",
    ),
    "500": _SERVER_FAULT,
}
CODES = frozenset(_MEANINGS)


def explain(code: int | str) -> tuple[str, str]:
    """What a status or one of our names for a LINE message means and what to do, as two sentences for an agent."""
    known = str(code)
    if known in _MEANINGS:
        return _MEANINGS[known]
    if known.isdigit() and 500 <= int(known) <= 599:
        return _SERVER_FAULT
    return f"LINE refused with {known}, which is not in its published list.", "Look at the account in the LINE Official Account Manager."


def name_of(reply: Reply) -> str:
    """The error's name: one of ours for a message that the reference lists, else the status."""
    document = as_object(reply.json_or_none())
    said = as_text(document.get("message")).lower()
    if reply.status == 429 and "monthly limit" in said:
        return MONTHLY_LIMIT
    if reply.status == 400 and "reply token" in said:
        return INVALID_REPLY_TOKEN
    about = [as_text(as_object(each).get("property")) for each in as_list(document.get("details"))]
    if reply.status == 400 and ("to" in about or "'to'" in said or said == "failed to send messages"):
        return INVALID_RECIPIENT
    return str(reply.status)


def error_of(reply: Reply, *, acted: bool) -> ConnectorError:
    """Our error for an answer that is not 2xx.

    `acted`: the call has an effect that must not happen twice, so a 5xx leaves open whether it happened.
    """
    code, detail = name_of(reply), _detail(reply)
    title = explain(code)[0]
    if reply.status >= 500 or reply.status == 408:
        if acted:
            return OutcomeUnknown("LINE failed while it had the request; it may have been accepted", code=code, detail=detail)
        return TryLater("LINE's server failed", after=reply.retry_after() or PAUSE, times=3, code=code, detail=detail)
    if reply.status == 401:
        return NeedsLogin(title, code=code, detail=detail)
    if reply.status == 403:
        return Misconfigured(title, code=code, detail=detail)
    if reply.status == 429 and code != MONTHLY_LIMIT:
        return TryLater(title, after=reply.retry_after() or PAUSE, scope="connection", times=None, code=code, detail=detail)
    if reply.status in {404, 410} and not acted:
        return Gone(title, code=code, detail=detail)
    return Rejected(title, remedy=_remedy(code, detail), code=code, detail=detail)


def _remedy(code: str, detail: str) -> Remedy:
    if code == MONTHLY_LIMIT:
        return "pause_campaigns"
    if code == INVALID_RECIPIENT:
        return "mark_address"
    return "fix_media" if "ContentUrl" in detail or "previewImageUrl" in detail or code == "415" else "none"


def _detail(reply: Reply) -> str:
    """LINE's words: the message, then each detail as `property: message`."""
    document = as_object(reply.json_or_none())
    details = [
        ": ".join(filter(None, [as_text(each.get("property")), as_text(each.get("message"))]))
        for each in map(as_object, as_list(document.get("details")))
    ]
    return "; ".join(filter(None, [as_text(document.get("message")), *details]))
