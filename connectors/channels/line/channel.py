"""The LINE Messaging API as a `Channel`: glue between the pure readers and writers of this folder and the HTTP client."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property

from connectors import signatures
from connectors.accounts import Settings
from connectors.channels.line.choices import TEXT_LIMIT
from connectors.channels.line.composing import KINDS, compose, recipient
from connectors.channels.line.errors import INVALID_REPLY_TOKEN, error_of, name_of
from connectors.channels.line.reading import count_items, parse_body
from connectors.contracts import (
    Account,
    Address,
    ChannelCapabilities,
    ConfigField,
    Health,
    InboundItem,
    Json,
    Media,
    MediaLimit,
    MediaRef,
    MonthlyQuota,
    OutboundMessage,
    Profile,
    Receipt,
)
from connectors.errors import ConnectorError, Gone, OutcomeUnknown, Rejected, TryLater
from connectors.http import HttpClient, Reply
from connectors.untrusted import as_list, as_object, as_text

MAX_FILE = 200 * 1024 * 1024
FILE_TIME = timedelta(seconds=120)
# Tokens are good for about a minute; the rest is for the queue and the way.
REPLY_TOKEN_LIFE = timedelta(seconds=50)
TRANSCODING_WAIT = timedelta(seconds=15)
LOADING_STEP, LOADING_LONGEST = 5, 60

_RETRY_KEYS = uuid.UUID("b2f9f1de-6a53-5a1b-9a55-2f6f0e6f7c11")
_USER_ID = re.compile("U[0-9a-f]{32}")
_NO_UPLOAD = "LINE takes no files, only public addresses that begin with https://; put the file on the web and send its address"
_MEGABYTE = 1024 * 1024


class LineMessaging:
    """One LINE official account. Safe to use from several threads; holds connections, no state."""

    slug = "line"
    label = "LINE (Messaging API)"
    fields: Sequence[ConfigField] = (
        ConfigField(
            "channel_access_token", "Channel access token", secret=True, help="LINE Developers Console, Messaging API tab; long-lived."
        ),
        ConfigField(
            "channel_secret", "Channel secret", secret=True, signs=True, help="Basic settings tab. Two lines while it is being changed."
        ),
        ConfigField("base_url", "API address", required=False, default="https://api.line.me"),
        ConfigField("data_url", "Address for files", required=False, default="https://api-data.line.me"),
    )
    capabilities = ChannelCapabilities(
        idempotent_send=True,
        receipts=False,
        window=None,
        text_limit=TEXT_LIMIT,
        kinds=KINDS,
        media={
            "image": MediaLimit(frozenset({"image/jpeg", "image/png"}), 10 * _MEGABYTE, caption=TEXT_LIMIT),
            "video": MediaLimit(frozenset({"video/mp4"}), 200 * _MEGABYTE, caption=TEXT_LIMIT),
            "audio": MediaLimit(frozenset({"audio/mpeg", "audio/mp4", "audio/x-m4a"}), 200 * _MEGABYTE, caption=TEXT_LIMIT),
        },
        reply_token_life=REPLY_TOKEN_LIFE,
        per_second=2000,
    )

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)

    # --- in ---------------------------------------------------------------------------------------------------------

    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """True when x-line-signature is the signature of the raw bytes by one of the channel secrets."""
        return signatures.verify_base64(
            body, headers.get("x-line-signature"), signatures.split_secrets(self._settings.get("channel_secret"))
        )

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """None: LINE checks an address with a signed POST without events."""
        return None

    def count(self, body: bytes) -> int:
        """How many items the body holds, at least 1. Never raises."""
        return count_items(body)

    def parse(self, body: bytes) -> list[InboundItem]:
        """Every item of the body, none left out. Never raises: what cannot be read comes back as `Unreadable`."""
        return parse_body(body)

    # --- out --------------------------------------------------------------------------------------------------------

    def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message over: as an answer while `reply_token` is good, else as a push.

        A push may be repeated with the same `client_ref` within 24 h and is carried out once. An answer knows no such key: after
        `OutcomeUnknown` of a message that had a reply token, nobody can tell, and repeating it may show it twice.
        """
        messages, to = compose(message), recipient(message.to)
        if message.reply_token:
            reply = self._post("/v2/bot/message/reply", {"replyToken": message.reply_token, "messages": messages})
            if reply.status != 400 or name_of(reply) != INVALID_REPLY_TOKEN:
                return _receipt(reply, f"reply:{message.client_ref}")
        return self._push(to, messages, message.client_ref)

    def _push(self, to: str, messages: list[Json], client_ref: str) -> Receipt:
        key = retry_key(to, client_ref)
        reply = self._post("/v2/bot/message/push", {"to": to, "messages": messages}, {"x-line-retry-key": key})
        if reply.status == 409:
            return _accepted_before(reply, key)
        return _receipt(reply, f"push:{key}")

    def validate(self, message: OutboundMessage) -> None:
        """Ask LINE whether it would take the message, without sending it. Raises `Rejected` with LINE's reasons."""
        kind = "reply" if message.reply_token else "push"
        self._tell(f"/v2/bot/message/validate/{kind}", {"messages": compose(message)})

    def mark_read(self, external_id: str, *, typing: bool = False) -> None:
        """Mark a chat as read, by the `mark_as_read_token` of its newest message; with a user id and `typing`, show the loading dots.

        LINE marks nothing by a message's id: that is `Rejected`.
        """
        if _USER_ID.fullmatch(external_id):
            if typing:
                self.show_loading(Address("line_user", external_id))
            return
        if not external_id or external_id.isdigit():
            raise Rejected("LINE marks as read by the token that comes with a message; this message brought none")
        self._tell("/v2/bot/chat/markAsRead", {"markAsReadToken": external_id})

    def show_loading(self, to: Address, seconds: int = 20) -> None:
        """Dots that move, for 5 to 60 s in steps of 5 or until we answer; only seen by who has the chat open."""
        steps = min(max(-(-seconds // LOADING_STEP), 1), LOADING_LONGEST // LOADING_STEP)
        self._tell("/v2/bot/chat/loading/start", {"chatId": recipient(to), "loadingSeconds": steps * LOADING_STEP})

    def link_token(self, address: Address) -> str:
        """A token for the page on which the person ties the LINE account to one of ours; good for 10 minutes, once."""
        reply = self._post(f"/v2/bot/user/{recipient(address)}/linkToken", None, repeat=True)
        token = as_text(_document(reply).get("linkToken"))
        if not token:
            raise TryLater("LINE gave no token for tying the accounts", after=timedelta(seconds=30))
        return token

    # --- files ------------------------------------------------------------------------------------------------------

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        """Always `Rejected`: LINE fetches files from public addresses."""
        raise Rejected(_NO_UPLOAD, remedy="fix_media")

    def download(self, ref: MediaRef) -> Media:
        """Fetch a received file. `TryLater` while LINE prepares a video or sound, `Gone` when it holds the file no longer."""
        path = f"{self._settings.need('data_url').rstrip('/')}/v2/bot/message/{_segment(ref.external_id)}/content"
        if ref.kind in {"video", "audio"}:
            self._await_transcoding(path)
        try:
            headers = {**self._authority, "accept": "*/*"}
            reply = self._http.request("GET", path, headers=headers, idempotent=True, overall=FILE_TIME, max_reply=MAX_FILE)
        except OutcomeUnknown as error:
            raise TryLater(error.title, after=TRANSCODING_WAIT, times=3, code=error.code, detail=error.detail) from error
        if reply.status == 202:
            raise TryLater("LINE is still preparing the file", after=TRANSCODING_WAIT, times=None)
        if not reply.ok:
            raise error_of(reply, acted=False)
        mime_type = reply.headers.get("content-type", "") or ref.mime_type
        return Media(reply.body, mime_type, hashlib.sha256(reply.body).hexdigest())

    def _await_transcoding(self, path: str) -> None:
        reply = self._http.request("GET", f"{path}/transcoding", headers=self._authority, idempotent=True)
        if not reply.ok:
            raise error_of(reply, acted=False)
        status = as_text(as_object(reply.json_or_none()).get("status"))
        if status == "processing":
            raise TryLater("LINE is still preparing the file", after=TRANSCODING_WAIT, times=None)
        if status == "failed":
            raise Gone("LINE could not prepare the file; ask the customer to send it again")

    # --- account ----------------------------------------------------------------------------------------------------

    def templates(self) -> list[Json]:
        """None: LINE has no approved templates."""
        return []

    def profile(self, address: Address) -> Profile:
        """Name, language and picture. `Gone` for who blocked the account, never added it, or does not exist."""
        found = self._ask("/v2/bot/profile/" + recipient(address))
        return Profile(as_text(found.get("displayName")), as_text(found.get("language")), as_text(found.get("pictureUrl")))

    def quota(self) -> MonthlyQuota:
        """Pushes of the running month, and how many the plan holds. Answers with a reply token do not count."""
        plan, used = self._ask("/v2/bot/message/quota"), self._ask("/v2/bot/message/quota/consumption")
        limit = plan.get("value") if as_text(plan.get("type")) == "limited" else None
        return MonthlyQuota(_count(used.get("totalUsage")), _count(limit) if limit is not None else None)

    def check(self) -> Health:
        """Ask the account about itself, and what is left of the month. The latency is that of the first call."""
        began = time.monotonic()
        found = self._ask("/v2/bot/info")
        latency = timedelta(seconds=time.monotonic() - began)
        facts = {_FACTS[key]: as_text(value) for key, value in found.items() if key in _FACTS and as_text(value)}
        facts |= self._quota_facts()
        return Health(True, latency, f"{facts.get('display_name', '')} {facts.get('basic_id', '')}".strip(), facts)

    def _quota_facts(self) -> dict[str, str]:
        try:
            quota = self.quota()
        except ConnectorError:
            return {}  # the account answers, and that is what was asked
        return {"quota_used": str(quota.used), "quota_limit": "unlimited" if quota.limit is None else str(quota.limit)}

    def close(self) -> None:
        """Give the connections back."""
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> HttpClient:
        return HttpClient(self._settings.need("base_url"))

    @property
    def _authority(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._settings.need('channel_access_token')}"}

    def _post(self, path: str, body: Json | None, headers: Mapping[str, str] | None = None, *, repeat: bool = False) -> Reply:
        return self._http.request("POST", path, json=body, headers={**self._authority, **(headers or {})}, idempotent=repeat)

    def _tell(self, path: str, body: Json) -> None:
        """A call that may be repeated, whose answer holds nothing."""
        reply = self._post(path, body, repeat=True)
        if not reply.ok:
            raise error_of(reply, acted=False)

    def _ask(self, path: str) -> Json:
        return _document(self._http.request("GET", path, headers=self._authority, idempotent=True))


_FACTS = {
    "userId": "user_id",
    "basicId": "basic_id",
    "premiumId": "premium_id",
    "displayName": "display_name",
    "chatMode": "chat_mode",
    "markAsReadMode": "mark_as_read_mode",
}


def retry_key(to: str, client_ref: str) -> str:
    """The same key for the same message; without a reference of ours there is no repeating, and each send has its own.

    The recipient is part of it: two installations on one LINE account count their messages alike.
    """
    return str(uuid.uuid5(_RETRY_KEYS, f"{to} {client_ref}") if client_ref else uuid.uuid4())


def _receipt(reply: Reply, otherwise: str) -> Receipt:
    """The first message's id; older answers of LINE are an empty object, and then the request's id stands for it."""
    if not reply.ok:
        raise error_of(reply, acted=True)
    document = reply.json()
    if not isinstance(document, dict):
        raise OutcomeUnknown("LINE's answer is not an object", code=f"HTTP {reply.status}")
    return Receipt(_sent_id(document) or reply.headers.get("x-line-request-id", "") or otherwise, raw=document)


def _accepted_before(reply: Reply, key: str) -> Receipt:
    """409: this retry key was carried out earlier, which is what was wanted."""
    document = as_object(reply.json_or_none())
    earlier = reply.headers.get("x-line-accepted-request-id", "")
    if not earlier and "retry key" not in as_text(document.get("message")).lower():
        raise OutcomeUnknown("LINE answered 409 without saying that it had accepted the message", code="409")
    return Receipt(_sent_id(document) or earlier or f"push:{key}", raw=document)


def _sent_id(document: Json) -> str:
    return as_text(as_object(next(iter(as_list(document.get("sentMessages"))), None)).get("id"))


def _document(reply: Reply) -> Json:
    if not reply.ok:
        raise error_of(reply, acted=False)
    document = reply.json()
    if not isinstance(document, dict):
        raise TryLater("LINE's answer is not an object", after=timedelta(seconds=30), times=3, code=f"HTTP {reply.status}")
    return document


def _count(value: object) -> int:
    text = as_text(value)
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0


def _segment(name: str) -> str:
    """An id as one part of a path. Ids are digits; whatever else a webhook brought must not lead to another path."""
    if not re.fullmatch(r"\w{1,64}", name, re.ASCII):
        raise Gone("The message names a file that LINE cannot hold")
    return name
