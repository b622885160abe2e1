"""A conversation's messages as a person reads them: one page, with quotes, reactions, files, and why a send went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from scrm.automation.models import Rule
from scrm.commerce.models import Product
from scrm.connections.models import Connection
from scrm.console.inbox import reasons, shapes, wording
from scrm.console.inbox.bubbles import TROUBLED, Bubble, File, Quote, bubble_of, missing_file, received, shape, shown
from scrm.conversations import template_bubble
from scrm.conversations.models import Attachment, Conversation, Decision, Message, MessageTemplate
from scrm.conversations.services import resend_key
from scrm.conversations.template_sent import still_reads, values_in
from scrm.conversations.template_text import kind_of, rendered, typed

PAGE = 50
# Kinds that say something about another message; they stand on that one and have no bubble of their own.
ABOUT_OTHERS = frozenset({"reaction", "edit", "revoke"})


@dataclass(frozen=True, slots=True)
class Thread:
    """One page, oldest first; `older` is the cursor of the page before it, or empty."""

    bubbles: list[Bubble]
    older: str = ""


def thread_of(conversation: Conversation, *, before: str = "") -> Thread:
    """The newest messages, or those before the cursor of a former page."""
    rows = conversation.messages.select_related("author").order_by("-sent_at", "-id")
    place = _place(before)
    if place is not None:
        at, pk = place
        rows = rows.filter(Q(sent_at__lte=at) & (Q(sent_at__lt=at) | Q(id__lt=pk)))
    found = list(rows[: PAGE + 1])
    older = f"{found[PAGE - 1].sent_at.isoformat()}~{found[PAGE - 1].pk}" if len(found) > PAGE else ""
    return Thread(_bubbles(conversation.connection, found[:PAGE][::-1]), older)


def _place(cursor: str) -> tuple[datetime, int] | None:
    at, _, pk = cursor.partition("~")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    return (moment, int(pk[:18])) if moment is not None and moment.tzinfo and pk.isdecimal() else None


def _bubbles(connection: Connection, messages: Sequence[Message]) -> list[Bubble]:
    known = _known(connection, messages)
    bubbles = [bubble_of(connection, message) for message in messages if not _stands_on_another(message, known)]
    _add_reactions(bubbles, messages)
    _add_quotes(bubbles, known)
    _add_files(bubbles)
    _add_products(bubbles)
    _add_carousels(connection, bubbles)
    _add_causes(bubbles)
    _add_decisions(bubbles)
    _add_resends(bubbles)
    _add_days(bubbles)
    return bubbles


def target_of(message: Message) -> str:
    """The platform's id of the message that a reaction, a change or a withdrawal is about."""
    if message.kind not in ABOUT_OTHERS:
        return ""
    return shapes.text_of(message.content.get("message_id") or message.content.get("original_id"))


def _known(connection: Connection, messages: Sequence[Message]) -> dict[str, Message]:
    """The messages that those of the page answer or are about, by the platform's id: from the page, the rest with one query."""
    known = {message.external_id: message for message in messages if message.external_id}
    wanted = {identifier for message in messages for identifier in (message.reply_to, target_of(message)) if identifier}
    if missing := wanted - known.keys():
        rows = Message.objects.filter(connection=connection, external_id__in=missing)
        known |= {row.external_id: row for row in rows.only("pk", "external_id", "text", "direction", "kind", "content")}
    return known


def _stands_on_another(message: Message, known: dict[str, Message]) -> bool:
    """True when the message it is about shows it. What could not be sent keeps a bubble of its own, with the reason."""
    target = known.get(target_of(message))
    if target is None or (message.direction == Message.Direction.OUT and message.state in TROUBLED):
        return False
    if message.kind == "edit":
        return bool(target.content.get("earlier"))
    return message.kind == "reaction" or bool(target.content.get("withdrawn"))


def _add_reactions(bubbles: Sequence[Bubble], messages: Iterable[Message]) -> None:
    """Emoji on the message they stand on: what the message itself records, else the rows of the page, the last of each side."""
    rows: dict[str, dict[str, str]] = {}
    for message in messages:
        if message.kind == "reaction" and message.state not in TROUBLED:
            side = "us" if message.direction == Message.Direction.OUT else message.direction
            rows.setdefault(target_of(message), {})[side] = shapes.text_of(message.content.get("emoji"))
    for bubble in bubbles:
        left = rows.get(bubble.message.external_id, {}) if bubble.message.external_id else {}
        if "reactions" in bubble.message.content:
            # Those of the console's own agents are rows only.
            left = {**shapes.reactions_of(bubble.message.content), **{side: emoji for side, emoji in left.items() if side == "us"}}
        # The customer's before ours: a stored object keeps no order of its own.
        bubble.reactions = [emoji for _, emoji in sorted(left.items(), key=lambda each: (each[0] == "us", each[0])) if emoji]


def _add_quotes(bubbles: Sequence[Bubble], known: dict[str, Message]) -> None:
    for bubble in bubbles:
        answered = bubble.message.reply_to
        if not answered:
            continue
        row = known.get(answered)
        if row is None:
            bubble.quote = Quote(str(wording.UNKNOWN_QUOTE), ours=False)
        else:
            words = "" if row.content.get("withdrawn") else row.text
            bubble.quote = Quote((words or wording.kind_name(row.kind))[:140], row.direction == Message.Direction.OUT, row.pk)


def _add_files(bubbles: Sequence[Bubble]) -> None:
    by_message: dict[int, list[Attachment]] = {}
    for row in Attachment.objects.filter(message__in=[bubble.message.pk for bubble in bubbles]).order_by("pk"):
        by_message.setdefault(row.message_id, []).append(row)
    for bubble in bubbles:
        message = bubble.message
        if bubble.withdrawn:
            continue
        bubble.files = [_received(row) for row in by_message.get(message.pk, [])]
        if not bubble.files and message.direction == Message.Direction.OUT and message.content.get("file"):
            url = reverse("console:message-file", args=[message.pk])
            name = shapes.text_of(message.content.get("filename"))
            bubble.files = [File(url, shape(message.kind), name, Attachment.State.STORED)]
        if not bubble.files:
            bubble.missing = missing_file(message)
        elif any(file.name and file.name == message.text for file in bubble.files):
            bubble.words = ""  # a document's name is on its file already
        bubble.name_what_is_left()


def _received(row: Attachment) -> File:
    url = reverse("console:attachment", args=[row.pk]) if row.state == Attachment.State.STORED else ""
    return received(row, url)


def _add_products(bubbles: Sequence[Bubble]) -> None:
    """The names of what was ordered, where the catalogue knows the code."""
    skus = {item.sku for bubble in bubbles if bubble.order for item in bubble.order.items}
    names = dict(Product.objects.filter(sku__in=skus).values_list("sku", "name")) if skus else {}
    for bubble in bubbles:
        if names and bubble.order:
            items = tuple(replace(item, name=names.get(item.sku, "")) for item in bubble.order.items)
            bubble.order = replace(bubble.order, items=items)


def _add_carousels(connection: Connection, bubbles: Sequence[Bubble]) -> None:
    """Cards side by side as the customer got them. Of a template that was changed since, the words alone are known."""
    sent = [bubble for bubble in bubbles if bubble.message.kind == "template" and typed(_components(bubble.message), "CAROUSEL")]
    if not sent:
        return
    names = {shapes.text_of(bubble.message.content.get("name")) for bubble in sent}
    rows = MessageTemplate.objects.filter(connection=connection, name__in=names).only("name", "language", "components")
    known = {(row.name, row.language): row.components for row in rows}
    for bubble in sent:
        content = bubble.message.content
        components = known.get((shapes.text_of(content.get("name")), shapes.text_of(content.get("language"))), [])
        values = values_in(components, content["components"])
        if not bubble.withdrawn and still_reads(components, values, bubble.message.text):
            bubble.template = template_bubble.bubble_of(components, values)
            bubble.words = shown(rendered([part for part in components if kind_of(part) != "CAROUSEL"], values))


def _components(message: Message) -> list[Any]:
    components = message.content.get("components")
    return components if isinstance(components, list) else []


def _add_causes(bubbles: Sequence[Bubble]) -> None:
    """Who spoke, when it was no agent: the rule by its name, a campaign, a partner, the phone app."""
    numbers = {number for bubble in bubbles if (number := _rule_number(bubble.message.cause)) is not None}
    names = dict(Rule.objects.filter(pk__in=numbers).values_list("pk", "name")) if numbers else {}
    for bubble in bubbles:
        if bubble.ours:
            number = _rule_number(bubble.message.cause)
            bubble.cause = wording.cause(bubble.message, names.get(number, "") if number is not None else "")
            if bubble.message.source == Message.Source.PHONE_APP:
                bubble.icon = "smartphone"


def _rule_number(cause: str) -> int | None:
    kind, _, rest = cause.partition(":")
    number = rest.split(":")[0].split("@")[0]
    return int(number) if kind == "rule" and number.isdecimal() else None


def _add_decisions(bubbles: Sequence[Bubble]) -> None:
    """What the law said about messages that it holds back: the rule in words, its counters, the next moment."""
    held = {bubble.message.pk: bubble for bubble in bubbles if bubble.tick in {"blocked", "clock"}}
    if not held:
        return
    for decision in Decision.objects.filter(message__in=list(held)).order_by("decided_at", "pk"):
        bubble = held[decision.message_id or 0]
        if decision.verdict != Decision.Verdict.ALLOW:
            bubble.problem, bubble.advice, bubble.until = reasons.rule_sentence(decision.rule), "", decision.until
            bubble.why = reasons.counter_words(decision.counters)


def _add_resends(bubbles: Sequence[Bubble]) -> None:
    """A message that a person sent again leads to the new one."""
    keys = {resend_key(bubble.message): bubble for bubble in bubbles if bubble.tick in TROUBLED}
    if not keys:
        return
    for again in Message.objects.filter(idempotency_key__in=list(keys)).only("pk", "idempotency_key", "state", "created_at"):
        keys[again.idempotency_key or ""].again = again


def _add_days(bubbles: Sequence[Bubble]) -> None:
    """A separator where the viewer's date changes; bubbles of one side within two minutes stand close together."""
    before: Bubble | None = None
    for bubble in bubbles:
        day = bubble.at.date()
        if before is None or before.at.date() != day:
            bubble.day = day
        elif _same_voice(before.message, bubble.message):
            bubble.joined = (bubble.at - before.at).total_seconds() < 120
        before = bubble


def _same_voice(one: Message, other: Message) -> bool:
    return (one.direction, one.source, one.author_id) == (other.direction, other.source, other.author_id)
