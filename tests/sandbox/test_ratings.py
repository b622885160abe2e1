"""What the stand-in says of a number, the webhooks that tell of it, and the people it counts against the portfolio's limit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from scrm.sandbox import history, play, ratings
from scrm.sandbox.graph import limits
from scrm.sandbox.models import HistoryEntry, Number, PendingUpdate, Person
from scrm.sandbox.people import create_person
from tests.sandbox.conftest import Graph, message

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = 24 * 3600
NOW = 1_763_438_400.0
CONTINUE = {
    "name": "continue_chat",
    "language": {"code": "zh_HK"},
    "components": [{"type": "body", "parameters": [{"type": "text", "text": "何小姐"}]}],
}


def notices() -> list[tuple[str, str, dict[str, Any]]]:
    return [(row.number.slug, row.field, row.value) for row in PendingUpdate.objects.select_related("number").order_by("pk")]


def stranger(index: int) -> Person:
    return create_person(name=f"何小姐 {index}", phone=f"8525551{index:04d}")


class Ratings:
    @pytest.mark.parametrize(
        ("tier", "people"),
        [("TIER_250", 250), ("TIER_2K", 2000), ("TIER_10K", 10_000), ("TIER_100K", 100_000), ("TIER_UNLIMITED", None), ("TIER_7", 7)],
    )
    def test_know_the_tiers_of_the_platform_and_any_number_for_tests(self, tier: str, people: int | None) -> None:
        assert ratings.people_of(tier) == people

    @pytest.mark.parametrize(
        ("name", "value"), [("messaging_tier", "2000"), ("quality_rating", "BLUE"), ("throughput", 0), ("colour", "red")]
    )
    def test_refuse_what_the_platform_does_not_have(self, hongkong: Number, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=r"no such|messages a second"):
            ratings.change(hongkong, name, value)
        assert not notices()

    def test_tell_a_tier_to_every_number_of_the_portfolio(self, hongkong: Number) -> None:
        ratings.change_tier(hongkong, "TIER_10K")
        assert {slug for slug, _, _ in notices()} == set(Number.objects.values_list("slug", flat=True))
        assert {(field, value["max_daily_conversations_per_business"]) for _, field, value in notices()} == {
            ("business_capability_update", 10_000)
        }
        assert set(Number.objects.values_list("messaging_tier", flat=True)) == {"TIER_10K"}

    def test_tell_that_a_number_was_flagged_and_no_longer_is(self, hongkong: Number) -> None:
        for quality in ("YELLOW", "RED", "RED", "GREEN"):
            ratings.change_quality(hongkong, quality)
        assert [(field, value["event"]) for _, field, value in notices()] == [
            ("phone_number_quality_update", "FLAGGED"),
            ("phone_number_quality_update", "UNFLAGGED"),
        ]

    def test_tell_the_upgrade_of_a_number_and_its_phone_app(self, hongkong: Number, graph: Graph) -> None:
        node = f"/{hongkong.phone_number_id}?fields=throughput,is_on_biz_app"
        for speed, level, in_app in ((20, "STANDARD", True), (80, "STANDARD", False), (1000, "HIGH", False)):
            ratings.change_throughput(hongkong, speed)
            told = json.loads(graph(node).content)
            assert (told["throughput"]["level"], told["is_on_biz_app"]) == (level, in_app)
        assert [value["event"] for _, _, value in notices()] == ["THROUGHPUT_UPGRADE"]

    def test_are_set_through_the_control_address_and_the_page(self, client: Client, hongkong: Number) -> None:
        body = json.dumps({"quality_rating": "RED", "messaging_tier": "TIER_250"})
        assert client.post("/sandbox/control/numbers/sandbox-hk", body, content_type="application/json").status_code == 200
        assert client.post("/sandbox/faults/", {"number": "sandbox-hk", "act": "2k"}).status_code == 302
        hongkong.refresh_from_db()
        assert (hongkong.quality_rating, hongkong.messaging_tier) == ("RED", "TIER_2K")
        page = client.get("/sandbox/faults/").content.decode()
        assert "RED · TIER_2K · 80/s" in page
        assert client.post("/sandbox/control/numbers/sandbox-hk", '{"throughput": -1}', content_type="application/json").status_code == 400


class ReachedPeople:
    def test_count_once_over_all_numbers_of_the_portfolio(self, hongkong: Number) -> None:
        taipei = Number.objects.get(slug="sandbox-tw")
        person, other = stranger(1), stranger(2)
        for number, whom in ((hongkong, person), (taipei, person), (taipei, other)):
            reached, exceeded = limits.count_person(number, whom, now=NOW)
            assert exceeded is None
        assert reached == 2

    def test_leave_the_count_exactly_a_day_after_their_latest(self, hongkong: Number) -> None:
        ratings.change_tier(hongkong, "TIER_1")
        first, second = stranger(1), stranger(2)
        limits.count_person(hongkong, first, now=NOW)
        limits.count_person(hongkong, first, now=NOW + 60)
        assert limits.count_person(hongkong, second, now=NOW + DAY + 59.9) == (2, 1)
        assert limits.count_person(hongkong, stranger(3), now=NOW + 2 * DAY + 60) == (1, None)

    def test_over_the_tier_are_let_through_and_put_on_record_once(self, graph: Graph, hongkong: Number) -> None:
        ratings.change_tier(hongkong, "TIER_2")
        people = [stranger(index) for index in range(4)]
        for person in (*people, people[3]):
            assert graph("messages", message(person, "template", CONTINUE)).status_code == 200
        assert history.summary()["over_tier"] == 2
        rows = HistoryEntry.objects.filter(kind="over_tier").order_by("pk")
        assert [(row.recipient, row.content) for row in rows] == [
            (people[2].phone, {"reached": 3, "limit": 2}),
            (people[3].phone, {"reached": 4, "limit": 2}),
        ]

    def test_who_wrote_themselves_are_not_counted(self, graph: Graph, hongkong: Number) -> None:
        ratings.change_tier(hongkong, "TIER_1")
        for index in range(3):
            person = stranger(index)
            play.say(person, "sandbox-hk", text="你好")
            graph("messages", message(person, "template", CONTINUE))
        assert history.summary()["over_tier"] == 0
