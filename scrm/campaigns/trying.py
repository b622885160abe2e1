"""A campaign's message to one number before it is sent to many, with that person's own words in it.

It goes as a message that its sender writes by hand: the law is asked, limits count it, and it stands in the conversation under their name.
Nobody is in the audience by it.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from scrm.campaigns.addressing import addressed, files_of
from scrm.campaigns.campaigns import Refused, cause_of, check
from scrm.campaigns.models import Campaign, Recipient
from scrm.connections.models import Connection
from scrm.contacts import phone
from scrm.contacts.locking import lock_people
from scrm.contacts.models import Contact, Identity
from scrm.conversations.queueing import Draft, QueueResult, queue_many
from scrm.conversations.services import start_conversation
from scrm.conversations.templates import category_of
from scrm.core import clock
from scrm.staff.models import User


def send_test(campaign: Campaign, number: str, *, by: User, once: str) -> QueueResult:
    """Send it to whoever has this number, in any spelling. Raises `Refused`, in words; what the law says stands in the result.

    `once`: made anew each time the form is shown, so that one shown form sends one message, however often it is pressed.
    """
    row = Campaign.objects.select_related("segment", "template__connection").get(pk=campaign.pk)
    check(row)
    person = _who_has(number, row.template.connection)
    template, now = row.template, clock.now()
    try:
        files = files_of(template, hand_over=True)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    with transaction.atomic():
        lock_people({person.pk})
        (case,) = addressed(template, [Recipient(campaign=row, contact=person)], files, now)
        if case.refused:
            raise Refused(" ".join(filter(None, [str(Recipient.Reason(case.reason).label), case.note])))
        if case.conversation.pk is None:
            case.conversation = start_conversation(case.conversation.identity, template.connection)
        key = f"{cause_of(row)}:test:{by.pk}:{person.pk}:{once[:40]}"
        said = {"kind": "template", "text": case.text, "content": case.content, "category": category_of(template)}
        (result,) = queue_many([Draft(case.conversation, "agent", key, by=by, **said)])  # type: ignore[arg-type]
    return result


def _who_has(number: str, connection: Connection) -> Contact:
    reading = phone.parse(number.strip(), Connection.countries())
    meant = [reading.e164] if isinstance(reading, phone.Number) else list(reading.candidates)
    holders = Identity.objects.filter(e164__in=meant, kind=Identity.Kind.WHATSAPP, valid_to=None).select_related("contact")
    found = list(holders.order_by("pk")[:2]) if meant else []
    if not found:
        raise Refused(
            _("Nobody here has %(number)s on WhatsApp. Write a message from that phone to %(connection)s once, then try again.")
            % {"number": number, "connection": connection.label}
        )
    if len(found) > 1:
        raise Refused(_("This can be read as several people's number. Type it with its country code, such as +852 …"))
    return found[0].contact
