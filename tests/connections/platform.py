"""A messaging platform with two addresses, each of which answers as it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connectors import signatures
from connectors.contracts import Account, ChannelCapabilities, ConfigField, Health, OutboundMessage, Receipt
from connectors.errors import ConnectorError

PRIMARY, STANDBY = "https://graph.example", "https://standby.example"


@dataclass
class Address:
    """How one address answers now: after so many milliseconds, or with an error. `sent` is what it took over."""

    milliseconds: int = 120
    error: ConnectorError | None = None
    send_error: ConnectorError | None = None
    fit: bool = True
    looks: int = 0
    tokens: list[str] = field(default_factory=list)
    sent: list[OutboundMessage] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)


ADDRESSES: dict[str, Address] = {}


def address(url: str) -> Address:
    return ADDRESSES.setdefault(url, Address())


class Platform:
    """The adapter, found through the registry like any other."""

    slug = "two_doors"
    label = "A platform with a standby"
    fields: Sequence[ConfigField] = (
        ConfigField("base_url", "API address", default=PRIMARY, required=False),
        ConfigField("access_token", "Access token", secret=True),
        ConfigField("app_secret", "App secret", secret=True, required=False, signs=True),
    )
    capabilities = ChannelCapabilities(window=timedelta(hours=24))

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def _address(self) -> Address:
        return address(self.account.settings.get("base_url", PRIMARY))

    def check(self) -> Health:
        there = self._address
        there.looks += 1
        there.tokens.append(self.account.secrets.get("access_token", ""))
        if there.error is not None:
            raise there.error
        return Health(there.fit, timedelta(milliseconds=there.milliseconds), "as usual" if there.fit else "blocked", there.facts)

    def send(self, message: OutboundMessage) -> Receipt:
        there = self._address
        if there.send_error is not None:
            raise there.send_error
        there.sent.append(message)
        return Receipt(f"wamid.{message.client_ref}")

    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        secrets = signatures.split_secrets(self.account.secrets.get("app_secret", ""))
        return signatures.verify_hex(body, headers.get("x-hub-signature-256"), secrets)
