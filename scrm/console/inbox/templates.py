"""The template picker: what of a number's templates can be sent to this customer, filled as far as we know them; and the sending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from connectors.errors import ConnectorError
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.connections.services import channel_of
from scrm.console import access
from scrm.console.inbox import composing, screen, wording
from scrm.console.template_form import check_file
from scrm.console.template_wording import language_name, place_label
from scrm.conversations import services
from scrm.conversations.models import Conversation, MessageTemplate
from scrm.conversations.template_bubble import Bubble, bubble_of
from scrm.conversations.template_files import handed_over, held_files
from scrm.conversations.template_states import SENDABLE
from scrm.conversations.template_text import FILES, NotFillable, Place, fill, places_of
from scrm.conversations.template_values import Subject, read, spoken, values_for
from scrm.conversations.templates import category_of
from scrm.core import clock
from scrm.staff.models import User

MOST = 200


@dataclass(frozen=True)
class Blank:
    """One field of the picker. `kind` text, file, location, time or products. `example` names the file that goes when none is chosen."""

    key: str
    label: str
    kind: str
    value: str
    accept: str
    example: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Choice:
    """One template of the picker; `bubble` holds `{{key}}` where the page's script puts what is typed."""

    pk: int
    words: str
    category: str
    usable: bool
    bubble: Bubble
    blanks: tuple[Blank, ...]


_ACCEPT = {"image": "image/jpeg,image/png", "video": "video/mp4", "document": "application/pdf"}


def usable(conversation: Conversation) -> QuerySet[MessageTemplate]:
    return MessageTemplate.objects.filter(connection=conversation.connection, status__in=SENDABLE)


@require_safe
def picker(request: HttpRequest, pk: int) -> HttpResponse:
    """The choice with one form a template, for when the window is closed (or by choice)."""
    conversation = screen.conversation_named(pk, access.person(request))
    if conversation is None:
        raise Http404
    choices = choices_for(conversation, access.person(request))
    return render(request, "console/inbox/templates.html", {"conversation": conversation, "choices": choices})


def choices_for(conversation: Conversation, agent: User) -> list[Choice]:
    """In the customer's language first. The customer's order is read once for each way of writing, whatever the number of templates."""
    contact = conversation.identity.contact
    language = contact.language or conversation.connection.language
    rows = sorted(usable(conversation).order_by("name", "language")[:MOST], key=lambda row: _distance(row.language, language))
    subjects: dict[str, Subject] = {}
    made = []
    for row in rows:
        subject = subjects.setdefault(spoken(row.language), Subject(contact, conversation.connection, row.language, agent))
        made.append(_choice(row, _greeting(row, subject) | values_for(row, subject), subject.zone))
    return made


def _greeting(row: MessageTemplate, subject: Subject) -> dict[str, str]:
    """Most texts begin with the name: a suggestion for the first place where nobody said what belongs there. The agent sees it."""
    first = next((place.key for place in places_of(row.components) if place.where == "body"), "")
    return {first: read("contact.first_name", subject)} if first and first not in (row.variables or {}) else {}


def _distance(language: str, wanted: str) -> int:
    """0 the same, 1 the same script or language, 2 another."""
    if language.replace("-", "_").lower() == wanted.replace("-", "_").lower():
        return 0
    same = language[:2].lower() == wanted[:2].lower() and spoken(language) == spoken(wanted)
    return 1 if same else 2


def _choice(row: MessageTemplate, values: Mapping[str, str], zone: ZoneInfo) -> Choice:
    places = [place for place in places_of(row.components) if place.kind != "otp"]
    held = held_files(row)
    blanks = tuple(_blank(place, values.get(place.key, ""), zone, held.get(place.key, {})) for place in places)
    words = f"{row.name} · {language_name(row.language)} · {wording.category_name(row.category)}"
    bubble = bubble_of(row.components, {place.key: f"{{{{{place.key}}}}}" for place in places})
    return Choice(row.pk, words, category_of(row), all(place.kind != "unsupported" for place in places), bubble, blanks)


def _blank(place: Place, value: str, zone: ZoneInfo, held: Mapping[str, str]) -> Blank:
    if place.kind == "time":
        label = _("%(label)s (%(zone)s)") % {"label": place_label(place), "zone": zone.key}
        return Blank(place.key, label, "time", _on_the_clock(value, zone), "")
    kind = "file" if place.kind in FILES else place.kind if place.kind in {"location", "products"} else "text"
    example = value or held.get("filename", "") if kind == "file" else ""
    return Blank(place.key, place_label(place), kind, value, _ACCEPT.get(place.kind, ""), example, place.optional)


def _on_the_clock(value: str, zone: ZoneInfo) -> str:
    """As a browser's field for date and time takes it: the hour where the customer lives."""
    try:
        return datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    except ValueError:
        return ""


def template_draft(
    conversation: Conversation, pk: int | None, values: Mapping[str, str], files: Mapping[str, Any], key: str, by: User
) -> services.Draft:
    """The message. Raises `ValidationError` that names every place that is missing, too long or of the wrong kind."""
    template = usable(conversation).filter(pk=pk or 0).first()
    if template is None:
        raise ValidationError(_("Choose a template."))
    try:
        filled = fill(template.components, _all_values(conversation, template, values, files, by), now=clock.now())
    except NotFillable as reason:
        raise ValidationError(list(reason.problems.values())) from None
    content = {"name": template.name, "language": template.language, "components": filled.components}
    return services.Draft(
        conversation,
        kind="template",
        text=filled.text,
        content=content,
        category=category_of(template),
        source="agent",
        by=by,
        idempotency_key=key,
    )


def _all_values(
    conversation: Conversation, template: MessageTemplate, values: Mapping[str, str], files: Mapping[str, Any], by: User
) -> dict[str, Any]:
    """What was typed; files become the platform's ids, places their coordinates. A file is handed over only when all else is there.

    For a header without a file or link of its own, the example file goes that its template was approved with.
    """
    subject = Subject(conversation.identity.contact, conversation.connection, template.language, by)
    known: dict[str, Any] = dict(values)
    places = places_of(template.components)
    files_wanted = [place for place in places if place.kind in FILES]
    if files_wanted:
        mapped = values_for(template, subject)
        known |= {place.key: mapped[place.key] for place in files_wanted if place.key in mapped and not known.get(place.key)}
    for place in places:
        if place.kind == "location" and known.get(place.key):
            known[place.key] = _where(str(known[place.key]))
        elif place.kind == "time":
            known[place.key] = _moment(str(known.get(place.key, "")), subject.zone)
    chosen = {place.key: files[f"place_{place.key}"] for place in files_wanted if files.get(f"place_{place.key}")}
    held = held_files(template)
    waiting = [place for place in files_wanted if place.key in chosen or (place.key in held and not known.get(place.key))]
    fill(template.components, known | {place.key: {"id": "0"} for place in waiting}, now=clock.now())
    for place in waiting:
        upload = chosen.get(place.key)
        number = conversation.connection
        known[place.key] = _uploaded(number, upload, place.kind) if upload else handed_over(number, held[place.key], place.kind)
    return known


def _moment(text: str, zone: ZoneInfo) -> str:
    """A date and time without a zone is meant where the customer lives."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def _where(text: str) -> dict[str, Any]:
    try:
        latitude, longitude = composing.point_in(text)
    except composing.Unclear:
        raise ValidationError(_("The header needs a place: its latitude and longitude.")) from None
    return {"latitude": latitude, "longitude": longitude}


def _uploaded(number: Connection, upload: UploadedFile, kind: str) -> dict[str, str]:
    mime_type = check_file(upload, kind.upper())
    try:
        external_id = channel_of(number).upload(upload.read(), mime_type, upload.name or kind)
    except ConnectorError as error:
        raise ValidationError(_("The platform did not take the file: %(error)s") % {"error": worded(str(error))}) from error
    return {"id": external_id, "filename": upload.name or ""} if kind == "document" else {"id": external_id}
