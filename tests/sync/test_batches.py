"""Kinds that a plan keeps in step in batches."""

from __future__ import annotations

from scrm.sync.models import SyncPlan
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.test_engine import drain


class TestBatches:
    def test_wait_for_the_next_period_and_hold_up_no_other_kind(self, shop: Shop) -> None:
        """It is half past: what is asked for now goes at a quarter to, all at once."""
        SyncPlan.objects.create(connection=shop.crm, kind="contact", pace="batch", minutes=15)
        for name in ("陳大文", "黃美玲"):
            want(shop.crm, "contact", str(shop.customer(name).pk))
        later(minutes=14, seconds=59)
        assert drain() == 0 and shop.far.calls == []
        later(seconds=2)
        assert drain() == 2 and len(shop.far.calls) == 1

    def test_that_were_missed_go_in_the_next(self, shop: Shop) -> None:
        SyncPlan.objects.create(connection=shop.crm, kind="contact", pace="batch", minutes=30)
        want(shop.crm, "contact", str(shop.customer("陳大文").pk))
        later(hours=2, minutes=7)
        assert drain() == 1

    def test_are_for_the_kinds_that_say_so(self, shop: Shop) -> None:
        SyncPlan.objects.create(connection=shop.crm, kind="deal", pace="batch", minutes=60)
        want(shop.crm, "contact", str(shop.customer("陳大文").pk))
        later(seconds=2)
        assert drain() == 1
