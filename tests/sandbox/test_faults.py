"""Misbehaviour on demand, the same with the same seed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from scrm.sandbox import faults, history
from scrm.sandbox.models import Message, Number, Person
from tests.sandbox.conftest import Graph, error_code, message

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HELLO = {"body": "你好"}


def outcomes(graph: Graph, person: Person, count: int) -> list[int]:
    return [graph("messages", message(person, "text", HELLO)).status_code for _ in range(count)]


class TestKnobs:
    def test_a_server_error_before_acceptance_accepts_nothing(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        faults.apply(hongkong, {"server_error_before_percent": 100})
        assert outcomes(graph, tai_man, 2) == [500, 500]
        assert history.summary()["accepted"] == 0

    def test_a_server_error_after_acceptance_has_sent_the_message(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        faults.apply(hongkong, {"server_error_after_percent": 100})
        assert outcomes(graph, tai_man, 2) == [500, 500]
        assert history.summary()["accepted"] == Message.objects.filter(inbound=False).count() == 2

    def test_a_dropped_reply_is_shorter_than_it_says(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        faults.apply(hongkong, {"drop_reply_percent": 100})
        answer: Any = graph("messages", message(tai_man, "text", HELLO))
        assert isinstance(answer, StreamingHttpResponse)
        assert len(answer.getvalue()) < int(answer.headers["Content-Length"])
        assert history.summary()["accepted"] == 1

    def test_too_many_requests_say_how_long_to_wait(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        faults.apply(hongkong, {"too_many_requests_percent": 100, "retry_after_seconds": 7})
        answer = graph("messages", message(tai_man, "text", HELLO))
        assert (answer.status_code, answer.headers["Retry-After"], error_code(answer)) == (429, "7", 4)

    def test_an_expired_token_is_190_with_subcode_463(self, graph: Graph, hongkong: Number) -> None:
        faults.apply(hongkong, {"token_expired": True})
        answer = graph(f"/{hongkong.phone_number_id}")
        assert json.loads(answer.content)["error"]["error_subcode"] == 463

    def test_codes_come_at_their_rate_and_the_same_with_the_same_seed(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        runs = []
        for _ in range(2):
            faults.apply(hongkong, {"seed": "kowloon", "error_rates": {"131048": 30, "131000": 20}})
            runs.append(outcomes(graph, tai_man, 20))
        assert runs[0] == runs[1]
        assert set(runs[0]) == {200, 400, 500}

    def test_another_seed_gives_other_faults(self) -> None:
        def drawn(seed: str) -> list[float]:
            return [faults.draw(seed, "sandbox-hk", n, "drop") for n in range(10)]

        assert drawn("1") == drawn("1") != drawn("2")
        assert all(0 <= value < 100 for value in drawn("1"))

    @pytest.mark.parametrize("wanted", [{"batch_size": 0}, {"batch_size": 1001}, {"drop_reply_percent": 101}, {"shuffle": 1}, {"moon": 1}])
    def test_nonsense_is_refused(self, hongkong: Number, wanted: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"between|true or false|no such knob"):
            faults.apply(hongkong, wanted)


class TestFaultPage:
    def test_knobs_are_set_and_reset_on_the_page(self, client: Client, hongkong: Number) -> None:
        page = client.get("/sandbox/faults/")
        assert page.status_code == 200
        form = dict.fromkeys(faults.PERCENTAGES, "0") | {"number": "sandbox-hk", "seed": "7", "stall_seconds": "2"}
        form |= {"retry_after_seconds": "30", "batch_size": "50", "delay_ms": "0", "error_rates": "131048: 10", "failed_rates": ""}
        assert client.post("/sandbox/faults/", form).status_code == 302
        hongkong.faults.refresh_from_db()
        assert (hongkong.faults.batch_size, hongkong.faults.error_rates) == (50, {"131048": 10})
        assert client.post("/sandbox/faults/", form | {"batch_size": "5000"}).status_code == 400
        client.post("/sandbox/faults/", {"number": "sandbox-hk", "reset": "1"})
        hongkong.faults.refresh_from_db()
        assert (hongkong.faults.batch_size, hongkong.faults.error_rates) == (1, {})
