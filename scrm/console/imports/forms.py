"""How a file is read and what its columns hold, as people say it."""

from __future__ import annotations

from typing import Any

import phonenumbers
from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from scrm.contacts.importing import columns, encodings
from scrm.contacts.models import Import
from scrm.contacts.records import PERSON_FIELDS, label_of

DELIMITERS = [(",", _("comma")), (";", _("semicolon")), ("\t", _("tab")), ("|", "|")]
OTHER_LABELS = {
    "family_name": _("family name"),
    "given_name": _("given name"),
    "phone": _("phone number"),
    "email": _("e-mail"),
    "external_id": _("partner's id"),
    "tags": _("tags"),
    "opt_in": _("allows promotions (yes/no)"),
    "opt_out": _("wants no messages (yes/no)"),
    "consent_source": _("where the yes was given"),
    "consent_at": _("when the yes was given"),
}


def target_label(target: str) -> str:
    if target in OTHER_LABELS:
        return str(OTHER_LABELS[target])
    return label_of(target) if target in PERSON_FIELDS else target


class UploadForm(forms.Form):
    file = forms.FileField(label=_("CSV or XLSX file"))


class ReadingForm(forms.Form):
    """Everything but the columns. Fields that the kind of file does not have are left out."""

    encoding = forms.ChoiceField(label=_("encoding"), choices=list(encodings.LABELS.items()))
    delimiter = forms.ChoiceField(label=_("between cells"), choices=DELIMITERS)
    sheet = forms.ChoiceField(label=_("sheet"))
    header_row = forms.IntegerField(label=_("line of the headers"), min_value=1, max_value=1000)
    regions = forms.CharField(
        label=_("countries of numbers without country code"),
        required=False,
        help_text=_("Two letters each, such as HK SG. With several, a number that fits more than one is kept for repair and not guessed."),
    )
    consent_source = forms.CharField(
        label=_("where people allowed promotions"),
        required=False,
        max_length=200,
        help_text=_("Kept as proof with every yes of this file, for example “shop form 2026”."),
    )

    def __init__(self, run: Import, data: QueryDict | None = None) -> None:
        options = run.options
        super().__init__(data, initial={**options, "regions": " ".join(options.get("regions", []))})
        unwanted = ("sheet",) if run.kind == "csv" else ("encoding", "delimiter")
        for name in unwanted:
            del self.fields[name]
        if "sheet" in self.fields:
            self.fields["sheet"].choices = [(name, name) for name in options.get("sheets", [])]  # type: ignore[attr-defined]

    def clean_regions(self) -> list[str]:
        words = str(self.cleaned_data["regions"]).upper().replace(",", " ").split()
        if unknown := [word for word in words if word not in phonenumbers.SUPPORTED_REGIONS]:
            raise forms.ValidationError(_("No such country: %(words)s"), params={"words": " ".join(unknown)})
        return list(dict.fromkeys(words))


def choices_of(header: str, place: int, mapping: list[str]) -> list[tuple[str, str]]:
    """What one column may be mapped to."""
    own = mapping[place] if mapping[place].startswith(columns.CUSTOM) else columns.custom_key(header, place, [])
    named = sorted(((target, target_label(target)) for target in columns.TARGETS), key=lambda each: each[1])
    kept = str(_("keep as “%(name)s”") % {"name": own.removeprefix(columns.CUSTOM)})
    return [("", str(_("— ignore this column —"))), (own, kept), *named]


def mapping_from(run: Import, data: Any) -> list[str]:
    """What the page says of each column; what it does not say stays."""
    found = []
    for place, now in enumerate(run.mapping):
        said = data.get(f"column-{place}", now)
        allowed = said == "" or said in columns.TARGETS or (said.startswith(columns.CUSTOM) and len(said) <= 60)
        found.append(said if allowed else now)
    return found
