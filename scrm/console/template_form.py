"""The form in which a message template is written, and what it holds as `Written`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.console import template_wording as wording
from scrm.console.template_cards import Cards, posted_cards, stored_cards
from scrm.conversations.models import MessageTemplate
from scrm.conversations.template_drafts import Written, can_write, written_of
from scrm.conversations.template_parts import FILE_FORMATS, Button, Parts, compose
from scrm.conversations.template_text import Place, places_of
from scrm.conversations.template_values import CUSTOM, SOURCES
from scrm.core import clock

BUTTON_ROWS = range(10)
SAMPLE_TYPES = {"IMAGE": ("image/jpeg", "image/png"), "VIDEO": ("video/mp4",), "DOCUMENT": ("application/pdf",)}
SAMPLE_BYTES = {"IMAGE": 5 * 2**20, "VIDEO": 16 * 2**20, "DOCUMENT": 16 * 2**20}
_SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "application/pdf": b"%PDF"}
LONGEST = 2000
OFFER, CARDS = "OFFER", "CARDS"


class OneText(forms.CharField):
    """Browsers post line ends as two characters; the platform counts one."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class TemplateForm(forms.Form):
    """Nothing is required here: a draft may be half written. The platform's rules are asked when it is submitted."""

    connection = forms.ModelChoiceField(Connection.objects.none(), label=_("Number"), empty_label=None)
    name = forms.CharField(label=_("Name"), max_length=512, help_text=_("Small letters, digits and _: order_update"))
    language = forms.ChoiceField(label=_("Language"))
    category = forms.ChoiceField(
        label=_("Category"),
        choices=[("UTILITY", _("service notice")), ("MARKETING", _("promotion")), ("AUTHENTICATION", _("authentication"))],
    )
    layout = forms.ChoiceField(label=_("Layout"), required=False, choices=list(wording.LAYOUTS.items()))
    offer = forms.CharField(label=_("Offer's heading"), required=False, max_length=60)
    offer_ends = forms.BooleanField(label=_("The phone counts down to the offer's end"), required=False)
    header_format = forms.ChoiceField(label=_("Header"), required=False, choices=list(wording.HEADERS.items()))
    header_text = forms.CharField(label=_("Header's text"), required=False, max_length=200)
    header_file = forms.FileField(label=_("Example file"), required=False)
    body = OneText(label=_("Text"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 6}))
    footer = forms.CharField(label=_("Footer"), required=False, max_length=200)
    security_hint = forms.BooleanField(label=_("Add 'do not share this code'"), required=False)
    code_minutes = forms.IntegerField(label=_("The code lives, minutes"), required=False)

    def __init__(self, data: Any = None, files: Any = None, *, template: MessageTemplate | None = None) -> None:
        self.template = template
        fresh = {"category": "UTILITY", "header_format": "", "layout": ""}
        super().__init__(data, files, initial=_initial(template) if template else fresh)
        connections = Connection.objects.filter(kind="channel").order_by("label")
        able = [row.pk for row in connections if can_write(row)] if template is None else [template.connection_id]
        self.fields["connection"].queryset = connections.filter(pk__in=able)  # type: ignore[attr-defined]
        self.fields["language"].choices = wording.language_choices()  # type: ignore[attr-defined]
        if template is not None and template.status != "DRAFT":
            for name in ("connection", "name", "language"):
                self.fields[name].disabled = True
        if template is not None:
            self.fields["connection"].disabled = True
            if template.status not in {"DRAFT", "REJECTED"}:
                self.fields["category"].disabled = True

    def clean_header_file(self) -> UploadedFile | None:
        upload: UploadedFile | None = self.cleaned_data.get("header_file")
        return upload

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        upload, form = given.get("header_file"), given.get("header_format", "")
        if upload and form in FILE_FORMATS:
            try:
                check_file(upload, form)
            except ValidationError as error:
                self.add_error("header_file", error)
        if given.get("layout") == CARDS:
            self._clean_cards()
        return given

    def _clean_cards(self) -> None:
        cards = self.cards()
        for index, _row in enumerate(cards.rows if cards.header_format in FILE_FORMATS else ()):
            upload = self._upload(f"card_{index}_file")
            if upload is None:
                continue
            try:
                check_file(upload, cards.header_format)
            except ValidationError as error:
                words = gettext("Card %(number)d: %(error)s") % {"number": index + 1, "error": " ".join(error.messages)}
                self.add_error(None, words)

    def _upload(self, name: str) -> UploadedFile | None:
        given = self.files.get(name)
        return given if isinstance(given, UploadedFile) and given else None

    # --- what is written ----------------------------------------------------------------------------------------------

    def buttons(self) -> list[dict[str, str]]:
        """The ten rows as posted or as stored; empty ones have no kind."""
        if not self.is_bound:
            stored = written_of(self.template).parts.buttons if self.template else ()
            rows = [{"kind": b.kind, "text": b.text, "value": b.value, "example": b.example} for b in stored]
            return [*rows, *({"kind": "", "text": "", "value": "", "example": ""} for _row in BUTTON_ROWS[len(rows) :])]
        return [{part: self._posted(f"button_{n}_{part}") for part in ("kind", "text", "value", "example")} for n in BUTTON_ROWS]

    def _posted(self, name: str) -> str:
        return str(self.data.get(name, "")).replace("\x00", "").strip()[:LONGEST]

    def _rest_of(self, kind: str, text: str) -> Mapping[str, Any]:
        """What the platform holds of a button beside what the form shows (a form's id and action): kept."""
        stored = written_of(self.template).parts.buttons if self.template else ()
        return next((button.rest for button in stored if button.kind == kind and button.text == text), {})

    def chosen_layout(self) -> str:
        """ "", OFFER or CARDS."""
        return self._clean("layout") if self.is_bound else str(self.initial.get("layout", ""))

    def cards(self) -> Cards:
        return posted_cards(self.data, self.files) if self.is_bound else stored_cards(self._stored())

    def _stored(self) -> Parts:
        return written_of(self.template).parts if self.template else Parts()

    def parts(self) -> Parts:
        """A preview is drawn of what is there, valid or not. What the chosen layout does not have is left out."""
        if not self.is_bound:
            return self._stored()
        given = {name: self._clean(name) for name in ("header_format", "header_text", "body", "footer", "code_minutes", "offer")}
        minutes, layout = given["code_minutes"], self.chosen_layout()
        plain = layout != CARDS
        return Parts(
            header_format=given["header_format"] if plain else "",
            header_text=given["header_text"] if plain else "",
            header_handle=self._stored_handle(given["header_format"]) if plain else "",
            body=given["body"],
            footer="" if layout else given["footer"],
            buttons=self._buttons() if plain else (),
            examples=self._examples(),
            security_hint=bool(self.data.get("security_hint")),
            code_minutes=int(minutes) if minutes.isdecimal() and len(minutes) < 5 else None,
            offer=given["offer"] if layout == OFFER else None,
            offer_ends=layout == OFFER and bool(self.data.get("offer_ends")),
            cards=() if plain else self.cards().parts(self._stored().cards),
            others=self._stored().others,
        )

    def _buttons(self) -> tuple[Button, ...]:
        return tuple(
            Button(row["kind"], row["text"], row["value"], row["example"], self._rest_of(row["kind"], row["text"]))
            for row in self.buttons()
            if row["kind"] in {*wording.BUTTONS, "OTP"} and any(row.values())
        )

    def _examples(self) -> dict[str, str]:
        own = [str(name) for name in self.data if str(name).startswith("example_") and not str(name).startswith("example_card_")]
        return {name.removeprefix("example_"): self._posted(name) for name in own}

    def _clean(self, name: str) -> str:
        return str(self.data.get(name, "")).replace("\x00", "").replace("\r\n", "\n").strip()

    def _stored_handle(self, form: str) -> str:
        stored = self._stored()
        return stored.header_handle if stored.header_format == form else ""

    def said(self, name: str) -> str:
        """A field's text as posted, or as stored where it cannot be changed."""
        return self._clean(name) if self.is_bound and not self.fields[name].disabled else str(self.initial.get(name, ""))

    def chosen_category(self) -> str:
        if self.template is not None and self.fields["category"].disabled:
            return self.template.category
        return self._clean("category") if self.is_bound else str(self.initial.get("category", ""))

    def components(self) -> list[dict[str, Any]]:
        return compose(self.parts(), self.chosen_category())

    def places(self) -> list[Place]:
        return places_of(self.components())

    def variables(self) -> dict[str, dict[str, str]]:
        """Where each place's value comes from, as posted or as stored; only for places that the text has."""
        if not self.is_bound:
            return dict(self.template.variables or {}) if self.template else {}
        return self.sources_of(self.places())

    def sources_of(self, places: list[Place]) -> dict[str, dict[str, str]]:
        """Where the value of each of these places comes from, as posted."""
        found = {}
        for place in places:
            source, fallback = self._posted(f"source_{place.key}"), self._posted(f"fallback_{place.key}")
            custom = self._posted(f"custom_{place.key}")
            source = CUSTOM + custom[:60] if source == CUSTOM and custom else source
            known = source in SOURCES or source.startswith(CUSTOM)
            if (source and known) or fallback:
                found[place.key] = {"source": source if known else "", "fallback": fallback[: LONGEST if place.kind == "products" else 200]}
        return found

    def written(self) -> Written:
        """What a valid form holds. New example files are stored now."""
        given, parts = self.cleaned_data, self.parts()
        name, language, category = given["name"].strip(), given["language"], self.chosen_category()
        sample = self._sample("header_file", parts.header_format, dict(written_of(self.template).sample) if self.template else {})
        return Written(name, language, category, parts, self.variables(), sample, self._card_samples(parts))

    def _sample(self, name: str, form: str, kept: Mapping[str, str]) -> Mapping[str, str]:
        """The stored example file of a header of this form: a new one, or the one from before."""
        if form not in FILE_FORMATS:
            return {}
        upload = self._upload(name)
        if upload is not None:
            return _stored(upload, form)
        return kept if kept.get("format", form) == form else {}

    def _card_samples(self, parts: Parts) -> dict[int, Mapping[str, str]]:
        before = self._kept_samples()
        found = {
            index: self._sample(f"card_{index}_file", card.header_format, before.get(index, {})) for index, card in enumerate(parts.cards)
        }
        return {index: sample for index, sample in found.items() if sample}

    def _kept_samples(self) -> dict[int, Mapping[str, str]]:
        """Example files from before by the card's place now."""
        stored = written_of(self.template).card_samples if self.template else {}
        rows = self.cards().rows
        return {index: stored[int(row.kept)] for index, row in enumerate(rows) if row.kept and int(row.kept) in stored}

    def sampled(self) -> frozenset[int]:
        """The cards that have an example file, chosen now or before."""
        cards = self.cards()
        kept = {index for index, sample in self._kept_samples().items() if sample.get("format") == cards.header_format}
        return frozenset(kept | {index for index, row in enumerate(cards.rows) if row.has_file})

    def sample_names(self) -> list[str]:
        """The file's name for each card row; "" where none is stored."""
        kept = self._kept_samples()
        return [kept.get(index, {}).get("filename", "") for index, _row in enumerate(self.cards().padded())]


def _initial(template: MessageTemplate) -> dict[str, Any]:
    parts = written_of(template).parts
    names = ("header_format", "header_text", "body", "footer", "security_hint", "code_minutes", "offer", "offer_ends")
    return {
        "layout": CARDS if parts.cards else OFFER if parts.offer is not None else "",
        "connection": template.connection_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        **{name: getattr(parts, name) for name in names},
    }


def check_file(upload: UploadedFile, form: str) -> str:
    """The file's type, by its first bytes and not by its name. Raises `ValidationError` when a header of this form cannot hold it."""
    start = upload.read(16)
    upload.seek(0)
    kind = _sniffed(start)
    if kind not in SAMPLE_TYPES[form]:
        raise ValidationError(gettext("A header takes a JPEG or PNG picture, an MP4 video or a PDF document, as the template says."))
    if (upload.size or 0) > SAMPLE_BYTES[form]:
        raise ValidationError(gettext("At most %(size)d MB.") % {"size": SAMPLE_BYTES[form] // 2**20})
    return kind


def _sniffed(start: bytes) -> str:
    if start[4:8] == b"ftyp":
        return "video/mp4"
    return next((kind for kind, signature in _SIGNATURES.items() if start.startswith(signature)), "")


def _stored(upload: UploadedFile, form: str) -> dict[str, str]:
    kind = _sniffed(upload.read(16))
    upload.seek(0)
    ending = {"image/jpeg": "jpg", "image/png": "png", "video/mp4": "mp4", "application/pdf": "pdf"}[kind]
    path = default_storage.save(f"templates/{clock.now():%Y/%m}/{uuid.uuid4().hex}.{ending}", upload)
    stem = PurePath(upload.name or "example").stem[:60] or "example"
    return {"path": path, "mime_type": kind, "filename": f"{stem}.{ending}", "format": form}
