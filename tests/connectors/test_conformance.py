"""Every channel keeps every rule, and every rule finds a channel that breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from conformance_kits import KITS

from connectors import conformance, registry


class TestEveryChannel:
    @pytest.mark.parametrize("rule", conformance.RULES, ids=lambda rule: rule.__name__)
    @pytest.mark.parametrize("name", KITS)
    def test_keeps(self, name: str, rule: conformance.Rule, loopback: Any) -> None:
        kit = KITS[name](loopback)
        if part := conformance.lacking(kit, rule):
            pytest.skip(f"{name} has no {part}")
        rule(kit)

    def test_has_a_kit(self) -> None:
        assert set(registry.CHANNELS) == {name.split(" ")[0] for name in KITS}
