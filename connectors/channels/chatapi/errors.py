"""What a gateway's refusals mean and ask for. Their codes differ and are often missing, so known words decide where no known code does.

Source: the dialect's manuals and the codes that older gateways of it gave ('510 recipient number invalid').
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, Remedy, TryLater
from connectors.http import Reply
from connectors.untrusted import as_code, as_object, as_text

PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Meaning:
    """`explanation` and `advice` are sentences for an agent."""

    verdict: Literal["login", "setting", "later", "final"]
    explanation: str
    advice: str
    remedy: Remedy = "none"


_NO_NUMBER = Meaning(
    "final", "The recipient's number is invalid, or has no WhatsApp.", "Check the number and reach the person another way.", "mark_address"
)
_TOKEN = Meaning("login", "The gateway does not accept the token.", "Enter the instance's token on the connection's page.")
_SIGN_IN = Meaning("login", "The phone is not logged in at the gateway.", "Scan the gateway's QR code with the phone of this number.")
_PAYMENT = Meaning("setting", "The gateway's plan is not paid or used up.", "Ask an administrator to look at the plan at the gateway.")
_NO_CALL = Meaning("final", "The gateway does not know this call or this chat.", "Send it as another kind; ask the gateway what it offers.")
_INSTANCE = Meaning("setting", "The gateway knows no such instance.", "Correct the instance's address on the connection's page.")
_SLOWER = Meaning("later", "The gateway asks to slow down.", "Nothing to do; sending goes on after a minute.")
_FILE = Meaning("final", "The gateway did not take the file.", "Check its size, type and link, or choose another.", "fix_media")

MEANINGS: dict[int, Meaning] = {
    401: _TOKEN,
    402: _PAYMENT,
    403: _TOKEN,
    404: _NO_CALL,
    413: _FILE,
    415: _FILE,
    429: _SLOWER,
    466: _PAYMENT,
    510: _NO_NUMBER,
}

# Read from top to bottom; the first that is found decides.
_WORDS: tuple[tuple[re.Pattern[str], Meaning], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"(wrong|invalid|missing|expired|bad)\W+(api\W*)?(token|key)|token\W+(is\W+)?(wrong|invalid|missing|required|expired)", _TOKEN),
        (r"qr.?code|not (authenticated|authorized|logged in)|(phone|instance|account) (is )?(not|dis)\W?connected", _SIGN_IN),
        (r"not paid|subscription|trial (is )?over|payment|quota|limit of (chats|messages)", _PAYMENT),
        (r"instance\w*\b.*(not found|does ?n.t exist|unknown)", _INSTANCE),
        (r"too many|rate limit|slow down|queue is full", _SLOWER),
        (r"(number|phone|recipient|contact|chat)\b.*(invalid|incorrect|wrong|not (found|exist|registered)|does ?n.t exist)", _NO_NUMBER),
        (r"not (on|a valid|in) whatsapp", _NO_NUMBER),
        (r"(invalid|incorrect|wrong|unknown)\W+(recipient|phone|number|chat)", _NO_NUMBER),
        (r"file|media|mime|base64|download", _FILE),
    )
)


def explain(code: int) -> tuple[str, str]:
    """What the code means and what to do, as two sentences for an agent. Codes that are not listed get an honest answer too."""
    meaning = MEANINGS.get(code)
    if meaning is None:
        return f"The gateway refused with code {code}, which is not in its list.", "Ask the gateway's support what it means."
    return meaning.explanation, meaning.advice


def classify(code: int, words: str, *, retry_after: timedelta | None = None) -> ConnectorError:
    """Our error for a refusal. The gateway's code is kept as it is; 0 means that it gave none."""
    label = str(code) if code else ""
    meaning = MEANINGS.get(code) or next((meaning for pattern, meaning in _WORDS if pattern.search(words)), None)
    if meaning is None:
        return Rejected(explain(code)[0] if code else "The gateway refused the message", code=label, detail=words)
    title = meaning.explanation
    if meaning.verdict == "later":
        return TryLater(title, after=max(PAUSE, retry_after or PAUSE), scope="connection", times=None, code=label, detail=words)
    if meaning.verdict == "login":
        return NeedsLogin(title, code=label, detail=words)
    if meaning.verdict == "setting":
        return Misconfigured(title, code=label, detail=words)
    return Rejected(title, remedy=meaning.remedy, code=label, detail=words)


def refusal(document: Any) -> tuple[int, str] | None:
    """The code and the words of an answer that says no, or None when it does not say no."""
    given = as_object(document)
    error = given.get("error")
    inner = as_object(error)
    if given.get("sent") is not False and not error:
        return None
    words = as_text(error) or as_text(inner.get("message")) or as_text(given.get("message")) or as_text(given.get("description"))
    code = as_code(given.get("code")) or as_code(inner.get("code")) or _leading_code(words)
    return code, words


def _leading_code(words: str) -> int:
    """Older gateways write the code into the words: '510 recipient number invalid'."""
    found = re.match(r"\s*\(?#?([0-9]{3,6})\)?\b", words)
    return int(found[1]) if found else 0


def error_of(reply: Reply, *, acted: bool) -> ConnectorError:
    """Our error for an answer that is not 2xx, or for one that is and says no.

    `acted`: the call has an effect that must not happen twice. Then a 5xx leaves open whether it happened, unless the body itself
    says that nothing was sent, with a code that we know.
    """
    document = reply.json_or_none()
    found = refusal(document)
    label = f"HTTP {reply.status}"
    if reply.status >= 500 or reply.status == 408:
        if found and found[0] in MEANINGS and as_object(document).get("sent") is False:
            return classify(*found, retry_after=reply.retry_after())
        if acted:
            return OutcomeUnknown("The gateway failed while it had the request; it may have been accepted", code=label)
        return TryLater("The gateway failed", after=reply.retry_after() or PAUSE, times=3, code=label)
    if reply.status == 429:
        return TryLater(_SLOWER.explanation, after=reply.retry_after() or PAUSE, scope="connection", times=None, code=label)
    if found and (found[0] or found[1]):
        code = found[0] or (reply.status if reply.status in {401, 402, 413, 415} else 0)
        error = classify(code, found[1], retry_after=reply.retry_after())
        error.code = error.code or ("" if reply.ok else label)
        return error
    if reply.status in MEANINGS:
        return classify(reply.status, "")
    return Rejected("The gateway refused without a reason that can be read", code=label)
