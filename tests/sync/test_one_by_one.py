"""A connector that writes one by one, and whose call fails in the middle."""

from __future__ import annotations

import pytest

from scrm.sync import engine
from scrm.sync.models import ExternalRecord, Push
from tests.sync.conftest import Shop, later
from tests.sync.test_engine import drain

pytestmark = pytest.mark.django_db


class TestOneByOne:
    def test_what_was_written_before_the_failure_is_done_and_what_follows_is_not_suspected(self, shop: Shop) -> None:
        people = [shop.customer(f"客人{number}") for number in range(20)]
        shop.far.choking, shop.far.one_by_one = {str(people[7].pk)}, True
        shop.due("contact", [person.pk for person in people])
        engine.push_due()
        states = Push.objects.order_by("pk").values_list("state", "alone", "attempts")
        assert list(states) == [("done", False, 0)] * 7 + [("due", True, 0)] + [("due", False, 0)] * 12
        assert ExternalRecord.objects.count() == 7
        for _ in range(6):
            drain()
            later(minutes=6)
        assert Push.objects.filter(state="done").count() == 19
        assert Push.objects.get(state="dead").key == str(people[7].pk)
        assert len(shop.far.fields) == 19 and max(shop.far.versions.values()) == 19
