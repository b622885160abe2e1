"""Zoho's stand-in behind the loopback server, with its store at hand."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from connectors.conformance import Answer
from connectors.contracts import Account, TokenKeeper, Write
from connectors.crms.zoho import Zoho
from connectors.tokens import MemoryTokens
from scrm.sandbox.zoho.api import ZohoApi
from scrm.sandbox.zoho.store import Held, MemoryStore
from scrm.sandbox.zoho.wire import Ask

WEBHOOK_TOKEN = "t0ken-of-mong-kok-0123456789"
URL = "https://scrm.example.hk/webhooks/crm/zoho/?token=s3cret-path"


@dataclass
class StandIn:
    """`now` is Zoho's clock: None runs with ours. Calls are those to the API, without the log-ins."""

    server: Any
    store: MemoryStore = field(default_factory=MemoryStore)
    now: datetime | None = None

    def __post_init__(self) -> None:
        self.api = ZohoApi(self.store, f"{self.server.url}/api", self.clock, random.Random(7))

    def clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    def __call__(self, request: Any) -> Answer:
        if request.path == "/accounts/oauth/v2/token":
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            found = self.api.token(form)
        else:
            found = self.api.handle(Ask(request.method, request.path.removeprefix("/api"), request.query, request.headers, request.body))
        body = found.page.encode() if found.page else b"" if found.body is None else json.dumps(found.body).encode()
        return Answer(found.status, body, found.headers)

    @property
    def calls(self) -> list[Any]:
        return [seen for seen in self.server.seen if not seen.path.startswith("/accounts")]

    @property
    def writes(self) -> list[Any]:
        return [seen for seen in self.calls if seen.method in {"POST", "PUT"} and not seen.path.endswith(("/coql", "/fields"))]

    def knobs(self, **wanted: Any) -> None:
        self.store.faults.update(wanted)

    def add(self, module: str, at: datetime | None = None, **values: Any) -> Held:
        return self.store.add(module, dict(values), at or self.clock())

    def held(self, module: str, record_id: str) -> Held:
        found = self.store.get(module, record_id)
        assert found is not None
        return found

    def crm(self, keeper: TokenKeeper | None = None, **settings: str) -> Zoho:
        secrets = {
            "client_secret": self.store.login["client_secret"],
            "refresh_token": self.store.login["refresh_token"],
            "webhook_token": WEBHOOK_TOKEN,
        }
        given = {"data_center": "jp", "client_id": self.store.login["client_id"], "accounts_url": f"{self.server.url}/accounts", **settings}
        return Zoho(Account("zoho", given, secrets, keeper or MemoryTokens()))


def contact(number: int, **fields: Any) -> Write:
    return Write("contact", f"scrm-{number}", {"First_Name": "美玲", "Last_Name": "陳", "Phone": f"+8529123{number:04d}", **fields})
