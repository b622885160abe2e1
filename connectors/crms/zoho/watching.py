"""Zoho's notices: switched on for a week at most, renewed by repeating, and read as hints once our token is in them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

from connectors import signatures
from connectors.accounts import Settings
from connectors.contracts import Hint, Subscription
from connectors.crms.zoho.modules import KINDS, NOTES, kind_of
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.refusals import problem, refusal
from connectors.crms.zoho.values import stamped
from connectors.errors import BadSignature, Misconfigured, OutcomeUnknown
from connectors.timestamps import moment
from connectors.untrusted import Json, NotJson, as_list, as_object, as_text, clean, loads

WATCH = "/actions/watch"
# A week is the longest; beyond it Zoho cuts to its default of one hour.
LIFE = timedelta(days=7) - timedelta(hours=1)
LONGEST_TOKEN = 50


def subscribe(org: Org, url: str, token: str) -> Subscription:
    if not 16 <= len(token) <= LONGEST_TOKEN:
        raise Misconfigured(f"The token of Zoho's notices must have 16 to {LONGEST_TOKEN} characters")
    modules = [module for module in map(org.module, KINDS) if module != NOTES]
    channel = channel_of(url)
    watch = {
        "channel_id": channel,
        "events": [f"{module}.all" for module in org.schema.present(modules)],
        "channel_expiry": stamped(org.wire.now() + LIFE),
        "token": token,
        "notify_url": url,
        "notify_on_related_action": False,
        "return_affected_field_values": False,
    }
    told = _sent(org, "PUT", watch)
    if _code(told) != "SUCCESS":  # not subscribed yet, or ended
        told = _sent(org, "POST", watch)
    if _code(told) != "SUCCESS":
        raise Misconfigured("Zoho takes no notices for this address", code=_code(told), detail=as_text(told.get("message")))
    ends = [moment(each.get("channel_expiry")) for each in map(as_object, as_list(as_object(told.get("details")).get("events")))]
    return Subscription(channel, min((each for each in ends if each), default=None))


def channel_of(url: str) -> str:
    """The number of the channel for an address: the same for the same, so that repeating renews."""
    return str(10**12 + int.from_bytes(hashlib.sha256(url.encode("utf-8", "replace")).digest()[:5], "big"))


def _sent(org: Org, method: str, watch: Json) -> Json:
    reply = org.wire.send(method, WATCH, {"watch": [watch]})
    told = problem(reply.json_or_none())
    if not _code(told):
        raise OutcomeUnknown("Zoho does not say what became of the subscription", code=f"HTTP {reply.status}")
    return told


def _code(told: Json) -> str:
    return as_text(told.get("code")).upper()


def unsubscribe(org: Org, external_id: str) -> None:
    reply = org.wire.send("DELETE", WATCH, params={"channel_ids": external_id})
    if not reply.ok and reply.status not in {400, 404}:  # 400 NOT_SUBSCRIBED: it has ended by itself
        raise refusal(reply, WATCH, org.wire.data_centre)


def read_hints(settings: Settings, body: bytes) -> list[Hint]:
    """The records that a notice names. Raises `BadSignature` unless it carries our token."""
    try:
        notice = as_object(clean(loads(body)))
    except NotJson:
        notice = {}
    if not _is_ours(settings, notice.get("token")):
        raise BadSignature("The notice does not carry the token that we gave Zoho")
    kind = kind_of(settings, as_text(notice.get("module")))
    ids = [each for each in map(as_text, _ids(notice.get("ids"))) if each]
    return [Hint(kind, each, as_text(notice.get("operation"))) for each in dict.fromkeys(ids)] if kind else []


def _is_ours(settings: Settings, given: Any) -> bool:
    """Compared in constant time with each token; two while it is being changed."""
    presented = given.encode("utf-8", "replace") if isinstance(given, str) else b""
    known = [each.encode() for each in signatures.split_secrets(settings.get("webhook_token"))]
    equal = [hmac.compare_digest(presented, each) for each in known]  # every one is compared, so the time tells nothing
    return True in equal


def _ids(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
