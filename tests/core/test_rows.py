"""Sets of rows written at once: what comes back is what was given, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F

from scrm.contacts.models import Contact, Event, EventDelivery, Identity
from scrm.conversations.models import Conversation
from scrm.core.rows import insert_all, insert_columns, insert_new, update_many
from tests import people

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, 0, 123456, tzinfo=UTC)
# Everything that a literal could take for its own punctuation, and what looks like the absence of a value.
WORDS = ("", "NULL", "null", "{陳大文}", 'say "hi"', "back\\slash", "a,b", "it's", "%s %%", "\n\t ", "👍🏽", "ありがとう", "{}", '\\"')


def person(**fields: Any) -> Contact:
    return Contact(**{"last_activity_at": NOON, "created_at": NOON, "updated_at": NOON, **fields})


class InsertAll:
    def test_gives_each_row_its_key_and_keeps_every_value(self) -> None:
        rows = [person(name=word, notes=word, custom={"said": word, "n": n, "nothing": None}) for n, word in enumerate(WORDS)]
        insert_all(Contact, rows)
        assert all(row.pk and not row._state.adding for row in rows)
        stored = Contact.objects.in_bulk([row.pk for row in rows])
        for row, word in zip(rows, WORDS, strict=True):
            found = stored[row.pk]
            assert (found.name, found.notes, found.custom["said"], found.custom["nothing"]) == (word, word, word, None)
            assert (found.last_activity_at, found.last_inbound_at, found.owner_id) == (NOON, None, None)

    @pytest.mark.parametrize("values", [["a", 'b"'], [1, 2.5], [True, False], [("x", 1), {"y": None}], [["z"], "w", None]])
    def test_keeps_json_of_every_kind(self, values: list[Any]) -> None:
        rows = insert_all(Contact, [person(provenance=value) for value in values])
        update_many(Contact, rows, ["provenance"])
        stored = Contact.objects.in_bulk([row.pk for row in rows])
        assert [stored[row.pk].provenance for row in rows] == [list(value) if isinstance(value, tuple) else value for value in values]

    def test_knows_the_key_of_a_related_row_that_was_saved_meanwhile(self) -> None:
        who = person(name="林怡君")
        event = Event(contact=who, kind="contact.created", occurred_at=NOON)
        insert_all(Contact, [who])
        insert_all(Event, [event])
        assert Event.objects.get(pk=event.pk).contact_id == who.pk

    def test_of_nothing_is_nothing(self) -> None:
        assert list(insert_all(Contact, [])) == []

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite does not hold texts to their length")
    def test_refuses_what_is_too_long_instead_of_cutting_it(self) -> None:
        with pytest.raises(DataError), transaction.atomic():
            insert_all(Contact, [person(name="長" * 201)])

    def test_refuses_a_key_that_is_there(self) -> None:
        insert_all(Contact, [person(external_id="HK-1")])
        with pytest.raises(IntegrityError), transaction.atomic():
            insert_all(Contact, [person(external_id="HK-2"), person(external_id="HK-1")])
        assert Contact.objects.count() == 1


class InsertColumns:
    def test_writes_a_row_for_each_place(self) -> None:
        who = insert_all(Contact, [person()])[0]
        told = insert_all(Event, [Event(contact=who, kind="tag.added", occurred_at=NOON, data={"n": n}) for n in range(3)])
        columns = {"event": [event.pk for event in told], "consumer": ["sync"] * 3, "due_at": [NOON] * 3}
        columns |= {"attempts": [0, 1, 2], "parked": [False, True, False], "last_error": WORDS[3:6]}
        insert_columns(EventDelivery, columns)
        found = EventDelivery.objects.order_by("attempts").values_list("event", "parked", "due_at", "last_error")
        assert list(found) == [(event.pk, event is told[1], NOON, word) for event, word in zip(told, WORDS[3:6], strict=True)]


class InsertNew:
    def test_says_which_were_new(self) -> None:
        insert_new(Contact, [person(external_id="TW-1")], key="external_id")
        assert insert_new(Contact, [person(external_id=f"TW-{n}") for n in (1, 2, 3)], key="external_id") == {"TW-2", "TW-3"}

    def test_gives_the_values_as_they_are(self) -> None:
        assert insert_new(Contact, [person(external_id=word) for word in WORDS if word], key="external_id") == set(WORDS) - {""}


class UpdateMany:
    def test_writes_each_row_its_own_values(self) -> None:
        rows = insert_all(Contact, [person(name="田中 由紀", last_inbound_at=NOON) for _ in WORDS])
        for n, (row, word) in enumerate(zip(rows, WORDS, strict=True)):
            row.name, row.custom, row.last_inbound_at = word, {"n": n, "said": word}, None if n % 2 else NOON + timedelta(days=n)
        assert update_many(Contact, rows, ["name", "custom", "last_inbound_at"]) == len(rows)
        for n, (row, word) in enumerate(zip(rows, WORDS, strict=True)):
            row.refresh_from_db()
            assert (row.name, row.custom) == (word, {"n": n, "said": word})
            assert row.last_inbound_at == (None if n % 2 else NOON + timedelta(days=n))

    def test_leaves_other_rows_and_fields_alone(self) -> None:
        first, _ = insert_all(Contact, [person(name="Priya Nair", notes="blue"), person(name="Tan Wei Ling", notes="red")])
        first.name = first.notes = "changed"
        update_many(Contact, [first], ["name"])
        assert list(Contact.objects.order_by("pk").values_list("name", "notes")) == [("changed", "blue"), ("Tan Wei Ling", "red")]

    def test_adds_to_what_is_stored_and_leaves_what_was_never_counted(self) -> None:
        talks = [people.conversation(people.customer(phone=f"8529123456{n}")) for n in range(3)]
        Conversation.objects.filter(pk=talks[1].pk).update(version=41, said=5)
        Conversation.objects.filter(pk=talks[2].pk).update(said=None)
        rows = [Conversation(pk=talk.pk, version=1, said=n, last_preview="早晨") for n, talk in enumerate(talks)]
        update_many(Conversation, rows, ["version", "said", "last_preview"], adding=("version", "said"))
        stored = Conversation.objects.order_by("pk").values_list("version", "said", "last_preview")
        assert list(stored) == [(talks[0].version + 1, 0, "早晨"), (42, 6, "早晨"), (talks[2].version + 1, None, "早晨")]

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite is given the values one by one, as ever")
    def test_takes_no_expression(self) -> None:
        who = insert_all(Contact, [person()])[0]
        identity = Identity(contact=who, kind="email", value="a@example.hk", verified="typed", valid_from=NOON)
        identity.value = F("scope")
        with pytest.raises(TypeError):
            insert_all(Identity, [identity])


class Moments:
    @pytest.mark.parametrize(
        "moment",
        [NOON, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)],
    )
    def test_come_back_as_they_were_and_in_utc(self, moment: datetime) -> None:
        [row] = insert_all(Contact, [person(last_activity_at=moment)])
        found = Contact.objects.values_list("last_activity_at", "last_inbound_at").get(pk=row.pk)
        assert found == (moment, None)
        assert found[0].tzinfo is UTC
