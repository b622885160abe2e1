"""Lists of different models in one statement: each is what its own queryset gives, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Exists, F, OuterRef, QuerySet
from django.forms.models import model_to_dict

from scrm.commerce.models import Order
from scrm.commerce.services import upsert_order
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Identity
from scrm.conversations.models import Conversation, Message
from scrm.core.at_once import lists_of
from tests import people
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, 0, 123456, tzinfo=UTC)


def values(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def same(one: QuerySet[Any], *more: QuerySet[Any]) -> None:
    for rows, found in zip((one, *more), lists_of([one, *more]), strict=True):
        wanted = list(rows)
        assert wanted and [values(row) for row in found] == [values(row) for row in wanted]
        assert [model_to_dict(row) for row in found] == [model_to_dict(row) for row in wanted]
        assert {row._state.db for row in found} == {"default"} and not any(row._state.adding for row in found)


@pytest.fixture(autouse=True)
def shop(db: None) -> Conversation:
    chat = people.conversation(at=NOON)
    Contact.objects.filter(pk=chat.identity.contact_id).update(
        custom={"n": 1, "half": 0.5, "words": ['say "hi"', None, True]}, birthday=date(1990, 1, 2), notes="back\\slash, 👍🏽\n\t'"
    )
    Connection.objects.update(quiet_from=time(21, 30), quiet_to=None, facts={"messaging_limit": "1000"}, daily_cap=7)
    for number, total in enumerate(("10.00", "0.05", "999999999999.99", "-3.10")):
        upsert_order(f"A{number}", contact=chat.identity.contact, status="paid", currency="HKD", total=Decimal(total), placed_at=NOON)
    for text in ("幾錢？", "", "%s %%"):
        said(chat, text, content={"body": text}, sent_at=NOON, created_at=NOON)
    return chat


class ListsOf:
    def test_hold_every_kind_of_value(self, django_assert_num_queries: Any) -> None:
        same(
            Contact.objects.order_by("pk")[:5],
            Order.objects.order_by("-total")[:5],
            Connection.objects.order_by("pk")[:5],
            Message.objects.order_by("pk")[:5],
            Identity.objects.order_by("pk")[:5],
        )
        with django_assert_num_queries(1):
            lists_of([Contact.objects.all()[:5], Order.objects.all()[:5], Message.objects.all()[:5]])

    def test_keep_their_order_and_their_limit(self) -> None:
        [found] = lists_of([Order.objects.order_by(F("total").desc())[1:3]])
        assert [str(row.total) for row in found] == ["10.00", "0.05"]

    def test_bring_related_rows_without_a_statement_more(self, django_assert_num_queries: Any, shop: Conversation) -> None:
        rows = Message.objects.select_related("conversation__identity__contact", "conversation__connection", "author").order_by("pk")[:5]
        with django_assert_num_queries(1):
            [found] = lists_of([rows])
            assert {row.conversation.identity.contact.birthday for row in found} == {date(1990, 1, 2)}
            assert {row.conversation.connection.quiet_from for row in found} == {time(21, 30)}
            assert {row.author for row in found} == {None}
        assert found[0].conversation.connection.secrets == shop.connection.secrets

    def test_bring_what_is_annotated_and_leave_out_what_is_deferred(self, django_assert_num_queries: Any) -> None:
        paid = Order.objects.filter(contact=OuterRef("pk"))
        rows = Contact.objects.annotate(bought=Exists(paid), soon=F("created_at") + timedelta(days=1)).only("name").order_by("pk")[:5]
        [[row]] = lists_of([rows])
        assert (row.bought, row.soon - row.created_at) == (True, timedelta(days=1))
        with django_assert_num_queries(1):
            assert row.notes.startswith("back")

    def test_of_which_some_are_empty_stand_in_their_place(self) -> None:
        none, orders, nobody = lists_of([Order.objects.none()[:5], Order.objects.all()[:9], Contact.objects.filter(name="?")[:5]])
        assert (none, len(orders), nobody) == ([], 4, [])

    def test_that_cannot_hold_anything_ask_nothing(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert lists_of([Order.objects.none()[:5]]) == [[]] and lists_of([]) == []

    def test_hold_floats(self, shop: Conversation) -> None:
        other = people.customer("Tai Man", "85261112222").contact
        case = DuplicateCase.objects.create(score=0.87, proposal="review", size=2, created_at=NOON)
        DuplicateCandidate.objects.create(
            first=shop.identity.contact, second=other, case=case, score=0.123456789012345, evidence=[], found_at=NOON
        )
        same(DuplicateCandidate.objects.order_by("pk")[:2], DuplicateCase.objects.order_by("pk")[:2])
