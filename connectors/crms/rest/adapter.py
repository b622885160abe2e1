"""A REST server as a `Crm`, made from its set-up."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import cached_property

from connectors import signatures
from connectors.accounts import Settings
from connectors.contracts import Account, Capabilities, Change, ConfigField, FieldInfo, Health, Hint, Json, ObjectType, Outcome, Page, Write
from connectors.crms.rest import pointers
from connectors.crms.rest.access import LOGIN_BODY, METHODS
from connectors.crms.rest.definition import Definition, KindSetup, parse
from connectors.crms.rest.feeds import changed_records, read_records, removed_records
from connectors.crms.rest.paging import read_page
from connectors.crms.rest.trial import Trial, try_kind
from connectors.crms.rest.wire import Wire
from connectors.crms.rest.writing import apply_writes
from connectors.errors import BadSignature, Misconfigured
from connectors.tokens import MemoryTokens
from connectors.untrusted import NotJson, as_list, as_object, as_text, loads

BATCH = 50
SAMPLE = 50
MOST_HINTS = 1000
LOG_INS = (
    "bearer: a token. header: a key in a header of its own. basic: user name and password. "
    "oauth: client id and secret. login: name and password are exchanged for a token. none: nothing."
)


class RestCrm:
    """One server. Safe to use from several threads."""

    slug = "rest"
    label = "REST (any CRM)"
    fields: Sequence[ConfigField] = (
        ConfigField("base_url", "Base address", help="All paths begin behind it, for example https://crm.example.com/api."),
        ConfigField("definition", "Set-up", help="JSON: what is read and written where. The page 'Try it' helps to write it.", long=True),
        ConfigField("auth", "Log-in", required=False, default="bearer", help=LOG_INS, choices=METHODS),
        ConfigField("token", "Token or key", secret=True, required=False, help="For the log-ins bearer and header."),
        ConfigField("auth_header", "Name of the key's header", required=False, default="X-API-Key", seldom=True),
        ConfigField("auth_scheme", "Word before the token", required=False, default="Bearer", seldom=True),
        ConfigField("username", "User name", required=False),
        ConfigField("password", "Password", secret=True, required=False),
        ConfigField("token_url", "Token address", required=False, help="For the log-ins oauth and login.", seldom=True),
        ConfigField(
            "login_body", "What is sent to log in", required=False, default=LOGIN_BODY, help="For the log-in login, as JSON.", seldom=True
        ),
        ConfigField(
            "token_at", "Where the token is in the answer", required=False, default="/token", help="For the log-in login.", seldom=True
        ),
        ConfigField("client_id", "Client id", required=False, seldom=True),
        ConfigField("oauth_secret", "OAuth client secret", secret=True, required=False, seldom=True),
        ConfigField("scope", "Scope", required=False, seldom=True),
        ConfigField(
            "webhook_token",
            "Webhook token",
            secret=True,
            required=False,
            signs=True,
            help="If the CRM can call us: it sends this word as X-Webhook-Token, and {kind, id} of what changed as JSON.",
            seldom=True,
        ),
    )

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)
        self._keeper = account.tokens or MemoryTokens()

    @cached_property
    def definition(self) -> Definition:
        return parse(self._settings.need("definition"))

    @property
    def capabilities(self) -> Capabilities:
        """What the set-up allows. Before there is one: the least."""
        try:
            kinds = list(self.definition.kinds.values())
        except Misconfigured:
            return Capabilities(resolution=timedelta(seconds=1), conditional=False, batch=BATCH)
        feeds = {"changes"} | ({"webhook"} if self._settings.get("webhook_token") else set())
        finds = not any(kind.key for kind in kinds)  # many servers ignore a parameter that they do not know
        return Capabilities(max(kind.resolution for kind in kinds), conditional=False, batch=BATCH, feeds=frozenset(feeds), finds=finds)

    def check(self) -> Health:
        """Read one page of the first kind; a failed call raises."""
        began = time.monotonic()
        setup = next(iter(self.definition.kinds.values()))
        page = read_page(self._wire, setup, {}, {}, 1)
        elapsed = timedelta(seconds=time.monotonic() - began)
        return Health(
            True, elapsed, f"The server answers with {len(page.rows)} row(s) of {setup.kind}", {"kinds": ", ".join(self.definition.kinds)}
        )

    def describe(self) -> list[ObjectType]:
        """The fields that the newest page of each kind shows; a server without a schema tells no more."""
        return [ObjectType(kind, setup.label or kind, self._fields(setup)) for kind, setup in self.definition.kinds.items()]

    def prepare(self) -> None:
        """Read the set-up; a server without a schema takes no new fields from us."""
        _ = self.definition

    def changes(self, kind: str, cursor: Json, limit: int = 0) -> Page:
        return changed_records(self._wire, self.definition.need(kind), cursor, limit)

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        return removed_records(self._wire, self.definition.need(kind), cursor, known)

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]:
        return read_records(self._wire, self.definition.need(kind), ids)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Field names are pointers into the record, or names of its members. Repeating changes nothing more."""
        return apply_writes(self._wire, self.definition, writes)

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        """{kind, id} or a list of them, with the shared token. Raises `BadSignature`."""
        if not signatures.verify_shared(headers, signatures.split_secrets(self._settings.get("webhook_token"))):
            raise BadSignature("The call does not carry the webhook token of this connection")
        try:
            rows = [as_object(row) for row in as_list(loads(body))][:MOST_HINTS]
        except NotJson:
            return []
        return [
            Hint(as_text(row.get("kind")), as_text(row.get("id"))[:100], as_text(row.get("event"))[:60])
            for row in rows
            if as_text(row.get("kind")) in self.definition.kinds and as_text(row.get("id"))
        ]

    def trial(self, kind: str) -> Trial:
        """One live answer of a kind, for a person who is writing the set-up. Raises `Misconfigured` for a set-up that cannot be read."""
        return try_kind(self._wire, self.definition.need(kind))

    def close(self) -> None:
        if "_wire" in self.__dict__:
            self._wire.close()

    @cached_property
    def _wire(self) -> Wire:
        return Wire(self._settings, self._keeper)

    def _fields(self, setup: KindSetup) -> tuple[FieldInfo, ...]:
        key = pointers.pointer(pointers.tokens(setup.key)) if setup.key else ""
        found: dict[str, FieldInfo] = {key: FieldInfo(key, "Our key", "text", unique=True)} if key else {}
        for row in read_page(self._wire, setup, {}, {}, SAMPLE).rows[:SAMPLE]:
            for name, value in pointers.leaves(row).items():
                if name not in found or found[name].type == "":
                    found[name] = FieldInfo(name, name, _type(value), writable=name not in {setup.id, setup.modified})
        return tuple(found.values())


def _type(value: object) -> str:
    """The type that a value shows, '' for null."""
    names = {str: "text", bool: "boolean", int: "number", float: "number", list: "list", dict: "object", type(None): ""}
    return names.get(type(value), json.dumps(value)[:20])
