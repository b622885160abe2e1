"""To which conversation of each person a campaign's message would go, and with what words. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scrm.campaigns.models import Recipient
from scrm.contacts.family import current
from scrm.contacts.models import Contact, Identity
from scrm.conversations.models import Conversation, MessageTemplate
from scrm.conversations.template_files import handed_over, held_files
from scrm.conversations.template_text import FILES, NotFillable, fill, places_of
from scrm.conversations.template_values import Subject, values_for

# Only WhatsApp has templates.
_KINDS = (Identity.Kind.WHATSAPP, Identity.Kind.WHATSAPP_USER)


@dataclass(slots=True)
class Addressed:
    """`conversation`: the open one, or one that is not saved yet. `reason`: why nothing goes, or what is waited for, until `until`."""

    recipient: Recipient
    conversation: Conversation
    text: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    note: str = ""
    until: datetime | None = None
    refused: bool = False

    def leave_out(self, reason: str, note: str = "") -> None:
        self.reason, self.note, self.refused = reason, note[:300], True


def addressed(template: MessageTemplate, recipients: Sequence[Recipient], files: dict[str, Any], now: datetime) -> list[Addressed]:
    """One for each, in their order. `files`: what all of them get, see `files_of`."""
    number = template.connection
    people = current([each.contact_id for each in recipients])
    chats = _chats(template, people)
    found = []
    seen: set[int] = set()
    for recipient in recipients:
        person = people.get(recipient.contact_id)
        chat = chats.get(person.pk) if person is not None else None
        case = Addressed(recipient, chat or Conversation(connection=number))
        found.append(case)
        if person is None or chat is None:
            case.leave_out(Recipient.Reason.NO_ADDRESS)
        elif person.pk in seen:
            case.leave_out(Recipient.Reason.SAME_PERSON)
        else:
            seen.add(person.pk)
            _fill(case, template, person, files, now)
    return found


def unmapped(template: MessageTemplate) -> list[str]:
    """The places of a template, by the names that it calls them, for which nothing says what belongs there."""
    known = {*held_files(template), *(key for key, said in (template.variables or {}).items() if any(said.values()))}
    return [place.public for place in places_of(template.components) if not place.optional and place.key not in known]


def _chats(template: MessageTemplate, people: dict[int, Any]) -> dict[int, Conversation]:
    """Of each person the newest open conversation with this number, else one that would be begun: with a number rather than a user id,
    with an address at which things arrive rather than another."""
    roots = {person.pk for person in people.values()}
    number = template.connection
    identities = Identity.objects.filter(contact__in=roots, kind__in=_KINDS, valid_to=None).select_related("contact")
    found: dict[int, Conversation] = {}
    for identity in sorted(identities, key=lambda each: (each.unreachable_since is not None, each.kind, each.pk)):
        found.setdefault(identity.contact_id, Conversation(identity=identity, connection=number))
    open_ones = Conversation.objects.exclude(status="closed").filter(connection=number, identity__contact__in=roots)
    for chat in open_ones.filter(identity__valid_to=None).select_related("identity__contact").order_by("last_message_at", "pk"):
        chat.connection = number
        found[chat.identity.contact_id] = chat
    return found


def files_of(template: MessageTemplate, *, hand_over: bool) -> dict[str, Any]:
    """The example files of the template, which are everybody's, as values; for a check it is enough that they are here.

    Raises `ValidationError` when the platform does not take one. It may take its time: not inside a transaction.
    """
    held = held_files(template)
    wanted = [place for place in places_of(template.components) if place.kind in FILES and place.key in held]
    return {place.key: handed_over(template.connection, held[place.key], place.kind) if hand_over else {"id": "0"} for place in wanted}


def _fill(case: Addressed, template: MessageTemplate, person: Contact, files: dict[str, Any], now: datetime) -> None:
    subject = Subject(person, template.connection, template.language, now=now)
    try:
        filled = fill(template.components, {**files, **values_for(template, subject)}, now=now)
    except NotFillable as problem:
        case.leave_out(Recipient.Reason.NOT_FILLABLE, str(problem))
        return
    case.text = filled.text
    case.content = {"name": template.name, "language": template.language, "components": filled.components}
