"""Every act that is told to the audit has a name that people read, and every name an act."""

from __future__ import annotations

import re
from pathlib import Path

from scrm.console.audit_words import ACTIONS
from tests.repository import ROOT

RECORDED = re.compile(r"(?:audit\.record|_account)\(\s*\"([a-z_.]+)\"")


class Actions:
    def test_are_named_once_each_is_recorded_somewhere(self) -> None:
        recorded = {
            name for path in Path(ROOT / "scrm").rglob("*.py") if path.name != "audit.py" for name in RECORDED.findall(path.read_text())
        }
        assert recorded == set(ACTIONS)
