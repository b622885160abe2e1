"""Zoho CRM as a `Crm` whose notices are switched on by a call."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from connectors.accounts import Settings
from connectors.contracts import (
    Account,
    Capabilities,
    Change,
    ConfigField,
    Health,
    Hint,
    Json,
    ObjectType,
    Outcome,
    Page,
    Subscription,
    Write,
)
from connectors.crms.zoho import watching
from connectors.crms.zoho.feeds import changed_records, removed_records
from connectors.crms.zoho.items import read_whole
from connectors.crms.zoho.modules import KINDS, NOTES
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.refusals import ALL_SCOPES
from connectors.crms.zoho.regions import DATA_CENTRES
from connectors.crms.zoho.schema import Schema, add_own_fields, describe_module
from connectors.crms.zoho.wire import BATCH, PAGE, Wire
from connectors.crms.zoho.writing import apply_writes

# Beyond this the clocks differ so much that somebody should look at this machine's.
CLOCK_ALLOWANCE = timedelta(seconds=30)


class Zoho:
    """One Zoho CRM account. Safe to use from several threads; the only state is the token and the list of fields, kept for an hour."""

    slug = "zoho"
    label = "Zoho CRM"
    fields: Sequence[ConfigField] = (
        ConfigField(
            "data_center",
            "Data centre",
            default="com",
            help=f"The ending of the address where you open Zoho CRM: {', '.join(DATA_CENTRES)}.",
            choices=tuple(DATA_CENTRES),
        ),
        ConfigField("client_id", "Client ID", help="Of a Self Client in Zoho's API console, in your data centre."),
        ConfigField("client_secret", "Client secret", secret=True),
        ConfigField("refresh_token", "Refresh token", secret=True, help=f"Made with the scopes {ALL_SCOPES}."),
        ConfigField(
            "contact_module",
            "People are kept in",
            required=False,
            default="Contacts",
            help="Contacts or Leads.",
            choices=("Contacts", "Leads"),
        ),
        ConfigField(
            "trigger",
            "Automations to start",
            required=False,
            default="none",
            help="What our writes start in Zoho: none, or workflow, approval, blueprint, separated by commas.",
            seldom=True,
        ),
        ConfigField(
            "tags",
            "Tags",
            required=False,
            default="add",
            help="add: none is taken off in Zoho; match: a person has there the tags that they have here, and no others.",
            choices=("add", "match"),
            seldom=True,
        ),
        ConfigField(
            "changes_by",
            "Read changes by",
            required=False,
            default="coql",
            help="coql, or list where the account may not use COQL.",
            choices=("coql", "list"),
            seldom=True,
        ),
        ConfigField(
            "order_lines",
            "Lines of sales orders",
            required=False,
            default="each",
            help="each: an order whose list entry lacks them is read by itself, one call more; list: without that call.",
            choices=("each", "list"),
            seldom=True,
        ),
        ConfigField(
            "webhook_token",
            "Token of notices",
            secret=True,
            required=False,
            signs=True,
            help="Zoho signs nothing: this token in a notice shows that it is Zoho's. Two lines while it is being changed.",
            seldom=True,
        ),
        ConfigField("api_version", "API version", required=False, default="v8", seldom=True),
        ConfigField(
            "accounts_url", "Accounts address", required=False, help="Only for a test account; empty: that of the data centre.", seldom=True
        ),
    )
    capabilities = Capabilities(
        resolution=timedelta(seconds=1),
        conditional=True,
        batch=BATCH,
        feeds=frozenset({"changes", "deletes", "webhook"}),
        feed_days=60,
    )

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)
        self._tokens = account.tokens

    @property
    def last_limits(self) -> Mapping[str, str]:
        """The limits of the last answer that stated any, by the header's name. Zoho promises none."""
        return dict(self._org.wire.limits)

    def check(self) -> Health:
        """Read one person; a failed call raises. Tells the credits left, where Zoho states them, and how far the clocks are apart."""
        began = time.monotonic()
        wire = self._org.wire
        module = self._org.module("contact")
        wire.call("GET", f"/{module}", params={"fields": "id", "per_page": "1"})
        took = timedelta(seconds=time.monotonic() - began)
        facts: dict[str, Any] = {"data_center": wire.data_centre, "contact_module": module, **wire.limits}
        said = [f"Zoho CRM answers, data centre {wire.data_centre}"]
        credits = next((value for name, value in wire.limits.items() if "credits-remaining" in name), "")
        if credits:
            facts["credits_left"] = credits
            said.append(f"{credits} API credits left")
        if wire.clock_offset is not None:
            facts["clock_offset_seconds"] = round(wire.clock_offset.total_seconds())
            if abs(wire.clock_offset) > CLOCK_ALLOWANCE:
                said.append(f"its clock is {facts['clock_offset_seconds']} s from this machine's")
        return Health(True, took, "; ".join(said), facts)

    def describe(self) -> list[ObjectType]:
        """The kinds that the account has; which they are depends on Zoho's edition and on the user's profile."""
        schema = self._org.schema
        schema.forget()
        person = describe_module(schema, "contact", self._org.module("contact"))
        others = [(kind, self._org.module(kind)) for kind in KINDS if kind != "contact"]
        there = set(schema.present(module for _, module in others))
        return [person, *(describe_module(schema, kind, module) for kind, module in others if module in there)]

    def prepare(self) -> None:
        """Create our unique field in every module but Notes, and the last message and the priority of a person."""
        modules = [self._org.module(kind) for kind in KINDS]
        others = [module for module in modules[1:] if module != NOTES]
        add_own_fields(self._org.schema, self._org.wire, modules[0], others)

    def changes(self, kind: str, cursor: Json, limit: int = PAGE) -> Page:
        return changed_records(self._org, kind, cursor, limit)

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        return removed_records(self._org, kind, cursor, known)

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]:
        """The records that exist among `ids`."""
        return read_whole(self._org, kind, ids)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write by our unique field; repeating changes nothing more. Field names are Zoho's API names."""
        return apply_writes(self._org, writes)

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        """Verify the token in the notice, say what to read again. Raises `BadSignature`."""
        return watching.read_hints(self._settings, body)

    def subscribe(self, url: str, token: str) -> Subscription:
        """Notices of every kind but communications. They end within a week: repeat daily. Zoho may cut the life to an hour and says so."""
        return watching.subscribe(self._org, url, token)

    def unsubscribe(self, external_id: str) -> None:
        watching.unsubscribe(self._org, external_id)

    def close(self) -> None:
        """Give the connections back."""
        if "_org" in self.__dict__:
            self._org.wire.close()

    @cached_property
    def _org(self) -> Org:
        wire = Wire(self._settings, self._tokens)
        return Org(self._settings, wire, Schema(wire))
