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
    header_format = forms.ChoiceField(label=_("Header"), required=False, choices=list(wording.HEADERS.items()))
    header_text = forms.CharField(label=_("Header's text"), required=False, max_length=200)
    header_file = forms.FileField(label=_("Example file"), required=False)
    body = OneText(label=_("Text"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 6}))
    footer = forms.CharField(label=_("Footer"), required=False, max_length=200)
    security_hint = forms.BooleanField(label=_("Add 'do not share this code'"), required=False)
    code_minutes = forms.IntegerField(label=_("The code lives, minutes"), required=False)

    def __init__(self, data: Any = None, files: Any = None, *, template: MessageTemplate | None = None) -> None:
        self.template = template
        super().__init__(data, files, initial=_initial(template) if template else {"category": "UTILITY", "header_format": ""})
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
        return given

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

    def parts(self) -> Parts:
        if not self.is_bound:
            return written_of(self.template).parts if self.template else Parts()
        # A preview is drawn of what is there, valid or not.
        given = {name: self._clean(name) for name in ("header_format", "header_text", "body", "footer", "code_minutes")}
        minutes = given["code_minutes"]
        return Parts(
            header_format=given["header_format"],
            header_text=given["header_text"],
            header_handle=self._stored_handle(given["header_format"]),
            body=given["body"],
            footer=given["footer"],
            buttons=tuple(
                Button(row["kind"], row["text"], row["value"], row["example"], self._rest_of(row["kind"], row["text"]))
                for row in self.buttons()
                if row["kind"] in {*wording.BUTTONS, "OTP"} and any(row.values())
            ),
            examples={name.removeprefix("example_"): self._posted(name) for name in self.data if str(name).startswith("example_")},
            security_hint=bool(self.data.get("security_hint")),
            code_minutes=int(minutes) if minutes.isdecimal() and len(minutes) < 5 else None,
            others=written_of(self.template).parts.others if self.template else (),
        )

    def _clean(self, name: str) -> str:
        return str(self.data.get(name, "")).replace("\x00", "").replace("\r\n", "\n").strip()

    def _stored_handle(self, form: str) -> str:
        stored = written_of(self.template).parts if self.template else Parts()
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
        found = {}
        for place in self.places():
            source, fallback = self._posted(f"source_{place.key}"), self._posted(f"fallback_{place.key}")
            custom = self._posted(f"custom_{place.key}")
            source = CUSTOM + custom[:60] if source == CUSTOM and custom else source
            known = source in SOURCES or source.startswith(CUSTOM)
            if (source and known) or fallback:
                found[place.key] = {"source": source if known else "", "fallback": fallback[:200]}
        return found

    def written(self) -> Written:
        """What a valid form holds. A new example file is stored now."""
        given = self.cleaned_data
        sample = dict(written_of(self.template).sample) if self.template and given["header_format"] in FILE_FORMATS else {}
        if sample and sample.get("format", given["header_format"]) != given["header_format"]:
            sample = {}
        if given.get("header_file") and given["header_format"] in FILE_FORMATS:
            sample = _stored(given["header_file"], given["header_format"])
        return Written(given["name"].strip(), given["language"], self.chosen_category(), self.parts(), self.variables(), sample)


def _initial(template: MessageTemplate) -> dict[str, Any]:
    parts = written_of(template).parts
    names = ("header_format", "header_text", "body", "footer", "security_hint", "code_minutes")
    return {
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
