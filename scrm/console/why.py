"""'Why did this (not) go?' on one screen: a message with every decision about it, the values that decided, and the next moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from scrm.console.access import seen, sees_causes
from scrm.console.inbox import reasons, wording
from scrm.console.timeline import Causes
from scrm.conversations import services
from scrm.conversations.models import Decision, Message

HELD = frozenset({Message.State.QUEUED, Message.State.BLOCKED, Message.State.FAILED})
MOST = 100


@dataclass(frozen=True, slots=True)
class Told:
    """One decision in words. `tone`: good, warn or bad."""

    at: datetime
    verdict: str
    tone: str
    moment: str
    asker: str
    sentence: str
    until: datetime | None
    counters: list[str]


TONES = {Decision.Verdict.ALLOW: "good", Decision.Verdict.DEFER: "warn", Decision.Verdict.REFUSE: "bad"}


def told(row: Decision, cause: str) -> Told:
    verdict = Decision.Verdict(row.verdict)
    sentence = reasons.rule_sentence(row.rule) if row.rule else _("No rule stood against it.")
    asker = " · ".join(filter(None, [capfirst(wording.asker_name(row.asked_by)), cause]))
    moment = capfirst(wording.moment_name(row.moment))
    return Told(row.decided_at, str(verdict.label), TONES[verdict], moment, asker, sentence, row.until, reasons.counter_words(row.counters))


def all_told(rows: list[Decision]) -> list[Told]:
    causes = Causes(row.cause for row in rows)
    return [told(row, causes.words(row.cause) if row.cause else "") for row in rows]


def steps(message: Message) -> list[tuple[str, datetime]]:
    """What became of the message, with the times that are known, in order. A platform's times are whole seconds: within one, as listed."""
    times = [
        (_("Written"), message.created_at),
        (_("Accepted by the platform"), message.accepted_at),
        (_("Delivered"), message.delivered_at),
        (_("Read"), message.read_at),
        (_("Failed"), message.failed_at),
    ]
    return sorted(((name, at) for name, at in times if at), key=lambda step: step[1].replace(microsecond=0))


@require_safe
def of_message(request: HttpRequest, pk: int) -> HttpResponse:
    shown = ("conversation__identity__contact", "conversation__connection", "connection", "author")
    message = get_object_or_404(seen(request, Message.objects.select_related(*shown)), pk=pk, direction=Message.Direction.OUT)
    return page(request, message, list(message.decisions.order_by("-decided_at", "-pk")[:MOST]))


def page(request: HttpRequest, message: Message | None, decisions: list[Decision]) -> HttpResponse:
    """The screen for a message, or for decisions whose message is gone."""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Why did this go, or not?"),
        "message_row": message,
        "decisions": all_told(decisions),
        "contact": message.conversation.identity.contact if message else decisions[0].contact if decisions else None,
    }
    if message is not None:
        context |= _about(message, causes=sees_causes(request.user))
    return render(request, "console/why.html", context)


def _about(message: Message, *, causes: bool) -> dict[str, Any]:
    problem, advice = wording.failure(message.connection, message) if message.state in {"failed", "expired"} else ("", "")
    kind = capfirst(wording.kind_name(message.kind))
    about: dict[str, Any] = {"steps": steps(message), "problem": problem, "advice": advice, "kind": kind}
    about["small_print"] = wording.small_print(message, problem, causes=causes)
    if message.state in HELD:
        said = services.preview_decision(
            message.conversation,
            kind=message.kind,
            text=message.text,
            content=message.content,
            category=message.category,
            source=message.source,
        )
        about["now_words"] = reasons.verdict_words(said)
        about["now_tone"] = TONES[Decision.Verdict(said.verdict)]
    return about
