"""What an endpoint works with: one call, the time, and the helpers that all of them need."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from scrm.sandbox.zoho.store import Held, Store
from scrm.sandbox.zoho.vocabulary import MODULES, Json
from scrm.sandbox.zoho.wire import Ask, Refusal, parsed, second


@dataclass(frozen=True, slots=True)
class Desk:
    store: Store
    now: datetime
    chance: random.Random
    state: Json
    ask: Ask
    body: Any

    def module(self, name: str) -> str:
        if name not in MODULES or name in self.state["missing_modules"]:
            raise Refusal(400, "INVALID_MODULE", "The module name given seems to be invalid")
        return name

    def number(self, name: str, default: int, most: int) -> int:
        text = self.ask.query.get(name, str(default))
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
            raise Refusal(400, "INVALID_DATA", f"invalid {name}", {"param_name": name})
        return int(text)

    def time(self, header: str) -> datetime | None:
        text = self.ask.headers.get(header, "")
        found = parsed(text) if text else None
        if text and found is None:
            raise Refusal(400, "INVALID_DATA", f"invalid {header}", {"param_name": header})
        return found

    def visible(self, rows: Iterable[Held]) -> list[Held]:
        """What queries and lists see: changes become visible late."""
        until = self.now - timedelta(milliseconds=float(self.state["late_ms"]))
        return [held for held in rows if held.modified_at <= until]

    def since(self, held: Held, moment: datetime | None) -> bool:
        return moment is None or second(held.modified_at) >= moment

    def spend(self, credits: int) -> None:
        self.store.spend(credits, self.now)

    def tell(self, operation: str, module: str, ids: list[str]) -> None:
        """Send notices to who asked for them and whose time is not over."""
        for channel in self.store.channels():
            if channel.ends_at > self.now and {f"{module}.all", f"{module}.{operation}"} & set(channel.events):
                notice = {
                    "server_time": int(self.now.timestamp() * 1000),
                    "query_params": {},
                    "module": module,
                    "resource_uri": f"https://www.zohoapis.com/crm/v8/{module}",
                    "ids": ids,
                    "operation": {"create": "insert", "edit": "update"}.get(operation, operation),
                    "channel_id": channel.channel_id,
                    "token": channel.token,
                }
                self.store.notify(channel, notice)
