"""Messages that are written now and go later."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from scrm.contacts.models import Contact, Event
from scrm.contacts.services import record_consent
from scrm.conversations import later, services
from scrm.conversations.models import Conversation, LaterMessage, Message, Response
from scrm.conversations.queueing import Draft
from scrm.core import clock
from scrm.staff.models import User
from tests import people
from tests.console.conftest import allow
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def mei() -> User:
    return allow(people.agent("mei"), "conversations.change_conversation")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the clock: `at(hours=3)` is three hours after now."""
    begun = clock.now()

    def set_to(**ahead: float) -> datetime:
        moment = begun + timedelta(**ahead)
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    set_to()
    return set_to


def planned(conversation: Conversation, by: User, text: str = "貨到了,明天寄出。", *, hold: bool = True, **after: float) -> LaterMessage:
    draft = Draft(conversation, "agent", f"agent:{uuid.uuid4()}", text=text, by=by)
    return later.schedule(draft, at=clock.now() + timedelta(**(after or {"hours": 2})), hold_on_reply=hold)[0]


def wrote(conversation: Conversation, now: datetime) -> None:
    said(conversation, "不用了,謝謝", sent_at=now, created_at=now)
    Contact.objects.filter(pk=conversation.identity.contact_id).update(last_inbound_at=now)


def sent() -> list[Message]:
    return list(Message.objects.filter(direction="out").order_by("pk"))


class BeforeItsTime:
    def test_nothing_goes_and_nothing_counts_as_answered(self, mei: User, at: Any) -> None:
        conversation = people.conversation()
        Conversation.objects.filter(pk=conversation.pk).update(waiting_since=clock.now())
        planned(conversation, mei)
        at(minutes=119)
        assert later.send_due() == 0
        conversation.refresh_from_db()
        assert sent() == [] and conversation.waiting_since is not None and conversation.automation_paused_until is None
        assert not Response.objects.exists()

    def test_the_same_key_again_is_the_same_message(self, mei: User) -> None:
        draft = Draft(people.conversation(), "agent", "agent:1", text="聽日見", by=mei)
        rows = [later.schedule(draft, at=clock.now() + timedelta(hours=1)) for _ in range(2)]
        assert [created for _, created in rows] == [True, False] and LaterMessage.objects.count() == 1

    def test_what_was_sent_already_is_not_scheduled_again(self, mei: User) -> None:
        draft = Draft(people.conversation(), "agent", "agent:1", text="聽日見", by=mei)
        services.queue_many([draft])
        with pytest.raises(services.RefusedState):
            later.schedule(draft, at=clock.now() + timedelta(hours=1))

    def test_the_forecast_knows_that_the_window_will_be_shut(self, mei: User, at: Any) -> None:
        conversation = people.conversation()
        soon, tomorrow = planned(conversation, mei, hours=2), planned(conversation, mei, hours=30)
        verdicts = later.predict([(conversation, soon), (conversation, tomorrow)])
        assert [(each.verdict, each.rule) for each in verdicts] == [("allow", ""), ("refuse", "window_closed")]


class AtItsTime:
    def test_it_is_queued_once_as_its_authors_own(self, mei: User, at: Any) -> None:
        row = planned(people.conversation(), mei)
        at(hours=2)
        assert (later.send_due(), later.send_due()) == (1, 0)
        (message,) = sent()
        assert (message.text, message.author, message.source, message.state) == ("貨到了,明天寄出。", mei, "agent", "queued")
        row.refresh_from_db()
        assert (row.state, row.message, row.text) == ("sent", message, "")

    def test_the_law_decides_by_what_holds_then(self, mei: User, at: Any) -> None:
        conversation = people.conversation()
        planned(conversation, mei)
        record_consent(conversation.identity, purpose="all", allowed=False, source="message", at=clock.now() + timedelta(minutes=1))
        at(hours=2)
        later.send_due()
        (message,) = sent()
        assert (message.state, message.decisions.get().rule) == ("blocked", "opted_out")

    def test_it_is_held_when_the_customer_wrote_first(self, mei: User, at: Any) -> None:
        conversation = people.conversation()
        row = planned(conversation, mei)
        wrote(conversation, at(hours=1))
        at(hours=2)
        later.send_due()
        row.refresh_from_db()
        assert (row.state, row.because, sent()) == ("held", "replied", [])
        assert Event.objects.filter(kind="message.held").count() == 1
        later.send_now(row, by=mei)
        assert [message.state for message in sent()] == ["queued"]

    def test_it_goes_all_the_same_when_its_author_wanted_that(self, mei: User, at: Any) -> None:
        conversation = people.conversation()
        planned(conversation, mei, hold=False)
        wrote(conversation, at(hours=1))
        at(hours=2)
        later.send_due()
        assert len(sent()) == 1

    def test_it_is_held_when_nothing_ran_for_a_day(self, mei: User, at: Any) -> None:
        row = planned(people.conversation(), mei)
        at(hours=27)
        later.send_due()
        row.refresh_from_db()
        assert (row.state, row.because) == ("held", "late")

    def test_it_is_held_when_its_author_has_left(self, mei: User, at: Any) -> None:
        row = planned(people.conversation(), mei)
        User.objects.filter(pk=mei.pk).update(is_active=False)
        at(hours=2)
        later.send_due()
        row.refresh_from_db()
        assert (row.state, row.because) == ("held", "author")

    def test_it_goes_into_the_conversation_that_is_open_then(self, mei: User, at: Any) -> None:
        first = people.conversation()
        planned(first, mei, hold=False)
        services.close(first, by=mei)
        second = people.conversation()
        at(hours=2)
        later.send_due()
        assert second.pk != first.pk and sent()[0].conversation_id == second.pk

    def test_one_that_cannot_be_handed_over_keeps_nobody_waiting(self, mei: User, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = planned(people.conversation(), mei, minutes=90)
        fine = planned(people.conversation(people.customer("林小姐", "886912345678")), mei)
        queue = later.queue_message

        def fail(conversation: Conversation, **given: Any) -> Any:
            if conversation.pk == broken.conversation_id:
                raise ValueError("a fault")
            return queue(conversation, **given)

        monkeypatch.setattr(later, "queue_message", fail)
        at(hours=2)
        later.send_due()
        broken.refresh_from_db()
        assert [message.conversation_id for message in sent()] == [fine.conversation_id]
        assert (broken.state, broken.because, broken.text) == ("held", "failed", "貨到了,明天寄出。")
        monkeypatch.setattr(later, "queue_message", queue)
        later.send_now(broken, by=mei)
        assert len(sent()) == 2 and later.send_due() == 0

    def test_a_database_that_does_not_answer_holds_nothing(self, mei: User, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        row = planned(people.conversation(), mei)

        def away(*_given: Any, **_more: Any) -> Any:
            raise OperationalError("the server closed the connection")

        monkeypatch.setattr(later, "queue_message", away)
        at(hours=2)
        with pytest.raises(OperationalError):
            later.send_due()
        row.refresh_from_db()
        assert row.state == "waiting"


class TakenBack:
    def test_it_never_goes(self, mei: User, at: Any) -> None:
        row = planned(people.conversation(), mei)
        later.cancel(row, by=mei)
        later.cancel(row, by=mei)
        at(hours=2)
        assert later.send_due() == 0 and sent() == []
        with pytest.raises(services.RefusedState):
            later.send_now(row, by=mei)

    def test_is_refused_once_it_has_gone(self, mei: User, at: Any) -> None:
        row = planned(people.conversation(), mei)
        at(hours=2)
        later.send_due()
        with pytest.raises(services.RefusedState):
            later.cancel(row, by=mei)
