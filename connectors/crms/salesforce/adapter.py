"""Salesforce as a `Crm`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from connectors.accounts import Settings
from connectors.contracts import Account, Capabilities, Change, ConfigField, Health, Hint, Json, ObjectType, Outcome, Page, Write
from connectors.crms.salesforce.checking import check
from connectors.crms.salesforce.feeds import PAGE, changed_records
from connectors.crms.salesforce.hints import read_hints
from connectors.crms.salesforce.items import with_items
from connectors.crms.salesforce.objects import CONTACT, LEAD
from connectors.crms.salesforce.org import Org
from connectors.crms.salesforce.people import with_people
from connectors.crms.salesforce.preparing import prepare
from connectors.crms.salesforce.reading import read_records
from connectors.crms.salesforce.removals import FEED_DAYS, removed_records
from connectors.crms.salesforce.schema import Schema, describe_kinds
from connectors.crms.salesforce.soql import is_id
from connectors.crms.salesforce.wire import BATCH, Wire
from connectors.crms.salesforce.writing import apply_writes
from connectors.errors import Misconfigured
from connectors.signatures import split_secrets


class Salesforce:
    """One Salesforce org. Safe to use from several threads; the only state is the description of its objects, kept for 15 minutes."""

    slug = "salesforce"
    label = "Salesforce"
    fields: Sequence[ConfigField] = (
        ConfigField("base_url", "My Domain address", help="Of your org, such as https://acme.my.salesforce.com; see Setup, My Domain."),
        ConfigField("client_id", "Consumer key", help="Of an external client app in your org, with the scope api."),
        ConfigField("client_secret", "Consumer secret", secret=True),
        ConfigField(
            "refresh_token",
            "Refresh token",
            secret=True,
            required=False,
            help="Empty: the app works as the user that its client credentials flow names.",
            seldom=True,
        ),
        ConfigField(
            "person_object",
            "New people become",
            required=False,
            default=CONTACT,
            help="Contact, or Lead until qualified.",
            choices=(CONTACT, LEAD),
        ),
        ConfigField(
            "account_id",
            "Account of new contacts",
            required=False,
            help="The id of an account. Empty: none, and such contacts are seen by their owner and administrators only.",
            seldom=True,
        ),
        ConfigField("api_version", "API version", required=False, default="67.0", seldom=True),
        ConfigField(
            "webhook_token",
            "Token of notices",
            secret=True,
            required=False,
            signs=True,
            help="A long word of your choice that a flow sends as header X-Webhook-Token. Two lines while it is being changed.",
            seldom=True,
        ),
    )
    capabilities = Capabilities(
        resolution=timedelta(seconds=1),
        conditional=False,
        batch=BATCH,
        feeds=frozenset({"changes", "deletes", "merges", "webhook"}),
        feed_days=FEED_DAYS,
    )

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)
        self._keeper = account.tokens

    @property
    def last_limits(self) -> Mapping[str, Any]:
        """The org's API calls of the last 24 hours as the last answer stated them: api_used, api_limit, api_left."""
        usage = self._org.wire.usage
        return {} if usage is None else {"api_used": usage[0], "api_limit": usage[1], "api_left": max(usage[1] - usage[0], 0)}

    def check(self) -> Health:
        return check(self._org)

    def describe(self) -> list[ObjectType]:
        """The kinds that the org keeps; which they are depends on its edition and on what the app's user may see."""
        self._org.schema.forget()
        return describe_kinds(self._org.schema, self._org.person)

    def prepare(self) -> None:
        """Create our key on each object and the time of the last message on people. Raises `Misconfigured` with what to make by hand."""
        prepare(self._org.wire, self._org.schema, self._org.person)

    def changes(self, kind: str, cursor: Json, limit: int = PAGE) -> Page:
        return changed_records(self._org.wire, self._org.schema, kind, cursor, limit, self._org.person)

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        """The cursor holds `full_comparison` when the feed no longer reaches back to the last position."""
        return removed_records(self._org.wire, kind, cursor, known, self._org.person)

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]:
        found = with_people(self._org.wire, kind, read_records(self._org.wire, self._org.schema, kind, ids))
        return with_items(self._org.wire, kind, found)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write by our unique key; repeating changes nothing more. Field names are Salesforce's own."""
        return apply_writes(self._org, writes)

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        return read_hints(body, headers, split_secrets(self._settings.get("webhook_token")))

    def close(self) -> None:
        """Give the connections back."""
        if "_org" in self.__dict__:
            self._org.wire.close()

    @cached_property
    def _org(self) -> Org:
        person, account = self._settings.get("person_object").capitalize(), self._settings.get("account_id")
        if person not in {CONTACT, LEAD}:
            raise Misconfigured("Setting New people become (person_object) must be Contact or Lead")
        if account and not (is_id(account) and account.startswith("001")):
            raise Misconfigured("Setting Account of new contacts (account_id) must be the id of an account; it begins with 001")
        wire = Wire(self._settings, self._keeper)
        return Org(wire, Schema(wire), person, account)
