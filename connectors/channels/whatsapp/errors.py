"""From the platform's error to ours, by the numeric code alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.channels.whatsapp.error_codes import DECIDED_WITH_5XX, MEANINGS, PERMISSION_DENIED, PERMISSION_RANGE, Meaning
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater
from connectors.http import Reply
from connectors.untrusted import as_code, as_object, as_text

# An object id that does not exist is code 100 with the first subcode and HTTP 400; a template's name that does not, with the second.
UNKNOWN_OBJECT = 33
UNKNOWN_TEMPLATE = 2593002
PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class GraphError:
    """The error object of a Graph API answer."""

    code: int
    subcode: int = 0
    title: str = ""
    detail: str = ""
    transient: bool = False


def explain(code: int) -> tuple[str, str]:
    """What the code means and what to do, as two sentences for an agent. Codes that are not listed get an honest answer too."""
    meaning = _meaning(code)
    if meaning is None:
        return f"WhatsApp refused with code {code}, which is not in its published list.", "Look the code up in the WhatsApp Manager's help."
    return meaning.explanation, meaning.advice


def classify(
    code: int, *, subcode: int = 0, detail: str = "", retry_after: timedelta | None = None, transient: bool = False
) -> ConnectorError:
    """Our error for a code, whether it came in an answer or in a failed status. `retry_after` can only lengthen a wait."""
    title, label = explain(code)[0], str(code)
    meaning = _meaning(code)
    if code == 100 and subcode in {UNKNOWN_OBJECT, UNKNOWN_TEMPLATE}:
        return Gone("WhatsApp does not know this id, or no longer", code=label, detail=detail)
    if meaning is None:
        if not transient:
            return Rejected(title, code=label, detail=detail)
        return TryLater(title, after=max(5 * PAUSE, retry_after or PAUSE), times=3, code=label, detail=detail)
    if meaning.verdict == "later":
        after = max(meaning.after, retry_after or timedelta(0))
        return TryLater(title, after=after, scope=meaning.scope, times=meaning.times, code=label, detail=detail)
    if meaning.verdict == "login":
        return NeedsLogin(title, code=label, detail=detail)
    if meaning.verdict == "setting":
        return Misconfigured(title, code=label, detail=detail)
    return Rejected(title, remedy=meaning.remedy, code=label, detail=detail)


def graph_error(document: Any) -> GraphError | None:
    """The error that a parsed answer holds, or None when it holds none that can be read."""
    error = as_object(as_object(document).get("error"))
    code = as_text(error.get("code")).strip()
    if not code.lstrip("-").isdigit():
        return None
    return GraphError(
        as_code(code),
        as_code(error.get("error_subcode")),
        as_text(error.get("message")),
        as_text(as_object(error.get("error_data")).get("details")) or as_text(error.get("message")),
        error.get("is_transient") is True,
    )


def error_of(reply: Reply, *, acted: bool) -> ConnectorError:
    """Our error for an answer that is not 2xx.

    `acted`: the call has an effect that must not happen twice, so a 5xx leaves open whether it happened, unless its code names a state
    of the account that forbids the effect.
    """
    found = graph_error(reply.json_or_none())
    label, detail = (str(found.code), found.detail) if found else (f"HTTP {reply.status}", "")
    if reply.status >= 500 or reply.status == 408:
        if found and reply.status == 500 and found.code in DECIDED_WITH_5XX:
            return _classified(found, reply)
        if acted:
            return OutcomeUnknown("WhatsApp failed while it had the request; it may have been accepted", code=label, detail=detail)
        if found is None or not isinstance(_classified(found, reply), TryLater):
            return TryLater("WhatsApp's server failed", after=reply.retry_after() or PAUSE, times=3, code=label, detail=detail)
    if found:
        return _throttled(found, reply) if reply.status == 429 else _classified(found, reply)
    if reply.status == 429:
        return TryLater("WhatsApp asks to slow down", after=reply.retry_after() or PAUSE, scope="connection", times=None, code=label)
    return Rejected("WhatsApp refused without a reason that can be read", code=label)


def _classified(found: GraphError, reply: Reply) -> ConnectorError:
    return classify(found.code, subcode=found.subcode, detail=found.detail, retry_after=reply.retry_after(), transient=found.transient)


def _throttled(found: GraphError, reply: Reply) -> ConnectorError:
    """With HTTP 429 a code that means no waiting is still a request to wait."""
    error = _classified(found, reply)
    if isinstance(error, TryLater) or found.code in MEANINGS:
        return error
    return TryLater(error.title, after=reply.retry_after() or PAUSE, scope="connection", times=None, code=error.code, detail=error.detail)


def _meaning(code: int) -> Meaning | None:
    return PERMISSION_DENIED if code in PERMISSION_RANGE else MEANINGS.get(code)
