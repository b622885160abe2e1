"""The satisfaction survey: asked after closing, answered with a tap, a figure or words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from reports.base import TOTAL, Filters
from reports.satisfaction import Satisfaction
from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.contacts.services import record_consent
from scrm.conversations import services, surveys
from scrm.conversations.models import Conversation, Message, Survey, SurveyPlan
from scrm.core import clock
from scrm.intake import pipeline
from scrm.staff.models import User
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    begun = clock.now()

    def set_to(**ahead: float) -> datetime:
        moment = begun + timedelta(**ahead)
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    set_to()
    return set_to


@pytest.fixture
def plan() -> SurveyPlan:
    return SurveyPlan.objects.create(connection=people.hong_kong())


@pytest.fixture
def mei() -> User:
    return people.agent("mei")


def helped(mei: User) -> Conversation:
    """A conversation in which a colleague answered, closed."""
    conversation = people.conversation()
    services.queue_message(conversation, text="已寄出", source="agent", by=mei, idempotency_key=f"agent:{conversation.pk}")
    services.close(conversation, by=mei)
    return conversation


def asked() -> list[Message]:
    return list(Message.objects.filter(cause__startswith="survey:", idempotency_key__regex=r"^survey:\d+$"))


def hear(**message: Any) -> None:
    number = people.hong_kong()
    row = people.text_message(str(message.pop("text", "")), **({"at": message.pop("at")} if "at" in message else {}))
    if reply := message.get("tap"):
        row = {name: value for name, value in row.items() if name != "text"}
        row |= {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": reply, "title": "5 很好"}}}
    assert people.post(number, people.body(number, messages=[row])) == 200
    while pipeline.drain():
        pass


class Asking:
    def test_happens_a_minute_after_closing_and_leaves_it_closed(self, plan: SurveyPlan, mei: User, at: Any) -> None:
        conversation = helped(mei)
        assert events.deliver("survey") == 0
        at(minutes=2)
        events.deliver("survey")
        (question,) = asked()
        conversation.refresh_from_db()
        assert (question.kind, question.state, conversation.status, conversation.assignee) == ("interactive", "queued", "closed", mei)
        rows = question.content["sections"][0]["rows"]
        assert [row["id"] for row in rows] == [f"survey:{conversation.pk}:{score}" for score in (5, 4, 3, 2, 1)]
        survey = Survey.objects.get()
        assert (survey.agent, survey.state) == (mei, "asked")

    def test_speaks_the_customers_language(self, plan: SurveyPlan, mei: User) -> None:
        conversation = helped(mei)
        conversation.identity.contact.language = "ja"
        conversation.identity.contact.save()
        surveys.ask(conversation.pk)
        assert "サービス" in asked()[0].text

    def test_is_done_once_a_conversation_and_once_a_month_a_person(self, plan: SurveyPlan, mei: User, at: Any) -> None:
        first = helped(mei)
        for _ in range(2):
            surveys.ask(first.pk)
        at(days=1)
        second = people.conversation(at=clock.now())
        services.queue_message(second, text="好的", source="agent", by=mei, idempotency_key="agent:2")
        services.close(second, by=mei)
        surveys.ask(second.pk)
        assert len(asked()) == 1
        at(days=31)
        Conversation.objects.filter(pk=second.pk).update(window_expires_at=clock.now() + timedelta(hours=1))
        surveys.ask(second.pk)
        assert [message.conversation_id for message in asked()] == [first.pk, second.pk]

    def test_is_never_done_against_the_law_and_says_why(self, plan: SurveyPlan, mei: User, at: Any) -> None:
        conversation = helped(mei)
        record_consent(conversation.identity, purpose="all", allowed=False, source="message", at=clock.now() + timedelta(seconds=1))
        surveys.ask(conversation.pk)
        assert (asked(), Survey.objects.get().state, Survey.objects.get().reason) == ([], "skipped", "opted_out")

    def test_is_not_done_when_the_window_is_shut(self, plan: SurveyPlan, mei: User, at: Any) -> None:
        conversation = helped(mei)
        at(hours=25)
        surveys.ask(conversation.pk)
        assert (asked(), Survey.objects.get().reason) == ([], "window_closed")

    @pytest.mark.parametrize("case", ["off", "nobody answered", "open again", "other number"])
    def test_is_not_done_where_nobody_should_be_asked(self, case: str, mei: User) -> None:
        if case != "other number":
            SurveyPlan.objects.create(connection=people.hong_kong(), active=case != "off")
        else:
            SurveyPlan.objects.create(connection=people.tokyo())
        conversation = people.conversation()
        if case != "nobody answered":
            services.queue_message(conversation, text="已寄出", source="agent", by=mei, idempotency_key="agent:1")
        services.close(conversation, by=mei)
        if case == "open again":
            services.reopen(conversation, by=mei)
        surveys.ask(conversation.pk)
        assert asked() == [] and not Survey.objects.exists()


class Answering:
    @pytest.fixture
    def conversation(self, plan: SurveyPlan, mei: User) -> Conversation:
        conversation = helped(mei)
        surveys.ask(conversation.pk)
        return conversation

    def test_with_a_tap_is_recorded_thanked_for_and_opens_nothing(self, conversation: Conversation) -> None:
        hear(tap=f"survey:{conversation.pk}:5")
        survey = Survey.objects.get()
        conversation.refresh_from_db()
        assert (survey.score, survey.state, conversation.status, conversation.unread_count) == (5, "answered", "closed", 0)
        assert Conversation.objects.count() == 1 and conversation.waiting_since is None
        assert Message.objects.filter(idempotency_key=f"survey-thanks:{survey.pk}").count() == 1
        assert not Event.objects.filter(kind="message.received").exists()

    def test_with_a_figure_in_any_width(self, conversation: Conversation) -> None:
        hear(text=" ４ ")
        assert Survey.objects.get().score == 4

    def test_again_counts_once_with_the_last(self, conversation: Conversation) -> None:
        for score in (5, 3):
            hear(tap=f"survey:{conversation.pk}:{score}")
        assert Survey.objects.get().score == 3
        assert Message.objects.filter(idempotency_key__startswith="survey-thanks:").count() == 1

    def test_poorly_opens_it_for_a_person(self, conversation: Conversation) -> None:
        hear(tap=f"survey:{conversation.pk}:1")
        conversation.refresh_from_db()
        assert (conversation.status, conversation.unread_count, conversation.waiting_since is None) == ("open", 1, False)

    def test_with_words_after_it_keeps_them_and_opens_nothing(self, conversation: Conversation) -> None:
        hear(tap=f"survey:{conversation.pk}:5")
        hear(text="好快,多謝!")
        conversation.refresh_from_db()
        assert (Survey.objects.get().comment, conversation.status, Conversation.objects.count()) == ("好快,多謝!", "closed", 1)

    def test_with_a_question_after_it_opens_the_conversation(self, conversation: Conversation) -> None:
        hear(tap=f"survey:{conversation.pk}:5")
        hear(text="咁另一件幾時到?")
        conversation.refresh_from_db()
        assert (conversation.status, conversation.unread_count) == ("open", 1)
        assert Event.objects.filter(kind="message.received").count() == 1

    def test_of_somebody_elses_survey_is_an_ordinary_message(self, conversation: Conversation) -> None:
        hear(tap=f"survey:{conversation.pk + 99}:5")
        assert Survey.objects.get().score is None and Conversation.objects.exclude(status="closed").count() == 1

    @pytest.mark.parametrize("tap", ["survey::", "survey:x:5", "survey:{pk}:9", "survey:{pk}:12", "survey:{pk}:", "survey:"])
    def test_that_makes_no_sense_is_an_ordinary_message(self, tap: str, conversation: Conversation) -> None:
        hear(tap=tap.format(pk=conversation.pk))
        assert Survey.objects.get().score is None and Message.objects.filter(direction="in").count() == 1

    def test_after_other_words_is_an_ordinary_message(self, conversation: Conversation) -> None:
        hear(text="你好,請問有冇第二隻色?")
        hear(text="5")
        assert Conversation.objects.exclude(status="closed").get().unread_count == 1
        assert Survey.objects.get().score == 5


class Report:
    def test_adds_up_to_its_rows(self, plan: SurveyPlan, mei: User) -> None:
        for place, score in enumerate((5, 4, 2)):
            conversation = people.conversation(people.customer(f"客{place}", f"8529123456{place}"))
            Survey.objects.create(
                conversation=conversation, agent=mei, state="answered", asked_at=clock.now(), answered_at=clock.now(), score=score
            )
        filters = Filters(until=clock.now() + timedelta(seconds=1))
        total, line = Satisfaction().figures(filters)
        rows = [row.score for row in Satisfaction().rows(filters, str(mei.pk))]
        assert (total.key, line.key) == (TOTAL, str(mei.pk))
        assert line.values == {"count": 3, "satisfied": 2, "share": 2 / 3, "poor": 1, "mean": "3.67"} == total.values
        assert sorted(rows) == [2, 4, 5] and Satisfaction().rows(filters, "none").count() == 0
        with pytest.raises(LookupError):
            Satisfaction().rows(filters, "x")
