"""The pages of every report: the figures, the rows behind one of them, and both as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from reports import registry
from reports.base import Column, Figures, Filters, Report
from reports.export import csv_lines
from reports.formats import is_number, moment, shown
from reports.forms import DEFAULT_PERIOD, FilterForm, address_of
from scrm.staff.models import User

ROWS_A_PAGE = 100


def _allowed(request: HttpRequest, report: Report) -> bool:
    return bool(request.user.has_perm(report.permission))  # type: ignore[union-attr]


def _opened(request: HttpRequest, slug: str) -> Report:
    report = registry.report(slug)
    if report is None:
        raise Http404
    if not _allowed(request, report):
        raise PermissionDenied
    return report


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    reports = [report for report in registry.REPORTS if _allowed(request, report)]
    if not reports:
        raise PermissionDenied
    context = admin.site.each_context(request) | {"title": _("Reports"), "reports": reports}
    return render(request, "reports/index.html", context)


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    report = _opened(request, slug)
    form = FilterForm({"period": DEFAULT_PERIOD} | request.GET.dict())
    filters = form.filters(cast(User, request.user))
    lines = report.figures(filters)
    if request.GET.get("format") == "csv":
        columns = [Column("label", report.subject), *report.columns]
        return _csv(f"{slug}-{filters.period}", columns, ({"label": str(line.label), **line.values} for line in lines))
    context = _context(request, report, form, filters) | {
        "title": report.title,
        "headers": [(report.subject, False), *((column.title, is_number(column)) for column in report.columns)],
        "lines": [_shown_line(report, line, filters) for line in lines],
        "notes": [(column.title, column.note) for column in report.columns if column.note],
        "benchmarks": [(title, shown(value, unit)) for title, value, unit in report.benchmarks],
        "csv_link": "?" + urlencode(address_of(filters) | {"format": "csv"}),
    }
    return render(request, "reports/report.html", context)


@require_safe
def rows(request: HttpRequest, slug: str, key: str) -> HttpResponse | StreamingHttpResponse:
    report = _opened(request, slug)
    form = FilterForm({"period": DEFAULT_PERIOD} | request.GET.dict())
    filters = form.filters(cast(User, request.user))
    try:
        found = report.rows(filters, key)
    except LookupError:
        raise Http404 from None
    if request.GET.get("format") == "csv":
        values = (report.row_values(row) for row in found.iterator(chunk_size=1000))
        return _csv(f"{slug}-{filters.period}-{key}", report.row_columns, values)
    summary = report.summary(filters, key)
    address = address_of(filters)
    context = _context(request, report, form, filters) | {
        "title": f"{report.title}: {summary.label}" if summary else report.title,
        "summary": [(column.title, shown(summary.values[column.name], column.unit)) for column in report.columns] if summary else [],
        "headers": [(column.title, is_number(column)) for column in report.row_columns],
        "page": (page := Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))),
        "lines": [_shown_row(report, row) for row in page],
        "back_link": reverse("reports:report", args=[slug]) + "?" + urlencode(address),
        "page_link": "?" + urlencode(address) + "&page=",
        "csv_link": "?" + urlencode(address | {"format": "csv"}),
    }
    return render(request, "reports/rows.html", context)


def _context(request: HttpRequest, report: Report, form: FilterForm, filters: Filters) -> dict[str, Any]:
    own = {
        "report": report,
        "form": form,
        "filters": filters,
        "since": moment(filters.since),
        "until": moment(filters.until),
        "zone": filters.zone,
    }
    return admin.site.each_context(request) | own


def _shown_line(report: Report, line: Figures, filters: Filters) -> dict[str, Any]:
    cells = [(shown(line.values[column.name], column.unit), column.name in line.marked) for column in report.columns]
    link = reverse("reports:rows", args=[report.slug, line.key]) + "?" + urlencode(address_of(filters))
    return {"label": line.label, "cells": cells, "link": link}


def _shown_row(report: Report, row: Any) -> dict[str, Any]:
    values = report.row_values(row)
    cells = [(shown(values[column.name], column.unit), is_number(column)) for column in report.row_columns]
    return {"cells": cells, "link": report.row_link(row)}


def _csv(name: str, columns: Iterable[Column], values: Iterable[dict[str, Any]]) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(csv_lines(list(columns), values), content_type="text/csv; charset=utf-8", headers=headers)
