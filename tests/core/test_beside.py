"""Rows sent by a second thread are part of the first one's transaction, or of none."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from scrm.contacts.models import Contact
from scrm.core.beside import beside
from scrm.core.loading import LEAST_FOR_COPY, add_many, fresh

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


def people(count: int = LEAST_FOR_COPY, **more: Any) -> list[Contact]:
    return [fresh(Contact, name=f"陳{n}", last_activity_at=NOW, created_at=NOW, updated_at=NOW, **more) for n in range(count)]


def start(line: Any) -> None:
    if line is not None:
        line.start()


class RowsOnTheirWay:
    def test_are_in_when_the_block_ends(self) -> None:
        with transaction.atomic():
            with beside(connection) as line:
                first, second = people(), people(200)
                add_many(Contact, first)
                start(line)
                add_many(Contact, second)
                assert all(row.pk for row in (*first, *second))
            assert Contact.objects.count() == LEAST_FOR_COPY + 200

    def test_are_sent_though_nobody_started_them(self) -> None:
        with transaction.atomic(), beside(connection):
            add_many(Contact, people())
        assert Contact.objects.count() == LEAST_FOR_COPY

    def test_go_with_the_transaction_when_one_is_refused(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), beside(connection) as line:
            add_many(Contact, people())
            start(line)
            add_many(Contact, people(external_id="C1"))
            add_many(Contact, people())
        assert Contact.objects.count() == 0
        add_many(Contact, people())
        assert Contact.objects.count() == LEAST_FOR_COPY

    def test_tell_why_rather_than_that_the_transaction_is_broken(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), beside(connection) as line:
            add_many(Contact, people(external_id="C1"))
            start(line)
            for _ in range(200):
                Contact.objects.count()
        assert Contact.objects.count() == 0

    def test_go_with_the_transaction_when_this_thread_fails(self) -> None:
        with pytest.raises(ValueError, match="prepared"), transaction.atomic(), beside(connection) as line:
            add_many(Contact, people(500))
            start(line)
            raise ValueError("what comes next cannot be prepared")
        assert Contact.objects.count() == 0
        assert not [each for each in threading.enumerate() if each.name == "rows on their way"]

    def test_are_nothing_new_outside_the_block(self) -> None:
        with transaction.atomic():
            with beside(connection):
                pass
            add_many(Contact, people())
            assert Contact.objects.count() == LEAST_FOR_COPY
        with pytest.raises(DatabaseError), transaction.atomic():
            add_many(Contact, people(external_id="C1"))
