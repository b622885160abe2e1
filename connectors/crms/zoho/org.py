"""What every part of the adapter works with: the calls, the settings, and what is known of the account's fields."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.accounts import Settings
from connectors.crms.zoho.modules import module_of
from connectors.crms.zoho.schema import Schema
from connectors.crms.zoho.wire import Wire


@dataclass(frozen=True, slots=True)
class Org:
    settings: Settings
    wire: Wire
    schema: Schema

    def module(self, kind: str) -> str:
        return module_of(self.settings, kind)

    @property
    def trigger(self) -> list[str]:
        """The automations that our writes start over there; none unless the connection says so."""
        entered = self.settings.get("trigger").replace(" ", ",").split(",")
        return [each.strip().lower() for each in entered if each.strip().lower() not in {"", "none", "off"}]
