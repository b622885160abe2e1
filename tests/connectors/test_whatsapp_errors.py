"""Codes of the Cloud API, each with its consequence."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from connectors.channels.whatsapp import classify, explain
from connectors.channels.whatsapp.error_codes import MEANINGS
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, Rejected, Remedy, TryLater

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "whatsapp_error_codes.json"

# The class that each policy of the contract asks for.
POLICIES: dict[str, tuple[type[ConnectorError], ...]] = {
    "stop_channel": (NeedsLogin, Misconfigured),
    "retry_short": (TryLater,),
    "retry_later": (TryLater,),
    "retry_pair": (TryLater,),
    "pause_channel": (TryLater,),
    "restart_paging": (TryLater,),
    "final": (Rejected,),
    "final_optout": (Rejected,),
    "use_template": (Rejected,),
    "pause_campaigns": (Rejected,),
    "use_phone": (Rejected,),
    "use_marketing_endpoint": (Rejected,),
    "hold_template": (Rejected,),
}
REMEDIES = {
    "final_optout": "opt_out",
    "use_template": "use_template",
    "pause_campaigns": "pause_campaigns",
    "use_phone": "use_phone",
    "hold_template": "hold_template",
}


def later(code: int) -> TryLater:
    error = classify(code)
    assert isinstance(error, TryLater)
    return error


class TestTable:
    def test_every_code_of_the_contract_has_its_class(self) -> None:
        if not CONTRACT.exists():
            pytest.skip("the contract is not beside the repository")
        for row in json.loads(CONTRACT.read_text()):
            for code in range(200, 300) if row["code"] == "200-299" else [row["code"]]:
                error = classify(code)
                assert type(error) in POLICIES[row["policy"]], code
                assert getattr(error, "remedy", None) == REMEDIES[row["policy"]] if row["policy"] in REMEDIES else True, code
                assert code in MEANINGS or 200 <= code < 300

    @pytest.mark.parametrize("code", sorted(MEANINGS))
    def test_every_row_explains_and_advises(self, code: int) -> None:
        sentence, advice = explain(code)
        assert sentence.endswith(".") and advice.endswith(".") and len(sentence) < 160
        error = classify(code)
        assert error.code == str(code) and error.title == sentence
        if isinstance(error, Rejected):
            assert error.remedy in get_args(Remedy)

    @pytest.mark.parametrize("code", [0, 190])
    def test_token_asks_for_a_login(self, code: int) -> None:
        assert isinstance(classify(code), NeedsLogin)

    def test_pair_limit_waits_for_the_recipient_alone(self) -> None:
        assert (later(131056).scope, later(131056).after) == ("recipient", timedelta(seconds=4))

    @pytest.mark.parametrize("code", [4, 80007, 130429])
    def test_throughput_waits_for_the_connection_without_bound(self, code: int) -> None:
        assert (later(code).scope, later(code).times) == ("connection", None)

    def test_marketing_cap_waits_a_day_and_never_loops(self) -> None:
        assert later(131049).after >= timedelta(hours=24) and later(131049).times == 1

    @pytest.mark.parametrize("code", [2, 131000, 131016, 133000, 133004])
    def test_short_faults_are_tried_three_times_five_minutes_apart(self, code: int) -> None:
        assert (later(code).after, later(code).times, later(code).scope) == (timedelta(minutes=5), 3, "message")

    def test_retry_after_only_lengthens(self) -> None:
        longer, shorter = classify(131056, retry_after=timedelta(seconds=60)), classify(131049, retry_after=timedelta(seconds=60))
        assert isinstance(longer, TryLater) and longer.after == timedelta(seconds=60)
        assert isinstance(shorter, TryLater) and shorter.after == timedelta(hours=24)

    def test_unknown_object_is_gone(self) -> None:
        assert isinstance(classify(100, subcode=33), Gone)
        assert isinstance(classify(100), Rejected)

    def test_unknown_code_is_final_and_says_so(self) -> None:
        error = classify(987654, detail="d")
        assert isinstance(error, Rejected) and "987654" in error.title and error.detail == "d"

    def test_unknown_code_that_calls_itself_passing_is_tried_again(self) -> None:
        assert isinstance(classify(987654, transient=True), TryLater)
