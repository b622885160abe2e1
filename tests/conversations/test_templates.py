"""The state of templates: read page by page, told by notices, and what waits for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.errors import Unreachable
from scrm.connections.models import Connection
from scrm.conversations import templates
from scrm.conversations.models import Message, MessageTemplate, TemplateSync
from scrm.conversations.services import queue_message
from tests import people

pytestmark = pytest.mark.django_db

COMPONENTS = [{"type": "BODY", "text": "您好 {{1}}，訂單已寄出。"}]


def item(name: str = "order_update", language: str = "zh_HK", status: str = "APPROVED", **more: Any) -> dict[str, Any]:
    given = {
        "name": name,
        "language": language,
        "status": status,
        "category": "UTILITY",
        "components": COMPONENTS,
        "external_id": f"7{name}",
    }
    return {**given, "quality": "GREEN", "reason": "", **more}


def stored(**fields: Any) -> MessageTemplate:
    row = {"connection": people.hong_kong(), "name": "order_update", "language": "zh_HK", "category": "UTILITY", "status": "APPROVED"}
    return MessageTemplate.objects.create(
        **{**row, "components": COMPONENTS, "external_id": "7order_update", "synced_at": timezone.now(), **fields}
    )


def waiting(**fields: Any) -> Message:
    """A template message that stands in the outbox."""
    conversation = people.conversation(people.customer(phone=fields.pop("phone", "85291234567")))
    content = {"name": "order_update", "language": "zh_HK", "components": []}
    message = queue_message(
        conversation, kind="template", content=content, category="utility", source="api", idempotency_key=str(conversation.pk)
    ).message
    Message.objects.filter(pk=message.pk).update(**fields)
    message.refresh_from_db()
    return message


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the platform's list holds; an error in it is raised."""
    held: list[Any] = []

    class Channel:
        def templates(self) -> list[Any]:
            if held and isinstance(held[0], Exception):
                raise held[0]
            return list(held)

    def instead(connection: Any) -> Channel:
        return Channel()

    monkeypatch.setattr(templates, "channel_of", instead)
    return held


class Reading:
    def test_takes_over_status_quality_category_text_and_reason(self, platform: list[Any]) -> None:
        platform += [item(), item("birthday", "ja", "REJECTED", category="MARKETING", reason="PROMOTIONAL", quality="")]
        assert templates.sync_templates(people.hong_kong()) == 2
        row = MessageTemplate.objects.get(name="birthday")
        assert (row.status, row.reason, row.category, row.language) == ("REJECTED", "PROMOTIONAL", "MARKETING", "ja")
        assert MessageTemplate.objects.get(name="order_update").quality == "GREEN"

    def test_keeps_rows_of_those_that_are_gone(self, platform: list[Any]) -> None:
        row = stored()
        templates.sync_templates(row.connection)
        row.refresh_from_db()
        assert row.status == "DELETED" and row.changes.get().before == "APPROVED"

    def test_leaves_drafts_alone_even_when_the_platform_has_the_name(self, platform: list[Any]) -> None:
        draft = stored(status="DRAFT", components=[{"type": "BODY", "text": "新"}], external_id="")
        platform += [item()]
        templates.sync_templates(draft.connection)
        draft.refresh_from_db()
        assert (draft.status, draft.body) == ("DRAFT", "新")

    def test_settles_a_draft_whose_submission_was_in_doubt(self, platform: list[Any]) -> None:
        draft = stored(status="DRAFT", external_id="", submitted_at=timezone.now())
        platform += [item(status="PENDING")]
        templates.sync_templates(draft.connection)
        draft.refresh_from_db()
        assert (draft.status, draft.external_id) == ("PENDING", "7order_update")

    def test_keeps_what_is_ours(self, platform: list[Any]) -> None:
        row = stored(variables={"body_1": {"source": "contact.first_name", "fallback": "顧客"}})
        platform += [item(components=[{"type": "BODY", "text": "另一段 {{1}} 文字"}])]
        templates.sync_templates(row.connection)
        row.refresh_from_db()
        assert row.variables and row.body.startswith("另一段")
        assert row.changes.filter(kind="text").count() == 1

    def test_says_how_it_went(self, platform: list[Any]) -> None:
        connection = people.hong_kong()
        platform += [item()]
        templates.sync_templates(connection)
        told = TemplateSync.objects.get()
        assert (told.read, told.changed, told.error, told.finished_at is None) == (1, 1, "", False)
        platform[0] = Unreachable("no route to the host")
        with pytest.raises(Unreachable):
            templates.sync_templates(connection)
        assert "no route" in TemplateSync.objects.get().error
        assert MessageTemplate.objects.get().status == "APPROVED"

    def test_does_not_overrule_what_a_notice_told_since(self, platform: list[Any]) -> None:
        row = stored(status="PAUSED", status_at=timezone.now() + timedelta(seconds=30))
        platform += [item()]
        templates.sync_templates(row.connection)
        row.refresh_from_db()
        assert row.status == "PAUSED"

    def test_of_an_account_is_done_by_one_worker_and_once(self, platform: list[Any]) -> None:
        platform += [item()]
        templates.request_sync(people.hong_kong())
        assert [templates.sync_due() for _ in range(2)] == [1, 0]

    def test_waits_for_a_connection_that_is_paused(self, platform: list[Any]) -> None:
        connection = people.hong_kong()
        templates.request_sync(connection)
        Connection.objects.filter(pk=connection.pk).update(state="paused")
        assert templates.sync_due() == 0


class Notices:
    def told(self, row: MessageTemplate, event: str, reason: str = "", *, later: timedelta = timedelta(0)) -> MessageTemplate:
        at = timezone.now() + later
        templates.note_status(row.connection, row.external_id, row.name, row.language, event, reason, at)
        row.refresh_from_db()
        return row

    @pytest.mark.parametrize(
        ("event", "status"),
        [
            ("PAUSED", "PAUSED"),
            ("FLAGGED", "FLAGGED"),
            ("DISABLED", "DISABLED"),
            ("REJECTED", "REJECTED"),
            ("IN_APPEAL", "IN_APPEAL"),
            ("paused", "PAUSED"),
        ],
    )
    def test_change_the_status_and_leave_a_line(self, event: str, status: str) -> None:
        row = self.told(stored(), event, "FIRST_PAUSE")
        assert (row.status, row.reason) == (status, "FIRST_PAUSE")
        assert row.changes.get().before == "APPROVED"

    @pytest.mark.parametrize("event", ["APPROVED", "REINSTATED", "UNPAUSED"])
    def test_of_its_return_make_it_usable_again(self, event: str) -> None:
        assert self.told(stored(status="PAUSED", reason="FIRST_PAUSE"), event, "NONE").status == "APPROVED"
        assert MessageTemplate.objects.get().reason == ""

    def test_told_twice_change_nothing_more(self) -> None:
        row = self.told(self.told(stored(), "PAUSED"), "PAUSED")
        assert row.changes.count() == 1

    def test_that_come_late_do_not_overrule_newer_ones(self) -> None:
        row = self.told(stored(), "REINSTATED", later=timedelta(hours=3))
        row = self.told(self.told(row, "PAUSED", later=timedelta(hours=4)), "DISABLED", later=timedelta(hours=1))
        assert row.status == "PAUSED"

    def test_of_unknown_events_are_kept_as_notes(self) -> None:
        row = self.told(stored(), "LOCKED", "x")
        assert (row.status, row.changes.get().kind, row.changes.get().after) == ("APPROVED", "note", "LOCKED")

    def test_about_a_template_that_is_not_known_ask_for_the_list(self) -> None:
        templates.note_status(people.hong_kong(), "9", "new_one", "ja", "APPROVED", "", timezone.now())
        assert TemplateSync.objects.get().asked_at is not None

    def test_concern_every_number_of_the_account(self) -> None:
        row = stored()
        twin = stored(connection=people.hong_kong(slug="hk2", account_id="106540352242999"))
        self.told(row, "PAUSED")
        twin.refresh_from_db()
        assert twin.status == "PAUSED"

    def test_of_a_category_announced_then_done_change_the_law(self) -> None:
        row = stored()
        now = timezone.now()
        for _ in range(2):
            templates.note_category(row.connection, row.external_id, row.name, row.language, announced="MARKETING", at=now)
        row.refresh_from_db()
        assert (row.category, row.next_category, templates.category_of(row)) == ("UTILITY", "MARKETING", "utility")
        templates.note_category(row.connection, row.external_id, row.name, row.language, category="MARKETING", at=now)
        row.refresh_from_db()
        assert (row.next_category, templates.category_of(row)) == ("", "marketing")
        assert list(row.changes.order_by("pk").values_list("kind", flat=True)) == ["announced", "category"]

    def test_of_quality_are_kept(self) -> None:
        row = stored(quality="GREEN")
        assert templates.note_quality(row.connection, row.external_id, row.name, row.language, "RED", timezone.now()) == 1
        assert row.changes.get().after == "RED"


class Holds:
    @pytest.mark.parametrize(
        ("status", "held", "final"),
        [
            ("APPROVED", False, False),
            ("LOCKED", False, False),
            ("PAUSED", True, False),
            ("PENDING", True, False),
            ("IN_APPEAL", True, False),
            ("DISABLED", True, True),
            ("REJECTED", True, True),
            ("DELETED", True, True),
            ("DRAFT", True, True),
        ],
    )
    def test_tell_waiting_from_never(self, status: str, held: bool, final: bool) -> None:
        message = waiting()
        stored(status=status)
        hold = templates.hold_reasons([message]).get(message.pk)
        assert bool(hold) == held == bool(templates.hold_of(message))
        assert hold is None or (hold.final == final and "order_update" in hold.reason)

    def test_of_a_flagged_template_concern_promotions_only(self) -> None:
        notice, promotion = waiting(), waiting(phone="85261234567", category="marketing")
        stored(status="FLAGGED")
        assert set(templates.hold_reasons([notice, promotion])) == {promotion.pk}

    def test_know_the_language_in_both_spellings(self) -> None:
        message = waiting(content={"name": "order_update", "language": {"code": "zh-HK"}})
        stored(status="PAUSED")
        assert templates.hold_of(message)

    def test_leave_templates_that_are_not_known_to_the_platform(self) -> None:
        assert templates.hold_of(waiting()) == ""

    def test_of_many_messages_cost_one_query(self, django_assert_num_queries: Any) -> None:
        messages = [waiting(phone=f"8529123450{n}") for n in range(5)]
        stored(status="PAUSED")
        with django_assert_num_queries(1):
            assert len(templates.hold_reasons(messages)) == 5


class Waking:
    def test_makes_due_what_waited_and_nothing_else(self) -> None:
        later = timezone.now() + timedelta(hours=5)
        held = waiting(due_at=later, error_code="132015")
        promotion = waiting(phone="85261234567", due_at=later)
        other = waiting(phone="85261234568", due_at=later, error_code="132015", content={"name": "order_update", "language": "ja"})
        row = stored(status="PAUSED")
        templates.note_status(row.connection, row.external_id, row.name, row.language, "REINSTATED", "", timezone.now())
        due = dict(Message.objects.values_list("pk", "due_at"))
        assert due[held.pk] <= timezone.now()
        assert due[promotion.pk] == due[other.pk] == later

    def test_shows_the_change_to_those_who_watch(self) -> None:
        held = waiting(due_at=timezone.now() + timedelta(hours=5), error_code="132015")
        before = held.conversation.version
        templates.wake_held(stored())
        held.conversation.refresh_from_db()
        assert held.conversation.version > before


class Query:
    def test_of_a_sync_does_not_grow_with_unchanged_templates_text(self, platform: list[Any]) -> None:
        """Each known template costs its own update, and no more than that."""
        platform += [item(f"t{n}") for n in range(5)]
        templates.sync_templates(people.hong_kong())
        from django.db import connection

        with CaptureQueriesContext(
            connection,
        ) as asked:
            templates.sync_templates(people.hong_kong())
        assert len(asked) <= 5 + 14
