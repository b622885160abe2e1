"""What a channel brings along to be tested: how to make it, what it sends and receives, and the server behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from connectors.contracts import Account, Channel, MediaRef, OutboundMessage
from connectors.errors import ConnectorError

Expected: TypeAlias = "type[ConnectorError] | tuple[type[ConnectorError], ...] | None"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server behind the adapter shall answer: a status with a body, or `broken`: the connection ends without an answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: bool = False


class Seen(Protocol):
    """One request as it arrived. Header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


class Server(Protocol):
    """A server on loopback that answers as it is told. `respond` decides, after `delay` seconds; `seen` keeps what arrived."""

    url: str
    seen: list[Any]
    respond: Callable[[Any], Answer]
    delay: float

    def always(self, answer: Answer) -> None: ...


@dataclass(frozen=True, slots=True)
class FileSample:
    """A received file: `respond` answers the requests that fetch it, and then `content` must come out."""

    ref: MediaRef
    content: bytes
    respond: Callable[[Any], Answer]


@dataclass(frozen=True, slots=True)
class TemplateSample:
    """Templates on several pages: `respond` answers the requests, `names` is what must come out, in any order."""

    respond: Callable[[Any], Answer]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Situation:
    """A state of the other side, brought about by `arrange`, and what a send must end in then (None: success)."""

    name: str
    arrange: Callable[[], None]
    expected: Expected


@dataclass(frozen=True, slots=True)
class ChannelKit:
    """Everything that the rules need. Parts that are left out leave out the rules that need them; `check_channel` tells which.

    `account` has all settings and secrets but the address. `samples` hold a message of every promised kind, the first one a text.
    `sign` gives the headers of a good webhook, `gate` the name of the header that proves it, `signed` whether it covers the body.
    `batch` makes a webhook body of items, `item` the n-th good message of it.
    `errors` are answers in the platform's own form, one at least with HTTP 200 unless the platform never says no with it
    (`says_no_with_200`); `echo` is one whose words hold the given text; `silent` are bodies that it documents as a yes.
    `sent` answers a send, `repeated` a repeated one, `healthy` the health check, `read` a mark of reading.
    """

    adapter: Callable[[Account], Channel]
    account: Account
    url: str
    samples: Sequence[OutboundMessage]
    bodies: Sequence[bytes]
    sign: Callable[[bytes], Mapping[str, str]]
    gate: str
    batch: Callable[[Sequence[object]], bytes]
    item: Callable[[int], object]
    signed: bool = True
    handshake: tuple[Mapping[str, str], str] | None = None
    url_settings: Sequence[str] = ("base_url",)
    server: Server | None = None
    sent: Answer = field(default_factory=lambda: Answer(200, b"{}"))
    repeated: Answer | None = None
    errors: Sequence[tuple[Answer, type[ConnectorError]]] = ()
    says_no_with_200: bool = True
    silent: Sequence[bytes] = ()
    echo: Callable[[str], Answer] | None = None
    file: FileSample | None = None
    templates: TemplateSample | None = None
    healthy: Answer | None = None
    read: Answer | None = None
    read_id: str = ""
    reply_token: str = ""
    situations: Sequence[Situation] = ()
    mutations: int = 200

    def channel(self, url: str | None = None) -> Channel:
        """A new adapter at the server's address, or at another."""
        address = self.url if url is None else url
        settings = {**self.account.settings, **dict.fromkeys(self.url_settings, address)}
        return self.adapter(replace(self.account, settings=settings))

    def stranger(self) -> Channel:
        """The same adapter with no secret entered."""
        return self.adapter(replace(self.account, secrets={}))

    @property
    def text(self) -> OutboundMessage:
        return self.samples[0]

    @property
    def secrets(self) -> list[str]:
        return [line for value in self.account.secrets.values() for line in value.splitlines() if line]
