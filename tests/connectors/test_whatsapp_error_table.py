"""Every row of the published table of error codes has its meaning here, and does what the table asks for."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.channels.whatsapp import classify, explain
from connectors.channels.whatsapp.error_codes import MEANINGS, PERMISSION_RANGE
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, Rejected, TryLater

TABLE = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "whatsapp_error_codes.json"

# The figures of the table's own words: "twice", "not before 24 h", "5 minutes".
AT_LEAST = {131049: timedelta(hours=24), 132069: timedelta(hours=1), 133015: timedelta(minutes=5), 134101: timedelta(minutes=10)}


def keeps(policy: str, code: int, error: ConnectorError) -> bool:
    """Whether our error for a code does what its policy says."""
    if policy == "stop_channel":
        return isinstance(error, NeedsLogin | Misconfigured)
    if policy in REMEDIES:
        return isinstance(error, Rejected) and error.remedy == REMEDIES[policy]
    if policy == "final":
        return isinstance(error, Rejected) and error.remedy not in {"opt_out", "use_template", "pause_campaigns", "hold_template"}
    if not isinstance(error, TryLater) or error.after < AT_LEAST.get(code, timedelta(0)):
        return False
    return WAITS[policy](error)


REMEDIES = {
    "use_template": "use_template",
    "final_optout": "opt_out",
    "pause_campaigns": "pause_campaigns",
    "hold_template": "hold_template",
    "use_phone": "use_phone",
}
# How long, for whom and how often; "restart_paging" begins the list anew at once, "use_marketing_endpoint" needs a setting.
WAITS: dict[str, Any] = {
    "retry_short": lambda error: error.times is not None and 2 <= error.times <= 3 and error.after <= timedelta(minutes=5),
    "pause_channel": lambda error: error.scope == "connection" and error.times is None,
    "retry_pair": lambda error: error.scope == "recipient" and error.after >= timedelta(seconds=4),
    "retry_later": lambda error: error.after >= timedelta(minutes=5) and error.times != 0,
    "restart_paging": lambda error: error.after == timedelta(0) and error.times == 1,
}


@pytest.fixture(scope="module")
def table() -> list[dict[str, Any]]:
    if not TABLE.exists():
        pytest.skip("the table is not beside the repository")
    rows: list[dict[str, Any]] = json.loads(TABLE.read_text())
    return rows


def codes(row: dict[str, Any]) -> list[int]:
    first, _, last = str(row["code"]).partition("-")
    return list(range(int(first), int(last or first) + 1))


class TestTable:
    def test_every_code_is_here(self, table: list[dict[str, Any]]) -> None:
        assert {code for row in table for code in codes(row)} == set(MEANINGS) | set(PERMISSION_RANGE)

    def test_every_policy_is_kept(self, table: list[dict[str, Any]]) -> None:
        judged = [(row, code) for row in table if row["policy"] != "use_marketing_endpoint" for code in codes(row)]
        broken = [(code, row["policy"], repr(classify(code))) for row, code in judged if not keeps(row["policy"], code, classify(code))]
        assert broken == []

    def test_the_marketing_endpoint_is_asked_for(self, table: list[dict[str, Any]]) -> None:
        (row,) = [row for row in table if row["policy"] == "use_marketing_endpoint"]
        assert isinstance(classify(row["code"]), Rejected)
        assert "marketing messages" in explain(row["code"])[1].lower()

    def test_every_code_is_explained(self, table: list[dict[str, Any]]) -> None:
        for row in table:
            meaning, advice = explain(codes(row)[0])
            assert meaning and advice and str(row["code"]) not in meaning
