"""One page a file, from its upload to its result; what it shows follows the state."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from scrm.connections.models import Connection
from scrm.console.access import EXPORT, seen, sees_causes
from scrm.console.imports.forms import ReadingForm, UploadForm, choices_of, mapping_from, target_label
from scrm.contacts.importing import columns, results, running, undoing, uploading
from scrm.contacts.importing.file_words import FILE_WORDS, UNFORESEEN, worded_file
from scrm.contacts.importing.problems import WORDS, worded
from scrm.contacts.importing.sheets import BadFile
from scrm.contacts.models import Import, ImportRow

State = Import.State
SHOWN = 50
LISTED = 30


def index(request: HttpRequest) -> HttpResponseBase:
    """What was imported, and the place for a new file."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data["file"]
        try:
            run = uploading.take(given.file, given.name, by=request.user, at_home=Connection.countries())
        except BadFile as error:
            form.add_error("file", worded_file(error.code, error.more))
        else:
            return redirect("console:import", pk=run.pk)
    page = Paginator(seen(request, Import.objects.select_related("created_by")), LISTED).get_page(request.GET.get("p"))
    shared = {"title": _("Imports"), "form": form, "page": page, "may_export": request.user.has_perm(EXPORT)}
    return render(request, "console/imports/index.html", {**admin.site.each_context(request), **shared})


@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(seen(request, Import.objects.select_related("created_by")), pk=pk)
    shared = state_of(run, causes=sees_causes(request.user))
    if "live" in request.GET:
        return render(request, "console/imports/live.html", shared)
    context = {**admin.site.each_context(request), "title": run.filename, **shared}
    if uploading.is_open(run):
        context |= _settings(run, ReadingForm(run)) if uploading.has_file(run) else {"error": worded_file("gone")}
    return render(request, "console/imports/import.html", context)


def state_of(run: Import, *, causes: bool) -> dict[str, Any]:
    """What the part of the page that follows the work needs. `causes`: also what broke inside the program."""
    total = run.rows_total or 0
    percent = round(100 * run.position / total) if total else 0
    shared: dict[str, Any] = {"run": run, "live": run.state in running.AT_WORK, "percent": percent}
    if run.state == State.FAILED:
        foreseen = run.error in FILE_WORDS
        shared |= {"error": worded_file(run.error) if foreseen else UNFORESEEN, "cause": run.error if causes and not foreseen else ""}
    if run.state in (State.UPLOADED, State.CHECKING):
        return shared
    counts = run.checked.get("counts", {}) if run.state == State.CHECKED else results.counts(run)
    shared["counts"] = counts
    shared["bad"] = _rows(run, "bad")
    shared["noted"] = _noted(run)
    if run.state == State.CHECKED:
        shared["reasons"] = _reasons(run)
    return shared


def _rows(run: Import, outcome: str) -> list[dict[str, Any]]:
    rows = run.rows.filter(outcome=outcome).order_by("line")[:SHOWN]
    return [{"line": row.line, "why": results.why(row), "cells": ", ".join(cell for cell in row.cells or [] if cell)[:160]} for row in rows]


def _noted(run: Import) -> list[dict[str, Any]]:
    rows = ImportRow.objects.filter(run=run).exclude(notes=None).exclude(outcome=ImportRow.Outcome.BAD).order_by("line")[:SHOWN]
    return [{"line": row.line, "contact": row.contact_id, "outcome": row.get_outcome_display(), "why": results.why(row)} for row in rows]


# Where a cell stands behind a colon there are many of them; the sentence is whole without.
_LEFT_OUT = re.compile(r"\s*[:：]\s*…")


def _reasons(run: Import) -> list[tuple[str, int]]:
    """How often each kind of problem occurs, the most frequent first."""
    found = []
    for key, number in run.checked.get("reasons", {}).items():
        column, _tab, code = key.partition("\t")
        words = worded({"column": column, "code": code, "value": "…", "count": "…", "longest": "…", "contact": "…", "numbers": "…"})
        found.append((_LEFT_OUT.sub("", words) if code in WORDS else code, number))
    return sorted(found, key=lambda each: -each[1])


def _settings(run: Import, form: ReadingForm) -> dict[str, Any]:
    try:
        first = uploading.preview(run)
    except BadFile as error:
        first = []
        if form.is_bound:
            form.add_error(None, worded_file(error.code, error.more))
    shown = []
    for place, header in enumerate(run.columns):
        samples = [cells[place] for _line, cells in first if place < len(cells) and cells[place].strip()]
        choices = choices_of(header, place, run.mapping)
        shown.append({"place": place, "header": header, "choices": choices, "chosen": run.mapping[place], "samples": samples[:3]})
    return {"form": form, "columns": shown, "encodings": uploading.first_names(run)}


def configure(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Read it otherwise, or go on to the dry run."""
    run = get_object_or_404(seen(request, Import.objects.all()), pk=pk)
    if not uploading.has_file(run):
        messages.error(request, worded_file("gone"))
        return redirect("console:import", pk=pk)
    form = ReadingForm(run, request.POST)
    mapping = mapping_from(run, request.POST)
    if not form.is_valid():
        shared = state_of(run, causes=sees_causes(request.user)) | _settings(run, form)
        context = {**admin.site.each_context(request), "title": run.filename, **shared}
        return render(request, "console/imports/import.html", context, status=422)
    try:
        uploading.configure(run, form.cleaned_data, mapping)
    except BadFile as error:
        messages.error(request, worded_file(error.code, error.more))
        return redirect("console:import", pk=pk)
    except uploading.NotNow:
        messages.warning(request, _("This import has gone on meanwhile."))
        return redirect("console:import", pk=pk)
    if twice := columns.check(run.mapping):
        fields = ", ".join(target_label(each) for each in twice)
        messages.error(request, _("More than one column would fill: %(fields)s. Choose one of them.") % {"fields": fields})
    elif "check" in request.POST:
        running.check(run)
    return redirect("console:import", pk=pk)


def act(request: HttpRequest, pk: int, what: str) -> HttpResponseBase:
    """Start, pause, resume, stop: each safe to press twice."""
    run = get_object_or_404(seen(request, Import.objects.all()), pk=pk)
    deeds: dict[str, Any] = {
        "start": lambda: running.start(run, by=request.user),
        "pause": lambda: running.pause(run),
        "resume": lambda: running.resume(run),
        "stop": lambda: running.stop(run),
        "undo": lambda: undoing.start(run, by=request.user),
    }
    if what in ("start", "resume") and not uploading.has_file(run):
        messages.error(request, worded_file("gone"))
    elif not deeds[what]():
        messages.info(request, _("Nothing was done: the import is “%(state)s”.") % {"state": run.get_state_display()})
    return redirect("console:import", pk=pk)


@require_safe
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """What undoing would do, before it is done."""
    run = get_object_or_404(seen(request, Import.objects.all()), pk=pk)
    nothing: dict[str, Any] = {"created": 0, "updated": 0, "kept": 0, "reasons": {}}
    foreseen = undoing.preview(run) if run.state in undoing.UNDOABLE else nothing
    filler = {"column": "", "fields": "…", "what": "…"}
    reasons = [(worded({**filler, "code": code}), number) for code, number in foreseen["reasons"].items()]
    title = _("Undo the import of %(file)s") % {"file": run.filename}
    shared = {"title": title, "run": run, "foreseen": foreseen, "reasons": reasons}
    return render(request, "console/imports/undo.html", {**admin.site.each_context(request), **shared})


@require_safe
def errors(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The rows that were not loaded, to repair and load again."""
    run = get_object_or_404(seen(request, Import.objects.all()), pk=pk)
    headers = {"Content-Disposition": f'attachment; filename="import-{run.pk}-to-repair.csv"'}
    return StreamingHttpResponse(results.error_file(run), content_type="text/csv; charset=utf-8", headers=headers)
