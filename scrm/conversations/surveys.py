"""How satisfied a customer was: asked over the channel after a person closed the conversation, answered with a tap, recorded.

Asked once a conversation and once in so many days a person, when a colleague has answered there, a minute after the closing, and only
when the law allows a free message at that moment: otherwise not at all, and the row says why. Neither the question nor a good answer
opens the conversation again. An answer up to the plan's mark does, and so does a comment that asks something: a person looks at it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from connectors.contracts import InboundMessage
from scrm.connections.services import capabilities_of
from scrm.contacts import events
from scrm.contacts.models import Event, Identity
from scrm.conversations.models import Conversation, Message, Survey, SurveyPlan
from scrm.conversations.queueing import preview_decision, queue_message
from scrm.conversations.threads import locked
from scrm.core import clock
from scrm.core.security import storable
from scrm.staff.models import User

CAUSE = "survey"
# Time to take a slip of the finger back.
SETTLE = timedelta(minutes=1)
ANSWERED_WITHIN = timedelta(hours=24)
COMMENT_WITHIN = timedelta(hours=1)
LONGEST_COMMENT = 2000
SCORES = frozenset({"1", "2", "3", "4", "5"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a message says to a survey: a score from 1 to 5, or, with 0, a comment."""

    survey: Survey
    score: int
    text: str

    @property
    def wants_a_person(self) -> bool:
        """A poor score, or a comment that asks: somebody looks at it."""
        given = self.score or self.survey.score or 5
        return given <= self.survey.follow_up_at or (not self.score and any(mark in self.text for mark in "?？"))


# --- asking ---------------------------------------------------------------------------------------------------------


@events.consumer("survey", kinds=("conversation.closed",), delay=SETTLE, batch=20)
def ask_closed(closed: list[Event]) -> None:
    for event in closed:
        conversation = event.data.get("conversation")
        if isinstance(conversation, int) and SurveyPlan.objects.filter(active=True).exists():
            ask(conversation, closed_by=str(event.data.get("by", "")))


def ask(conversation_id: int, *, closed_by: str = "") -> Survey | None:
    """Ask in one conversation; None when it is not one to ask in. In the caller's transaction; repeated, it changes nothing."""
    if not Conversation.objects.filter(pk=conversation_id).exists():
        return None
    conversation = locked(conversation_id)
    plan = SurveyPlan.objects.filter(connection=conversation.connection_id, active=True).first()
    now = clock.now()
    if plan is None or not _is_one_to_ask(conversation, plan, now):
        return None
    agent = conversation.assignee or User.objects.filter(username=closed_by).first()
    survey = Survey(
        conversation=conversation, agent=agent, team=conversation.team, asked_at=now, state="asked", follow_up_at=plan.follow_up_at
    )
    kind, text, content = _question(conversation, plan)
    verdict = preview_decision(conversation, kind=kind, text=text, content=content, source="rule")
    if not verdict.allowed:
        survey.state, survey.reason = Survey.State.SKIPPED, verdict.rule
        survey.save()
        return survey
    survey.save()
    _say(conversation, f"survey:{conversation.pk}", kind, text, content)
    return survey


def _is_one_to_ask(conversation: Conversation, plan: SurveyPlan, now: datetime) -> bool:
    if conversation.status != "closed" or Survey.objects.filter(conversation=conversation).exists():
        return False
    same = Conversation.objects.filter(identity__contact=conversation.identity.contact_id)
    if same.exclude(status="closed").exists():
        return False
    since = now - timedelta(days=plan.every_days)
    if Survey.objects.filter(conversation__in=same.values("pk"), asked_at__gt=since).exclude(state=Survey.State.SKIPPED).exists():
        return False
    return conversation.messages.filter(direction=Message.Direction.OUT, source__in=["agent", "phone_app"]).exists()


def _question(conversation: Conversation, plan: SurveyPlan) -> tuple[str, str, dict[str, Any]]:
    """Kind, words and content: a list to tap where the channel has one, else a text that asks for a figure."""
    with translation.override(language_of(conversation)):
        text = plan.question or _("How satisfied were you with our service?")
        if "interactive" not in capabilities_of(conversation.connection).kinds:
            how = _("Please answer with a figure from 5 (very good) to 1 (very poor).")
            return "text", f"{text}\n{how}", {}
        words = {5: _("Very good"), 4: _("Good"), 3: _("So-so"), 2: _("Poor"), 1: _("Very poor")}
        rows = [{"id": f"survey:{conversation.pk}:{score}", "title": f"{score} {word}"[:20]} for score, word in words.items()]
        content: dict[str, Any] = {"type": "list", "body": text, "button": _("Choose")[:20], "sections": [{"title": "", "rows": rows}]}
    return "interactive", text, content


def language_of(conversation: Conversation) -> str:
    """The language to speak, of those that the product knows."""
    wanted = (conversation.identity.contact.language or conversation.connection.language or "en").replace("_", "-").lower()
    if wanted.startswith("zh"):
        return "zh-hans" if wanted in {"zh-cn", "zh-sg", "zh-hans"} else "zh-hant"
    return "ja" if wanted.startswith("ja") else "en"


def _say(conversation: Conversation, key: str, kind: str, text: str, content: dict[str, Any]) -> None:
    queue_message(
        conversation, kind=kind, text=text, content=content, source="rule", cause=f"{CAUSE}:{conversation.pk}", idempotency_key=key
    )


# --- hearing --------------------------------------------------------------------------------------------------------


def answers_in(items: Sequence[tuple[InboundMessage, Identity, int]]) -> list[Answer | None]:
    """For each arriving message (with its identity and connection) what it answers to a survey, or None. At most two queries."""
    wanted = {identity.pk for item, identity, _ in items if not item.echo and not item.content.get("history") and _may_answer(item)}
    if not wanted:
        return [None] * len(items)
    since = clock.now() - ANSWERED_WITHIN
    rows = Survey.objects.filter(conversation__identity__in=wanted, asked_at__gt=since).exclude(state=Survey.State.SKIPPED)
    asked: dict[tuple[int, int], Survey] = {}
    for row in rows.select_related("conversation").order_by("asked_at"):
        asked[row.conversation.identity_id, row.conversation.connection_id] = row
    return [_answer(item, asked.get((identity.pk, connection))) for item, identity, connection in items]


def _may_answer(item: InboundMessage) -> bool:
    return item.kind == "text" or (item.kind == "interactive" and str(item.content.get("id", "")).startswith("survey:"))


def _answer(item: InboundMessage, survey: Survey | None) -> Answer | None:
    if survey is None or item.echo or not _may_answer(item):
        return None
    if item.kind == "interactive":
        _name, conversation, score = (str(item.content["id"]).split(":") + ["", ""])[:3]
        return Answer(survey, int(score), item.text) if conversation == str(survey.conversation_id) and score in SCORES else None
    figure = unicodedata.normalize("NFKC", item.text).strip()
    if survey.score is None:
        return Answer(survey, int(figure), item.text) if figure in SCORES else None
    fresh = survey.answered_at is not None and clock.now() - survey.answered_at < COMMENT_WITHIN
    return Answer(survey, 0, item.text) if fresh and not survey.comment and figure else None


def record(answers: Iterable[tuple[Answer, Message]]) -> None:
    """Write the answers down and thank for a score. In the transaction that stores the messages, the person locked."""
    for answer, message in answers:
        survey = answer.survey
        if not answer.score:
            Survey.objects.filter(pk=survey.pk, comment="").update(comment=storable(answer.text)[:LONGEST_COMMENT])
            continue
        first = survey.score is None
        Survey.objects.filter(pk=survey.pk).update(score=answer.score, state=Survey.State.ANSWERED, answered_at=clock.now())
        if first:
            _thank(message.conversation, survey)


def _thank(conversation: Conversation, survey: Survey) -> None:
    with translation.override(language_of(conversation)):
        text = _("Thank you! If you would like to tell us more, just write it here.")
    if preview_decision(conversation, text=text, source="rule").allowed:
        _say(conversation, f"survey-thanks:{survey.pk}", "text", text, {})
