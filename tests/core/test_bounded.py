"""Counts that stop: at so many rows, and after so long."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.db.models import QuerySet

from scrm.contacts.models import Contact
from scrm.core.bounded import count_within
from tests import people

ENDLESS = {
    "postgresql": "(SELECT count(*) FROM generate_series(1, 2000000000) n WHERE n > contacts_contact.id) > 0",
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT contacts_contact.id UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n) > 0",
}


def endless() -> QuerySet[Contact]:
    return Contact.objects.extra(where=[ENDLESS[connection.vendor]])


class Counting:
    @pytest.mark.django_db
    def test_stops_at_the_bound(self) -> None:
        for _ in range(5):
            people.someone()
        rows = Contact.objects.order_by("-last_activity_at")
        assert [count_within(rows, most, 5_000) for most in (3, 5, 9)] == [3, 5, 5]
        assert count_within(rows.filter(pk__in=[]), 9, 5_000) == 0

    @pytest.mark.django_db
    def test_gives_up_in_a_transaction_and_leaves_it_usable_and_unbounded(self) -> None:
        people.someone()
        self.gives_up()

    @pytest.mark.django_db(transaction=True)
    def test_gives_up_outside_of_one_too(self) -> None:
        people.someone()
        self.gives_up()

    def gives_up(self) -> None:
        started = time.monotonic()
        assert count_within(endless(), 5, 100) is None
        assert time.monotonic() - started < 3
        assert count_within(Contact.objects.all(), 5, 5_000) == Contact.objects.count() == 1
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW statement_timeout")
                assert cursor.fetchone() == ("0",)
                cursor.execute("SELECT pg_sleep(0.2)")
