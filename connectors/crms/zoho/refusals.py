"""What Zoho's refusals mean. By the code, never by the words of the message."""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater
from connectors.http import Reply
from connectors.untrusted import Json, as_list, as_object, as_text

# No header with the wait is promised.
SLOW_DOWN = timedelta(seconds=60)
# Credits come back over a rolling day: asking four times an hour costs little and finds them soon.
NO_CREDITS = timedelta(minutes=15)

LOG_IN = frozenset({"INVALID_TOKEN", "AUTHENTICATION_FAILURE", "INVALID_OAUTHTOKEN"})
CREDITS = frozenset({"LIMIT_EXCEEDED", "API_LIMIT_EXCEEDED", "CREDIT_LIMIT_EXCEEDED", "LIMIT_REACHED"})
NOT_THERE = frozenset({"INVALID_MODULE", "FEATURE_NOT_SUPPORTED", "NOT_SUPPORTED"})

# The scopes that the calls need, by the beginning of the path after the version; the last that fits.
SCOPES = (
    ("/", "ZohoCRM.modules.ALL"),
    ("/settings/fields", "ZohoCRM.settings.fields.ALL"),
    ("/coql", "ZohoCRM.coql.READ"),
    ("/actions/watch", "ZohoCRM.notifications.ALL"),
    ("/Notes", "ZohoCRM.modules.notes.ALL"),
)
ALL_SCOPES = ",".join(dict.fromkeys(scope for _, scope in SCOPES))


def problem(document: object) -> Json:
    """The object that holds code, message and details: the answer itself, or its first row."""
    found = as_object(document)
    if "code" in found:
        return found
    rows = next((as_list(found[name]) for name in ("data", "fields", "watch", "tags") if name in found), [])
    return as_object(rows[0]) if rows else {}


def code_of(reply: Reply) -> str:
    return as_text(problem(reply.json_or_none()).get("code")).upper()


def refusal(reply: Reply, path: str, data_centre: str) -> ConnectorError:
    """Our error for an answer that refuses a whole call."""
    told = problem(reply.json_or_none())
    code = as_text(told.get("code")).upper()
    stated, detail = code or f"HTTP {reply.status}", said(told)
    if code in LOG_IN:
        return NeedsLogin(
            "Zoho does not accept the access token; enter a new refresh token on the connection's page", code=code, detail=detail
        )
    if code == "OAUTH_SCOPE_MISMATCH":
        return Misconfigured(f"The refresh token lacks the scope {scope_of(path)}; make one with {ALL_SCOPES}", code=code, detail=detail)
    if code == "INVALID_HOST":
        return Misconfigured(
            f"This Zoho account does not live in the data centre {data_centre}; choose the one whose address Zoho shows in the browser",
            code=code,
            detail=detail,
        )
    if reply.status == 429 or code == "TOO_MANY_REQUESTS":
        return _patience(reply, code, stated, detail)
    if code == "NO_PERMISSION" or reply.status == 403:
        wanted = ", ".join(filter(None, map(as_text, _listed(as_object(told.get("details")).get("permissions")))))
        missing = f": {wanted}" if wanted else ""
        return Misconfigured(f"The Zoho user of this connection lacks a permission{missing}"[:300], code=stated, detail=detail)
    if code in NOT_THERE:
        return Misconfigured(f"This Zoho account has no {path.strip('/').split('/')[0]} for this call", code=code, detail=detail)
    if code == "INVALID_URL_PATTERN":
        return Misconfigured("Zoho does not know this address; check the API version", code=code, detail=detail)
    return _by_status(reply, stated, detail)


def _by_status(reply: Reply, code: str, detail: str) -> ConnectorError:
    if reply.status == 401:
        return NeedsLogin("Zoho does not accept the access token", code=code, detail=detail)
    if reply.status in {408, 423} or (reply.status >= 500 and reply.retry_after() is not None):
        after = reply.retry_after() or SLOW_DOWN
        return TryLater("Zoho is busy or failing", after=after, scope="connection", times=None, code=code, detail=detail)
    if reply.status >= 500 or code == "INTERNAL_ERROR":
        # Whether the write was done is not said. Our writes may be repeated.
        return OutcomeUnknown("Zoho failed while answering", code=code, detail=detail)
    if reply.status in {404, 410}:
        return Gone("Zoho has no such record or address", code=code, detail=detail)
    return Rejected("Zoho refused the request", code=code, detail=detail)


def _patience(reply: Reply, code: str, stated: str, detail: str) -> TryLater:
    spent = code in CREDITS
    title = "The API credits of this Zoho account are used up for now" if spent else "Zoho asks to slow down"
    after = reply.retry_after() or (NO_CREDITS if spent else SLOW_DOWN)
    return TryLater(title, after=after, scope="connection", times=None, code=stated, detail=detail)


def scope_of(path: str) -> str:
    return [scope for start, scope in SCOPES if path.startswith(start)][-1] if path.startswith("/") else SCOPES[0][1]


def said(told: Json) -> str:
    """The message and where it points, for a person."""
    details = as_object(told.get("details"))
    where = as_text(details.get("api_name")) or as_text(details.get("param_name"))
    return " ".join(filter(None, [as_text(told.get("message"))[:300], f"({where[:100]})" if where else ""]))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
