"""Where a REST server keeps its records, entered under labels: one kind at a time, beside one live answer whose values are clicked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.crms.rest import EXAMPLES, FORMATS, KINDS, RESOLUTIONS, STYLES, Trial, parse
from connectors.errors import ConnectorError
from scrm.connections import services
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.connections.trials import ADAPTER, try_setup
from scrm.console.setup.rest import LONGEST, seen_in
from scrm.console.setup.steps import steps_of, tested
from scrm.sync.kinds import Kind

PAGING = {
    "none": gettext_lazy("the whole list is one answer"),
    "page": gettext_lazy("by the page's number"),
    "offset": gettext_lazy("by how many rows are skipped"),
    "cursor": gettext_lazy("by a mark in the answer before"),
    "link": gettext_lazy("by an address in the answer before"),
}
GRAINS = {
    "ms": gettext_lazy("a thousandth of a second"),
    "s": gettext_lazy("a second"),
    "minute": gettext_lazy("a minute"),
    "day": gettext_lazy("a day"),
}
TIMES = {
    "iso": "2026-11-30T09:30:00.000Z",
    "date": "2026-11-30",
    "sql": "2026-11-30 09:30:00",
    "epoch": gettext_lazy("seconds since 1970"),
    "epoch_ms": gettext_lazy("thousandths of a second since 1970"),
}


def _text(label: Any, help_text: Any = "", example: str = "", *, required: bool = False) -> forms.CharField:
    widget = forms.TextInput(attrs={"placeholder": example, "spellcheck": "false", "autocapitalize": "off"})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=1000, widget=widget)


def _choice(label: Any, words: dict[str, Any], names: Any, help_text: Any = "") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[(name, words[name]) for name in names], required=False, help_text=help_text)


class RecordsForm(forms.Form):
    """Each field is an entry of the set-up of one kind; a dash stands where that entry lies in another."""

    list = _text(
        gettext_lazy("path of the list"),
        gettext_lazy("Behind the base address. Ask for an order by id where the CRM can."),
        "/contacts?sort=id",
        required=True,
    )
    rows = _text(gettext_lazy("where the records are in the answer"), gettext_lazy("Empty: the answer is the list itself."), "/results")
    id = _text(gettext_lazy("where a record's id is"), "", "/id")
    modified = _text(
        gettext_lazy("where its time of change is"), gettext_lazy("Empty: each look reads the whole list and compares."), "/updated_at"
    )
    paging_style = _choice(gettext_lazy("how the list goes on"), PAGING, STYLES)
    paging_param = _text(gettext_lazy("parameter for the page, the skipped rows or the mark"), "", "page")
    paging_first = forms.TypedChoiceField(
        label=gettext_lazy("number of the first page"), choices=[(1, "1"), (0, "0")], coerce=int, required=False, empty_value=None
    )
    paging_size_param = _text(gettext_lazy("parameter for rows a page"), "", "limit")
    paging_size = forms.IntegerField(label=gettext_lazy("rows a page"), min_value=1, max_value=1000, required=False)
    paging_next = _text(
        gettext_lazy("where the next mark or address is in the answer"),
        gettext_lazy("When nothing stands there, the list has ended."),
        "/next",
    )
    item = _text(gettext_lazy("path of one record"), gettext_lazy("{id} stands for its id."), "/contacts/{id}")
    item_at = _text(gettext_lazy("where the record is in that answer"), gettext_lazy("Empty: the answer is the record."), "/data")
    create = _text(
        gettext_lazy("method and path for a new record"), gettext_lazy("Empty: new people are not written there."), "POST /contacts"
    )
    update = _text(
        gettext_lazy("method and path for a change"),
        gettext_lazy("PATCH or PUT, as the CRM's documents say. Empty: nothing is changed there."),
        "PATCH /contacts/{id}",
    )
    whole = forms.BooleanField(
        label=gettext_lazy("a change replaces the whole record"),
        help_text=gettext_lazy("All of it is sent back, not only what changed."),
        required=False,
    )
    key = _text(
        gettext_lazy("field for our id"),
        gettext_lazy("A text field made in the CRM for this alone. Without one, records whose answer was lost wait for a person."),
        "/custom_fields/scrm_id",
    )
    search = _text(
        gettext_lazy("how to ask for our id"),
        gettext_lazy("A parameter's name, or a query in which {key} stands for the id. Empty: the list is read."),
        "scrm_id",
    )
    since_param = _text(
        gettext_lazy("how to ask for what is new"),
        gettext_lazy("A parameter's name, or a query in which {since} stands for the time. Empty: the list is read."),
        "updated_after",
    )
    since_format = _choice(gettext_lazy("how that time is written"), TIMES, FORMATS)
    resolution = _choice(gettext_lazy("grain of its times"), GRAINS, ("s", *(name for name in RESOLUTIONS if name != "s")))
    zone = _text(gettext_lazy("time zone of its times"), gettext_lazy("Only where they name none. Empty: UTC."), "Asia/Tokyo")
    new_id = _text(
        gettext_lazy("where the answer to a new record has its id"),
        gettext_lazy("Empty: it is looked for in the usual places."),
        "/data/new_id",
    )
    body_at = _text(gettext_lazy("where a record stands in what is sent"), gettext_lazy("Empty: it is sent as it is."), "/data")
    empty_404 = forms.BooleanField(label=gettext_lazy("a list without records is answered with 404"), required=False)

    GROUPS = (
        (gettext_lazy("Reading"), ("list", "rows", "id", "modified")),
        (gettext_lazy("Pages"), ("paging_style", "paging_param", "paging_first", "paging_size_param", "paging_size", "paging_next")),
        (gettext_lazy("One record"), ("item", "item_at")),
        (gettext_lazy("Writing"), ("create", "update", "whole")),
        (gettext_lazy("Our id over there"), ("key", "search")),
    )
    MORE = ("since_param", "since_format", "resolution", "zone", "new_id", "body_at", "empty_404")
    NESTED = ("paging", "since")

    @classmethod
    def of(cls, entry: dict[str, Any]) -> RecordsForm:
        """Filled in as a set-up has it."""
        return cls(initial={name: _found(entry, name) for name in cls.base_fields})

    def entry(self, before: dict[str, Any]) -> dict[str, Any]:
        """The set-up of the kind as entered; what has no field here stays as it was. Empty fields are left out."""
        made = {name: value for name, value in before.items() if name not in self.NESTED and name not in self.base_fields}
        for name, value in self.cleaned_data.items():
            outer, _dash, inner = name.partition("_")
            if value is False or value in ("", None):  # 0 is a page's number
                continue
            if outer in self.NESTED:
                made.setdefault(outer, {})[inner] = value
            else:
                made[name] = value
        if made.get("paging", {}).get("style") in ("none", None):
            made.pop("paging", None)
        if not made.get("since", {}).get("param"):
            made.pop("since", None)
        return made

    def groups(self) -> Sequence[tuple[Any, Sequence[forms.BoundField]]]:
        return [(heading, [self[name] for name in names]) for heading, names in self.GROUPS]

    def more(self) -> Sequence[forms.BoundField]:
        return [self[name] for name in self.MORE]

    def more_open(self) -> bool:
        """Whether something seldom is entered, or wrong."""
        plain = {"since_format": "iso", "resolution": "s"}
        return any(self[name].errors or self[name].value() not in (None, "", False, plain.get(name)) for name in self.MORE)

    def clicked(self) -> Sequence[forms.BoundField]:
        """What a value of the answer may be chosen for."""
        return [self[name] for name in ("id", "modified", "key")]

    def refuse(self, kind: str, reason: str) -> None:
        """Say what is wrong at the field that it is about, which the reason names by its place."""
        place, colon, why = reason.partition(": ")
        name = place.removeprefix(f"kinds.{kind}.").replace(".", "_")
        self.add_error(name if colon and name in self.fields else None, worded(why if colon and name in self.fields else reason))


def _found(entry: dict[str, Any], name: str) -> Any:
    outer, _dash, inner = name.partition("_")
    if outer in RecordsForm.NESTED:
        nested = entry.get(outer)
        return nested.get(inner) if isinstance(nested, dict) else None
    return entry.get(name)


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows what is stored, or an example to begin with; POST tries what was entered, and saves it when asked to."""
    row = get_object_or_404(Connection, pk=pk, adapter=ADAPTER)
    text = EXAMPLES.get(request.GET.get("example", "")) or str((row.settings or {}).get("definition") or "")
    kinds = _kinds(text)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else next(iter(kinds), Kind.CONTACT.value)
    entry = kinds.get(kind) or {}
    trial: Trial | None = None
    form = RecordsForm(request.POST) if request.method == "POST" else RecordsForm.of(entry)
    if request.method == "POST" and form.is_valid():
        written = json.dumps({"kinds": {**kinds, kind: form.entry(entry)}}, ensure_ascii=False, indent=2)[:LONGEST]
        try:
            parse(written)
        except ConnectorError as error:
            form.refuse(kind, error.title)
        else:
            if "save" in request.POST:
                services.save_credentials(row, settings={"definition": written}, secrets={})
                services.forget()
                row.refresh_from_db()
                return tested(request, row, back="records")
            trial = try_setup(row, written, kind)
            if not trial.problem and not trial.rows:
                messages.warning(request, _("The CRM shows no record yet. Make one over there, so that its fields can be seen."))
    context = {
        **admin.site.each_context(request),
        "title": row.label,
        "row": row,
        "form": form,
        "tabs": [(each, Kind(each).label, each == kind, each in kinds) for each in KINDS],
        "examples": [] if kinds else list(EXAMPLES),
        "steps": steps_of(row, "records"),
        **seen_in(trial),
    }
    return render(request, "console/setup/records.html", context)


def _kinds(text: str) -> dict[str, Any]:
    """The kinds of a set-up that can be read at all, as they stand there."""
    try:
        found = json.loads(text)["kinds"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return {}
    return {kind: entry for kind, entry in found.items() if isinstance(entry, dict)} if isinstance(found, dict) else {}
