"""Salesforce's stand-in behind the loopback server, with its store at hand."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.conformance import Answer
from connectors.contracts import Account, TokenKeeper, Write
from connectors.crms.salesforce import Salesforce
from connectors.tokens import MemoryTokens
from scrm.sandbox.salesforce.api import SalesforceApi
from scrm.sandbox.salesforce.records import OTHER_USER, Book
from scrm.sandbox.salesforce.store import Held, MemoryStore
from scrm.sandbox.salesforce.wire import Ask

WEBHOOK_TOKEN = "t0ken-of-sham-shui-po-0123456789"
DATA = "/services/data/v67.0"


@dataclass
class StandIn:
    """`now` is the org's clock: None runs with ours. `calls` are those to the API, without log-ins and who-am-I."""

    server: Any
    store: MemoryStore = field(default_factory=MemoryStore)
    now: datetime | None = None

    def __post_init__(self) -> None:
        self.api = SalesforceApi(self.store, self.server.url, self.clock, random.Random(7))

    def clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    def __call__(self, request: Any) -> Answer:
        found = self.api.handle(Ask(request.method, request.path, request.query, request.headers, request.body))
        body = found.page.encode() if found.page else b"" if found.body is None else json.dumps(found.body).encode()
        return Answer(found.status, body, found.headers)

    @property
    def calls(self) -> list[Any]:
        return [seen for seen in self.server.seen if not seen.path.startswith("/services/oauth2")]

    @property
    def log_ins(self) -> list[Any]:
        return [seen for seen in self.server.seen if seen.path == "/services/oauth2/token"]

    @property
    def writes(self) -> list[Any]:
        paths = ("/composite/sobjects", f"{DATA}/sobjects")
        return [seen for seen in self.calls if seen.method in {"PATCH", "POST"} and (seen.path.endswith(paths) or seen.method == "PATCH")]

    @property
    def queries(self) -> list[str]:
        return [seen.query["q"] for seen in self.calls if "q" in seen.query]

    def book(self) -> Book:
        return self.api.book()

    def knobs(self, **wanted: Any) -> None:
        self.store.faults.update(wanted)

    def add(self, sobject: str, at: datetime | None = None, **values: Any) -> Held:
        return self.store.add(sobject, dict(values), at or self.clock(), OTHER_USER)

    def held(self, sobject: str) -> list[Held]:
        return [held for held in self.store.rows(sobject) if not held.deleted]

    def by_key(self, sobject: str, key: str) -> Held:
        (found,) = self.store.by_value(sobject, "Scrm_Id__c", key)
        return found

    def crm(self, tokens: TokenKeeper | None = None, secrets: dict[str, str] | None = None, **settings: str) -> Salesforce:
        account = Account(
            "salesforce",
            {"base_url": self.server.url, "client_id": self.store.login["client_id"], **settings},
            secrets if secrets is not None else {"client_secret": self.store.login["client_secret"], "webhook_token": WEBHOOK_TOKEN},
            tokens or MemoryTokens(),
        )
        return Salesforce(account)

    def prepared(self, **settings: str) -> Salesforce:
        """An adapter whose fields exist, as `prepare` would have made them."""
        for holder in ("Contact", "Lead", "Opportunity", "Case", "Order", "Product2", "Activity"):
            unique = {} if holder == "Activity" else {"unique": True, "externalId": True}
            self.store.add_field(holder, {"FullName": f"{holder}.Scrm_Id__c", "Metadata": {"type": "Text", "length": 80, **unique}})
        for holder in ("Contact", "Lead"):
            self.store.add_field(holder, {"FullName": f"{holder}.Scrm_Last_Message_At__c", "Metadata": {"type": "DateTime"}})
        return self.crm(**settings)


def contact(number: int, **fields: Any) -> Write:
    return Write("contact", f"{number}", {"FirstName": "美玲", "LastName": "陳", "Phone": f"+8529123{number:04d}", **fields})
