"""Macros at work: all of their actions in one transaction, or none, with the rights of whoever uses them.

A text that the law refuses undoes the rest: nobody wants a conversation closed whose last words never went. One that the law puts off
goes later, as any other would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from scrm.console.inbox import moments, reasons
from scrm.console.inbox.prepared import with_name
from scrm.console.macro_models import Macro, MacroUse
from scrm.contacts.names import form_of_address
from scrm.conversations import routing, services
from scrm.conversations.models import Conversation, Message, QuickReply
from scrm.conversations.threads import locked, touch
from scrm.core import clock
from scrm.staff.models import User
from scrm.tags import services as tags

ANSWER, TAG = "conversations.change_conversation", "tags.add_tagassignment"


class CannotApply(Exception):
    """Why nothing was done, for the person who asked."""


@dataclass(frozen=True, slots=True)
class Applied:
    """`message`: what was queued, None for a macro without words or on a repeat. `again`: the key was used before, nothing was done."""

    message: Message | None = None
    again: bool = False


def usable_by(user: User) -> QuerySet[Macro]:
    """Those that are in use and for everybody, or for a team of theirs; the most used first."""
    mine = Q(teams=None) | Q(teams__in=user.teams.values("pk"))
    return Macro.objects.filter(mine, active=True).distinct().order_by("-used", "name")


def apply(macro: Macro, conversation: Conversation, *, key: str, by: User) -> Applied:
    """Do all that the macro says. The same key again changes nothing. Raises `CannotApply`; then nothing was done."""
    with transaction.atomic():
        row = locked(conversation)
        if MacroUse.objects.filter(key=key).exists():
            return Applied(again=True)
        _check(macro, by)
        message = _speak(macro, row, key, by)
        _mark(macro, row, by)
        _hand_on(macro, row, by)
        MacroUse.objects.create(macro=macro, conversation=row, by=by, key=key, used_at=clock.now())
        Macro.objects.filter(pk=macro.pk).update(used=F("used") + 1)
    return Applied(message)


def _check(macro: Macro, by: User) -> None:
    needed = [ANSWER, *([TAG] if macro.tags.exists() else [])]
    if not all(by.has_perm(permission) for permission in needed):
        raise CannotApply(_("This macro does something that you may not do: ask a supervisor."))
    if macro.assign == Macro.Assign.COLLEAGUE and (macro.colleague is None or not macro.colleague.is_active):
        raise CannotApply(_("The colleague of this macro is no longer there: ask a supervisor to change it."))
    if macro.assign == Macro.Assign.TEAM and macro.team is None:
        raise CannotApply(_("The team of this macro is no longer there: ask a supervisor to change it."))


def _speak(macro: Macro, conversation: Conversation, key: str, by: User) -> Message | None:
    text, reply = _words(macro, conversation)
    if not text:
        return None
    result = services.queue_message(conversation, text=text, source="agent", by=by, idempotency_key=f"macro:{key}")
    if result.message.state == "blocked":
        raise CannotApply(_("Nothing was done: %(because)s") % {"because": reasons.rule_sentence(result.decision.rule)})
    if reply is not None:
        QuickReply.objects.filter(pk=reply.pk).update(used=F("used") + 1)
    return result.message


def _words(macro: Macro, conversation: Conversation) -> tuple[str, QuickReply | None]:
    """The text for this customer, and the quick reply it came from."""
    contact = conversation.identity.contact
    reply = _in_language(macro.quick_reply, contact.language) if macro.quick_reply else None
    text = reply.text if reply else macro.text
    return with_name(text, form_of_address(contact.name, country=contact.country, language=contact.language)).strip(), reply


def _in_language(reply: QuickReply, language: str) -> QuickReply:
    """Of the same shortcut the one in the customer's language: the very one, then one of the same tongue, else as chosen."""
    wanted = language.replace("-", "_").lower()
    others = QuickReply.objects.filter(shortcut=reply.shortcut)
    return min(others, key=lambda row: (*_distance(row.language.replace("-", "_").lower(), wanted), row.pk != reply.pk), default=reply)


def _distance(language: str, wanted: str) -> tuple[bool, bool]:
    return bool(not wanted or language[:2] != wanted[:2]), language != wanted


def _mark(macro: Macro, conversation: Conversation, by: User) -> None:
    if macro.note.strip():
        services.add_note(conversation, text=macro.note, by=by)
    for tag in macro.tags.all():
        tags.add_tag(conversation.identity.contact, tag, by=by, conversation=conversation)
    if macro.priority:
        touch([conversation.pk], low_priority=macro.priority == Macro.Priority.LOW)


def _hand_on(macro: Macro, conversation: Conversation, by: User) -> None:
    if macro.assign == Macro.Assign.TEAM:
        routing.transfer(conversation, team=macro.team, by=by)
    elif macro.assign:
        to = {Macro.Assign.ME: by, Macro.Assign.COLLEAGUE: macro.colleague}.get(Macro.Assign(macro.assign))
        services.assign(conversation, to=to, by=by)
    if macro.then == Macro.Then.CLOSE:
        services.close(conversation, by=by)
    elif macro.then:
        services.snooze(conversation, until=moments.PRESETS[macro.then](clock.now()), by=by)


def does(macro: Macro, tag_names: Iterable[str]) -> str:
    """What it does, in a line for the menu: '“Thank you …” · Refund · close'."""
    text = " ".join((macro.quick_reply.text if macro.quick_reply else macro.text).split())
    parts = [f"“{text[:60]}{'…' if len(text) > 60 else ''}”" if text else "", _("internal note") if macro.note else "", *tag_names]
    parts.append(_("low priority") if macro.priority == Macro.Priority.LOW else macro.get_priority_display() if macro.priority else "")
    parts.append(f"→ {macro.colleague or macro.team or macro.get_assign_display()}" if macro.assign else "")
    parts.append(macro.get_then_display() if macro.then else "")
    return " · ".join(str(part) for part in parts if part)
