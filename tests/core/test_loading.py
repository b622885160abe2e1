"""Many rows written at once hold what rows written one by one hold."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from scrm.contacts.models import Contact, Event, EventDelivery
from scrm.core import copying, fastjson
from scrm.core.loading import LEAST_FOR_COPY, add_columns, add_many, fresh

NOW = datetime(2026, 11, 29, 8, 30, 15, 123456, tzinfo=UTC)
NASTY = [
    "陳大文", "", "\\N", "\\.", "a\tb", "line\nfeed", "re\r\nturn", 'quote"d', "back\\slash", "'", "\\\\n", "😀 𠮷", "\u2028", "{}", "NULL",
]  # fmt: skip


def contact(n: int, **more: Any) -> Contact:
    text = NASTY[n % len(NASTY)]
    values = {
        "name": text,
        "notes": text * 3,
        "custom": {text: [text, 1, 1.5, None, True]} if n % 3 else {},
        "provenance": {"name": {"source": text, "at": n}} if n % 2 else None,
        "birthday": date(1990, 1, 1 + n % 28) if n % 4 else None,
        "last_activity_at": NOW + timedelta(seconds=n % 5),
        "created_at": NOW.astimezone(timezone(timedelta(hours=8))),
        "updated_at": NOW,
    }
    return fresh(Contact, **(values | more))


def shown(rows: Any) -> list[Any]:
    return [{name: value for name, value in row.__dict__.items() if name not in ("_state", "id")} for row in rows]


@pytest.mark.django_db
class ManyRows:
    def test_hold_what_was_given(self) -> None:
        count = LEAST_FOR_COPY * 3
        given = [contact(n) for n in range(count)]
        add_many(Contact, given)
        assert len({row.pk for row in given}) == count
        stored = [Contact.objects.get(pk=row.pk) for row in given]
        assert shown(stored) == shown(given)

    def test_of_values_that_are_all_alike_hold_them_too(self) -> None:
        given = [contact(1) for _ in range(LEAST_FOR_COPY)]
        add_many(Contact, given)
        assert shown(Contact.objects.all()) == shown(given)

    def test_come_in_together_or_not_at_all(self) -> None:
        given = [contact(n, external_id=f"C{n % 60}") for n in range(LEAST_FOR_COPY + 20)]
        with pytest.raises(IntegrityError), transaction.atomic():
            add_many(Contact, given)
        assert not Contact.objects.exists()

    def test_of_columns_hold_what_was_given(self) -> None:
        person = Contact.objects.create(name="陳", last_activity_at=NOW, created_at=NOW, updated_at=NOW)
        events = [fresh(Event, contact_id=person.pk, kind="contact.created", occurred_at=NOW) for _ in range(60)]
        add_many(Event, events)
        ids = [event.pk for event in events]
        columns = {"event": ids, "consumer": ["a"] * 60, "due_at": [NOW] * 60, "attempts": [0] * 60, "parked": [False] * 60}
        if add_columns(EventDelivery, columns | {"last_error": ["x\ty"] * 60}):
            assert set(EventDelivery.objects.values_list("event", "consumer", "due_at", "parked", "last_error")) == {
                (pk, "a", NOW, False, "x\ty") for pk in ids
            }


class Blocks:
    def test_are_left_to_the_driver_where_a_value_is_of_another_kind(self) -> None:
        assert copying.block([[1, 2], [Decimal("1.5"), None]]) is None
        assert copying.block([[1, 2], ["a", 3]]) is None
        assert copying.block([[1, 2], ["a", None]]) == "1\ta\n2\t\\N\n"

    def test_write_fractions_to_their_last_digit(self) -> None:
        assert copying.block([[0.1 + 0.2, 1e-07, None]]) == "0.30000000000000004\n1e-07\n\\N\n"

    def test_take_truths_for_truths(self) -> None:
        assert copying.block([[True, False], [1, 0], [None, True]]) == "t\t1\t\\N\nf\t0\tt\n"


class QuickJson:
    @pytest.mark.parametrize("value", [*NASTY, 1, 1.5, None, True, [], {}, {"a": [{"b": "陳\n"}], 1: (2, 3)}, 10**30])
    def test_is_the_librarys(self, value: Any) -> None:
        assert fastjson.writer()(value) == json.dumps(value, ensure_ascii=False)
        assert fastjson.writer(separators=(",", ":"))(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def test_writes_what_it_does_not_know_as_told(self) -> None:
        day = date(2026, 11, 29)
        assert fastjson.writer(default=str)([day]) == '["2026-11-29"]'
        with pytest.raises(TypeError):
            fastjson.writer()([day])
