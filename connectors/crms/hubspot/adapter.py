"""HubSpot as a `Crm`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from connectors import signatures
from connectors.accounts import Settings
from connectors.contracts import Account, Capabilities, Change, ConfigField, Health, Hint, Json, ObjectType, Outcome, Page, Write
from connectors.crms.hubspot.feeds import PAGE, changed_records, removed_records, whole
from connectors.crms.hubspot.hints import read_hints
from connectors.crms.hubspot.records import change_of
from connectors.crms.hubspot.schema import add_own_properties, describe_types, read_properties
from connectors.crms.hubspot.wire import BATCH, Wire
from connectors.crms.hubspot.writing import apply_writes, read_batch
from connectors.errors import BadSignature
from connectors.untrusted import as_text


class HubSpot:
    """One HubSpot account. Safe to use from several threads; the only state is the list of its fields, read once."""

    slug = "hubspot"
    label = "HubSpot"
    fields: Sequence[ConfigField] = (
        ConfigField(
            "access_token",
            "Access token",
            secret=True,
            help=(
                "Of an app in your account, with read and write scopes for contacts, deals, tickets, communications and their schemas; "
                "for orders those of orders, products and line items as well."
            ),
        ),
        ConfigField(
            "client_secret",
            "Client secret",
            secret=True,
            required=False,
            signs=True,
            help="Checks webhooks. Two lines while it is being changed.",
            seldom=True,
        ),
        ConfigField("base_url", "API address", required=False, default="https://api.hubapi.com", seldom=True),
        ConfigField(
            "api_version", "API version", required=False, default="2026-03", help="A version is supported for 18 months.", seldom=True
        ),
    )
    capabilities = Capabilities(
        resolution=timedelta(milliseconds=1),
        conditional=False,
        batch=BATCH,
        feeds=frozenset({"changes", "deletes", "merges", "webhook"}),
        feed_days=90,
    )

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)
        self._names: dict[str, list[str]] = {}

    @property
    def last_limits(self) -> Mapping[str, str]:
        """The rate limits of the last answer that stated any, by the header's last words: daily-remaining, remaining, ..."""
        return dict(self._wire.limits)

    def check(self) -> Health:
        """Read one contact; a failed call raises."""
        began = time.monotonic()
        self._wire.call("GET", self._wire.objects("contact"), params={"limit": "1"})
        version = self._settings.get("api_version")
        return Health(True, timedelta(seconds=time.monotonic() - began), f"HubSpot answers, API version {version}", self.last_limits)

    def describe(self) -> list[ObjectType]:
        return describe_types(self._wire)

    def prepare(self) -> None:
        """Create our unique property on each object, and the time of the last message and the priority on contacts."""
        add_own_properties(self._wire)
        self._names.clear()

    def changes(self, kind: str, cursor: Json, limit: int = PAGE) -> Page:
        return changed_records(self._wire, kind, cursor, limit, self._property_names(kind))

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        return removed_records(self._wire, kind, cursor, known)

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]:
        """The records that exist among `ids`. One that was merged comes back under its new id."""
        found = [change_of(kind, record) for record in read_batch(self._wire, kind, ids, self._property_names(kind))]
        return list(whole(self._wire, kind, found))

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write by our unique key; repeating changes nothing more. Field names are HubSpot's own."""
        return apply_writes(self._wire, writes)

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        """Verify signature v3 over the public `url`, say what to read again. Raises `BadSignature`."""
        signed = signatures.verify_hubspot_v3(
            body,
            headers.get("x-hubspot-signature-v3"),
            signatures.split_secrets(self._settings.get("client_secret")),
            method="POST",
            url=url,
            timestamp=headers.get("x-hubspot-request-timestamp"),
            now=datetime.now(UTC),
        )
        if not signed:
            raise BadSignature("The call does not carry HubSpot's signature, or is older than five minutes")
        return read_hints(body)

    def close(self) -> None:
        """Give the connections back."""
        if "_wire" in self.__dict__:
            self._wire.close()

    @cached_property
    def _wire(self) -> Wire:
        return Wire(self._settings)

    def _property_names(self, kind: str) -> list[str]:
        """All properties of a kind: HubSpot returns only those that are asked for."""
        if kind not in self._names:
            self._names[kind] = [as_text(each.get("name")) for each in read_properties(self._wire, kind)]
        return self._names[kind]
