"""The border between the product and the outside: what every channel and every CRM adapter takes and gives.

Everything here is frozen and untrusting: a vendor's answer is parsed once, in the vendor's folder, into these types, and
a vendor's words go no further. Datetimes are aware and in UTC; durations are `timedelta`; remote ids are strings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from connectors.access import AccessToken as AccessToken
from connectors.access import Account as Account
from connectors.access import ConfigField as ConfigField
from connectors.access import Health as Health
from connectors.access import TokenKeeper as TokenKeeper

Json: TypeAlias = "dict[str, Any]"

# Stands where a vendor gave no believable time; the product puts the time of receipt in its place.
UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)

AddressKind: TypeAlias = Literal["whatsapp", "whatsapp_user", "whatsapp_parent_user", "username", "line_user", "email", "phone"]


# --- channels: in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """One way to reach a person on a channel. `scope` bounds where the value is unique ("" = everywhere).

    `whatsapp` is a wa_id exactly as the platform gave it (digits), `whatsapp_user` a business-scoped user id whose
    scope is the business portfolio. A username is shown, and never used to match people.
    """

    kind: AddressKind
    value: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file that the platform holds for us: an id, or a link that needs our credentials, and that both expire."""

    external_id: str
    kind: str
    mime_type: str = ""
    sha256: str = ""
    filename: str = ""
    url: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class PlatformError:
    """An error as the platform words it: numeric code, title, details."""

    code: int
    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message from a person (or, when `echo`, one that our side typed in the phone app).

    `key` is unique for ever for this message on this account. `kind` is one of ours (text, image, video, audio,
    document, sticker, location, contacts, button, interactive, order, reaction, edit, revoke, system, unsupported);
    `text` is what a person would read; `content` the parts that have no field of their own; `raw` the item as received.
    `sender` is always the person, also of an echo; empty only for a `system` message that names nobody.
    `sent_at` is `UNKNOWN_TIME` and `content["clock_suspect"]` True when the platform gave no believable time.
    """

    key: str
    account_id: str
    external_id: str
    sender: tuple[Address, ...]
    kind: str
    sent_at: datetime
    text: str = ""
    profile_name: str = ""
    content: Json = field(default_factory=dict)
    media: tuple[MediaRef, ...] = ()
    reply_to: str = ""
    referral: Json = field(default_factory=dict)
    errors: tuple[PlatformError, ...] = ()
    echo: bool = False
    raw: Json = field(default_factory=dict, repr=False)


DeliveryStatus: TypeAlias = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What became of a message that we sent. `client_ref` is our own id, when the platform gives it back.

    `occurred_at` is `UNKNOWN_TIME` when the platform gave no believable time.
    """

    key: str
    account_id: str
    external_id: str
    status: DeliveryStatus
    occurred_at: datetime
    client_ref: str = ""
    recipient: tuple[Address, ...] = ()
    price_category: str = ""
    price_model: str = ""
    billable: bool | None = None
    errors: tuple[PlatformError, ...] = ()
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """Anything else that the platform tells: template states, quality, limits, preferences. Kept and listed.

    `kind` is the platform's field name in our spelling, `subject` whom it is about when it is about a person.
    """

    key: str
    account_id: str
    kind: str
    occurred_at: datetime | None
    data: Json
    subject: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that could not be understood. It is parked with this reason; its neighbours go on."""

    key: str
    account_id: str
    reason: str
    raw: Any = field(default=None, repr=False)


InboundItem: TypeAlias = InboundMessage | StatusUpdate | Notice | Unreadable


# --- channels: out --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message to one person. `client_ref` is our id and travels with the message wherever the platform allows it.

    `content` by kind: text {body}; image/video/audio/document/sticker {id | link, caption?, filename?};
    template {name, language, components}; interactive {the platform-neutral form, see the channel's docstring};
    location {latitude, longitude, name?, address?}; reaction {message_id, emoji}.
    `reply_token` answers free of charge where a platform gives one (it works once); `category` is our class for the law
    (service, utility, marketing, authentication).
    """

    client_ref: str
    to: Address
    kind: str
    content: Json
    reply_to: str = ""
    reply_token: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform took the message over. Accepted is not delivered."""

    external_id: str
    held: bool = False
    addresses: tuple[Address, ...] = ()
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Media:
    """A downloaded file with the type that its server states and its SHA-256 in hex."""

    content: bytes = field(repr=False)
    mime_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """What a channel takes of one kind: the types it knows and the bytes it carries."""

    mime_types: frozenset[str]
    max_bytes: int
    caption: int = 0


@dataclass(frozen=True, slots=True)
class ChannelCapabilities:
    """What the channel can do, so that the product never asks for what is not there.

    `idempotent_send`: repeating a send with the same `client_ref` never makes a second message. `receipts`: delivery statuses come.
    `reply_token_life`: how long a token of a received message can be answered with; None where there are none.
    `per_second`: messages a number may send; `pair`: (seconds for each message to one person, how many may be borrowed).
    """

    idempotent_send: bool = False
    receipts: bool = True
    window: timedelta | None = None
    text_limit: int = 4096
    kinds: frozenset[str] = frozenset({"text"})
    media: Mapping[str, MediaLimit] = field(default_factory=dict)
    reply_token_life: timedelta | None = None
    per_second: float = 80
    pair: tuple[float, int] | None = None
    templates: bool = False
    read_marks: bool = True


@runtime_checkable
class Channel(Protocol):
    """A messaging platform. Raises only the errors of `connectors.errors`."""

    slug: str
    label: str
    fields: Sequence[ConfigField]
    capabilities: ChannelCapabilities

    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """True when the signature over the raw bytes is right. Header names are lower case."""

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """The text to answer a subscription check with, or None when it must be refused."""

    def count(self, body: bytes) -> int:
        """How many items the body holds, at least 1. Never raises."""

    def parse(self, body: bytes) -> list[InboundItem]:
        """Every item of the body, none left out. Never raises: what cannot be read comes back as `Unreadable`."""

    def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message over. `OutcomeUnknown` when it may have been accepted."""

    def mark_read(self, external_id: str, *, typing: bool = False) -> None:
        """Show the person two blue ticks, and with `typing` that somebody is writing."""

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        """Store a file with the platform, return its id there."""

    def download(self, ref: MediaRef) -> Media:
        """Fetch a received file. `Gone` when the platform holds it no longer."""

    def templates(self) -> list[Json]:
        """All message templates of the account, every page: {name, language, category, status, components, external_id}."""

    def check(self) -> Health:
        """One cheap call that shows whether the account works. Raises when the call itself fails."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a platform shows of a person."""

    name: str = ""
    language: str = ""
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class MonthlyQuota:
    """Messages of the running month that count against the plan. `limit` None: no bound."""

    used: int
    limit: int | None


@runtime_checkable
class TemplateEditor(Protocol):
    """A channel whose templates can be written from here (ask with `isinstance`)."""

    def create_template(self, template: Json) -> Json:
        """Submit {name, language, category, components}; {external_id, status, category}."""

    def edit_template(self, external_id: str, changes: Json) -> None:
        """Change category or components and submit them again."""

    def delete_template(self, name: str, external_id: str = "") -> None:
        """Delete one language version, or with an empty id all of the name. Deleting what is gone is no error."""

    def upload_sample(self, content: bytes, mime_type: str, filename: str) -> str:
        """Store an example file for a template's header, return its handle."""


@runtime_checkable
class ProfileSource(Protocol):
    """A channel that tells a person's name on request."""

    def profile(self, address: Address) -> Profile:
        """`Gone` when the person cannot be seen (any more)."""


@runtime_checkable
class QuotaSource(Protocol):
    """A channel whose plan bounds the messages of a month."""

    def quota(self) -> MonthlyQuota: ...


# --- CRMs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a CRM promises. `resolution`: the grain of its modification times. `batch`: records a write call takes.

    `finds`: it surely knows which record carries our key. Else its whole list may have to be looked through.
    """

    resolution: timedelta
    conditional: bool
    batch: int
    feeds: frozenset[str] = frozenset()
    feed_days: int | None = None
    finds: bool = True


@dataclass(frozen=True, slots=True)
class FieldInfo:
    name: str
    label: str
    type: str
    choices: tuple[str, ...] = ()
    writable: bool = True
    unique: bool = False


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object of the CRM with its fields, as read from its schema."""

    kind: str
    label: str
    fields: tuple[FieldInfo, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a record belongs to over there; `primary`: the CRM itself puts this one first among several."""

    id: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A record as the CRM holds it now.

    `people`: whom it belongs to, of a CRM that keeps that apart from the record; looked up only where the record lacks our key.
    """

    kind: str
    id: str
    version: str
    modified_at: datetime | None
    fields: Json
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    kind: str
    id: str
    merged_into: str = ""
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a feed and the cursor to store with its effects. `more` is False at the end."""

    items: tuple[Change | Removal, ...]
    cursor: Json
    more: bool


@dataclass(frozen=True, slots=True)
class Link:
    """An association to another record of the same CRM."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Write:
    """Make the record with our unique `key` hold these fields. Repeating a write changes nothing more.

    `kind` is one of ours: contact, communication, deal, case, order, product. `id` is the CRM's id when we know it.
    `sought`: the list was read to its end since this key was last sent, and no record carries it: nobody need look for it again.
    """

    kind: str
    key: str
    fields: Json
    id: str = ""
    if_version: str = ""
    links: tuple[Link, ...] = ()
    sought: bool = False


OutcomeStatus: TypeAlias = Literal["created", "updated", "unchanged", "conflict", "duplicate", "rejected", "gone", "moved", "uncertain"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write. `moved` carries the new id, `duplicate` the candidates, `rejected` the reason in words.

    `uncertain`: it may have been done and nobody can find out, so it is a person's and never sent again by itself.
    """

    key: str
    status: OutcomeStatus
    id: str = ""
    version: str = ""
    candidates: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook of the CRM says that this record changed. Never data: the record is read again."""

    kind: str
    id: str
    event: str = ""


@runtime_checkable
class Crm(Protocol):
    """A customer database. `apply` returns one outcome per write in order and raises only for the connection.

    Where it writes or reads one by one, what it raises carries what it has done `before` or `read`, so that a long batch is not begun anew
    each time.
    """

    slug: str
    label: str
    fields: Sequence[ConfigField]
    capabilities: Capabilities

    def check(self) -> Health:
        """One cheap call that shows whether the account works. Raises when the call itself fails."""

    def describe(self) -> list[ObjectType]: ...

    def prepare(self) -> None:
        """Create what we need over there (our unique property); safe to repeat."""

    def changes(self, kind: str, cursor: Json, limit: int) -> Page: ...

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page: ...

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]: ...

    def apply(self, writes: Sequence[Write]) -> list[Outcome]: ...

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        """Verify the CRM's webhook and say what to read again. Raises `BadSignature`."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A CRM's promise to call us. `external_id` names it there; `ends_at` None: until it is cancelled."""

    external_id: str
    ends_at: datetime | None = None


@runtime_checkable
class Subscriber(Protocol):
    """A CRM whose notices are switched on by a call (ask with `isinstance`)."""

    def subscribe(self, url: str, token: str) -> Subscription:
        """Ask for notices at `url`, to carry `token` where the CRM signs nothing. Repeating renews the same subscription."""

    def unsubscribe(self, external_id: str) -> None:
        """Ending what has ended is no error."""
