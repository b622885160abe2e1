"""Templates written here: saved as drafts, submitted to the platform, edited, copied, deleted.

A submission is made once: the row is claimed by a conditional update before the call, and after a lost answer the platform's list is
asked whether it arrived before anything is created again. No call to the platform runs in a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from connectors.contracts import TemplateEditor
from connectors.errors import ConnectorError, Gone, OutcomeUnknown, Rejected
from scrm.connections.models import Connection
from scrm.connections.services import channel_of, explain_error
from scrm.conversations.models import MessageTemplate, TemplateChange
from scrm.conversations.template_parts import FILE_FORMATS, Parts, compose, is_named, parts_of
from scrm.conversations.template_rules import Draft, Finding, errors_of
from scrm.conversations.template_text import Json, cards_of, kind_of
from scrm.conversations.templates import request_sync, set_status, sync_templates
from scrm.core import clock
from scrm.staff.models import User

logger = logging.getLogger(__name__)

# Longer than the longest call: within it a second press finds the first one at work.
SUBMITTING = timedelta(seconds=60)
EDITABLE = frozenset({"DRAFT", "REJECTED", "APPROVED", "PAUSED", "FLAGGED"})


class NotSubmitted(Exception):
    """Nothing was submitted, or it is not known; `findings` say why at the fields of the form."""

    def __init__(self, findings: Sequence[Finding], *, unknown: bool = False) -> None:
        super().__init__(" ".join(finding.text for finding in findings))
        self.findings = list(findings)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Written:
    """What the form holds. `sample` names the stored example file of the header, `card_samples` those of cards by their index:
    {path, mime_type, filename}."""

    name: str
    language: str
    category: str
    parts: Parts
    variables: Json = field(default_factory=dict)
    sample: Mapping[str, str] = field(default_factory=dict)
    card_samples: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    @property
    def draft(self) -> Draft:
        sampled = frozenset(self.card_samples)
        return Draft(self.name, self.language, self.category, self.parts, has_sample=bool(self.sample), sampled=sampled)

    @property
    def examples(self) -> Json:
        """As a template's row keeps them."""
        cards = {str(index): dict(sample) for index, sample in self.card_samples.items()}
        return ({"sample": dict(self.sample)} if self.sample else {}) | ({"cards": cards} if cards else {})


def written_of(template: MessageTemplate) -> Written:
    parts = parts_of(template.components)
    return Written(
        template.name, template.language, template.category, parts, template.variables, sample_of(template), card_samples_of(template)
    )


def sample_of(template: MessageTemplate) -> Mapping[str, str]:
    return (template.examples or {}).get("sample") or {}


def card_samples_of(template: MessageTemplate) -> dict[int, Mapping[str, str]]:
    return {int(index): sample for index, sample in ((template.examples or {}).get("cards") or {}).items()}


def can_write(connection: Connection) -> bool:
    try:
        return isinstance(channel_of(connection), TemplateEditor)
    except ConnectorError:
        return False


@transaction.atomic
def save_draft(connection: Connection, written: Written, *, by: User | None, draft: MessageTemplate | None = None) -> MessageTemplate:
    """Keep what was written; a draft may break every rule but its name's. Raises `NotSubmitted` when the name and language are taken."""
    row = (
        draft
        or MessageTemplate.objects.filter(connection=connection, name=written.name, language=written.language, status="DELETED").first()
    )
    row = row or MessageTemplate(connection=connection)
    if draft is not None and draft.status != "DRAFT":
        raise NotSubmitted([Finding("", _("This template is with the platform already; edit and submit it."))])
    row.name, row.language, row.category = written.name, written.language, written.category
    row.components = compose(written.parts, written.category)
    row.examples = written.examples
    row.variables, row.status, row.reason, row.external_id, row.quality = written.variables, "DRAFT", "", "", ""
    row.synced_at = row.status_at = clock.now()
    row.submitted_at = None if draft is None else row.submitted_at
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise NotSubmitted([Finding("name", _("There is a template of this name in this language already."))]) from None
    return row


def save_variables(template: MessageTemplate, variables: Json) -> None:
    """Where the values come from is ours alone and may change at any time."""
    MessageTemplate.objects.filter(pk=template.pk).update(variables=variables)


def copy(template: MessageTemplate, language: str, *, by: User | None) -> MessageTemplate:
    """A draft of the same name, text and variables in another language, to be translated."""
    original = written_of(template)
    # The platform's handles belong to the original; the copy hands its example files over anew.
    cards = tuple(replace(card, header_handle="") for card in original.parts.cards)
    made = replace(original, language=language, parts=replace(original.parts, header_handle="", cards=cards))
    return save_draft(template.connection, made, by=by)


# --- submitting -------------------------------------------------------------------------------------------------------


def submit(template: MessageTemplate, *, by: User | None) -> MessageTemplate:
    """Hand a draft over for review; pressed twice, it is submitted once. Raises `NotSubmitted`.

    After a lost answer (`unknown`) the draft stays marked as submitted; the next reading of the templates, or the next press, settles it.
    """
    if template.status != "DRAFT":
        return template
    _refuse_errors(written_of(template).draft)
    earlier = template.submitted_at
    if not _claim(template, by):
        raise NotSubmitted([Finding("", _("This template is being submitted. Look again in a minute."))], unknown=True)
    template.refresh_from_db()
    if earlier is not None and _arrived(template):
        return template
    try:
        answer = _editor(template.connection).create_template(_creation(template))
    except ConnectorError as error:
        raise _failed(template, error, known=earlier is None) from error
    with transaction.atomic():
        row = MessageTemplate.objects.select_for_update(of=("self",)).get(pk=template.pk)
        row.external_id, row.category = str(answer.get("external_id", ""))[:60], str(answer.get("category") or row.category)[:20]
        row.submitted_at = clock.now()
        row.save(update_fields=["external_id", "category", "submitted_at"])
        if row.category != template.category:
            TemplateChange.objects.create(template=row, kind="category", before=template.category, after=row.category, at=clock.now())
        if row.status == "DRAFT":  # a fast reviewer's notice may have come first
            set_status(row, str(answer.get("status") or "PENDING"), at=clock.now(), by=by)
    return row


def _claim(template: MessageTemplate, by: User | None) -> bool:
    now = clock.now()
    free = Q(submitted_at=None) | Q(submitted_at__lt=now - SUBMITTING)
    return bool(MessageTemplate.objects.filter(free, pk=template.pk, status="DRAFT").update(submitted_at=now, submitted_by=by))


def _arrived(template: MessageTemplate) -> bool:
    """An earlier submission's answer was lost: ask the platform by name and language."""
    try:
        sync_templates(template.connection)
    except ConnectorError as error:
        raise NotSubmitted(_findings(template.connection, error), unknown=True) from error
    template.refresh_from_db()
    return template.status != "DRAFT"


def _creation(template: MessageTemplate) -> Json:
    body: Json = {
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "components": _with_samples(template),
    }
    return {**body, "parameter_format": "NAMED"} if is_named(template.components) else body


def _with_samples(template: MessageTemplate) -> list[Json]:
    """The components with the handles of freshly stored example files, where the header or a card has one."""
    components = [dict(part) for part in template.components]
    _hand_over(template.connection, components, sample_of(template))
    for part in components:
        if kind_of(part) == "CAROUSEL":
            cards = [[dict(inner) for inner in card] for _prefix, card in cards_of(part)]
            for index, sample in card_samples_of(template).items():
                _hand_over(template.connection, cards[index] if index < len(cards) else [], sample)
            part["cards"] = [{"components": card} for card in cards]
    return components


def _hand_over(connection: Connection, components: list[Json], sample: Mapping[str, str]) -> None:
    """Give the header the platform's name of its example file."""
    header = next((part for part in components if kind_of(part) == "HEADER"), {})
    if not sample or str(header.get("format", "")).upper() not in FILE_FORMATS:
        return
    try:
        with default_storage.open(sample["path"]) as file:
            content = file.read()
    except OSError as error:
        raise Rejected(_("The example file is no longer stored here; choose it again."), remedy="fix_media") from error
    handle = _editor(connection).upload_sample(content, sample["mime_type"], sample["filename"])
    header["example"] = {"header_handle": [handle]}


def _editor(connection: Connection) -> TemplateEditor:
    channel = channel_of(connection)
    if not isinstance(channel, TemplateEditor):
        raise Rejected(_("This channel has no templates."))
    return channel


def _failed(template: MessageTemplate, error: ConnectorError, *, known: bool) -> NotSubmitted:
    """What a failed submission means. Not `known`: an earlier answer was lost, and a refusal now may be because that one arrived."""
    logger.info("template %s not submitted: %s %s", template.pk, type(error).__name__, error.code)
    if isinstance(error, OutcomeUnknown):
        request_sync(template.connection)
        words = _("The platform's answer was lost. Whether the template arrived is being looked up; it is not submitted twice.")
        return NotSubmitted([Finding("", words)], unknown=True)
    if known:
        MessageTemplate.objects.filter(pk=template.pk, status="DRAFT").update(submitted_at=None)
    request_sync(template.connection)
    return NotSubmitted(_findings(template.connection, error), unknown=not known)


# Where in the form an error of the platform belongs.
_FIELDS = {"2388040": "body", "2388047": "header_text", "2388072": "body", "2388073": "footer", "2388293": "body", "2388299": "body"}


def _findings(connection: Connection, error: ConnectorError) -> list[Finding]:
    """The error in words: ours for a code that is known, the platform's own beside it."""
    sentence, advice = explain_error(connection, error.code)
    said = ": ".join(part for part in (error.title, error.detail) if part)
    words = " ".join(dict.fromkeys(part for part in (sentence, advice, said) if part))
    return [Finding(_FIELDS.get(error.code, ""), words or _("The platform did not take the template."))]


def _refuse_errors(draft: Draft) -> None:
    if errors := errors_of(draft):
        raise NotSubmitted(errors)


# --- what is with the platform already --------------------------------------------------------------------------------


def resubmit(template: MessageTemplate, written: Written, *, by: User | None) -> MessageTemplate:
    """Submit new text for a template that the platform has, rejected or approved. It is in review afterwards. Raises `NotSubmitted`.

    An approved one keeps its category: the platform changes that by itself only.
    """
    if template.status not in EDITABLE - {"DRAFT"} or not template.external_id:
        raise NotSubmitted([Finding("", _("A template in this state cannot be changed."))])
    _refuse_errors(written.draft)
    trial = MessageTemplate(connection=template.connection, components=compose(written.parts, written.category))
    trial.examples = written.examples
    try:
        changes: Json = {"components": _with_samples(trial)}
        if template.status == "REJECTED" and written.category != template.category:
            changes["category"] = written.category
        _editor(template.connection).edit_template(template.external_id, changes)
    except OutcomeUnknown as error:
        request_sync(template.connection)
        words = _("The platform's answer was lost. The template is read again; look at its text before you change it once more.")
        raise NotSubmitted([Finding("", words)], unknown=True) from error
    except ConnectorError as error:
        raise NotSubmitted(_findings(template.connection, error)) from error
    return _resubmitted(template, written, trial, by)


@transaction.atomic
def _resubmitted(template: MessageTemplate, written: Written, trial: MessageTemplate, by: User | None) -> MessageTemplate:
    row, now = MessageTemplate.objects.select_for_update(of=("self",)).get(pk=template.pk), clock.now()
    row.components, row.examples, row.variables = trial.components, trial.examples, written.variables
    row.submitted_at, row.submitted_by = now, by
    if row.status == "REJECTED":
        row.category = written.category
    row.save(update_fields=["components", "examples", "variables", "submitted_at", "submitted_by", "category"])
    TemplateChange.objects.create(template=row, kind="text", at=now, by=by)
    set_status(row, "PENDING", at=now, by=by)
    return row


def delete(template: MessageTemplate, *, by: User | None) -> None:
    """Delete this language version with the platform; its row stays for the messages that used it. A draft goes for good."""
    if template.status == "DRAFT" and template.submitted_at is None:
        template.delete()
        return
    try:
        _editor(template.connection).delete_template(template.name, template.external_id)
    except Gone:
        pass
    except ConnectorError as error:
        raise NotSubmitted(_findings(template.connection, error), unknown=isinstance(error, OutcomeUnknown)) from error
    with transaction.atomic():
        row = MessageTemplate.objects.select_for_update(of=("self",)).get(pk=template.pk)
        if row.status != "DELETED":
            set_status(row, "DELETED", at=clock.now(), by=by)
