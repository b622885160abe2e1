"""The stand-in under Django: its API, its knobs, and a page with what is needed to connect and what it holds.

GET  control/        knobs, numbers of records and calls
POST control/        {"knobs": {...}}; what is not named stays
POST control/act     what the org's people do: {"act": "add", "object": "Contact", "values": {...}}, {"act": "edit", "id", "values"},
                     {"act": "delete", "id"}, {"act": "merge", "id" (the survivor), "loser"}, {"act": "convert", "id", "contact"},
                     {"act": "empty"}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from scrm.sandbox.crm.loopback import loopback_only
from scrm.sandbox.salesforce import knobs, tables
from scrm.sandbox.salesforce.api import SalesforceApi
from scrm.sandbox.salesforce.records import OTHER_USER, Book
from scrm.sandbox.salesforce.store import Held
from scrm.sandbox.salesforce.vocabulary import OBJECTS, Json
from scrm.sandbox.salesforce.wire import Ask, Refusal, stamp

_SHOWN = 50


def _api() -> SalesforceApi:
    return SalesforceApi(tables.TableStore(), tables.address(), timezone.now)


@csrf_exempt
@loopback_only
def api(request: HttpRequest, path: str) -> HttpResponse:
    """Every call of a client."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = {name: str(value) for name, value in request.GET.items()}
    found = _api().handle(Ask(request.method or "", f"/{path}", query, headers, request.body))
    answer: HttpResponse
    if found.page:
        answer = HttpResponse(found.page, status=found.status)
    elif found.body is None:
        answer = HttpResponse(status=found.status)
    else:
        answer = JsonResponse(found.body, safe=False, status=found.status)
    for name, value in found.headers.items():
        answer[name] = value
    return answer


@csrf_exempt
@loopback_only
def control(request: HttpRequest) -> HttpResponse:
    return _told(request, _turn)


@csrf_exempt
@loopback_only
def act(request: HttpRequest) -> HttpResponse:
    return _told(request, _act)


def _told(request: HttpRequest, do: Callable[[Json], Json]) -> HttpResponse:
    try:
        body = json.loads(request.body or b"{}") if request.method == "POST" else {}
        if not isinstance(body, dict):
            raise ValueError("an object was expected")
        with tables.TableStore().guard():
            return JsonResponse(do(body))
    except Refusal as refusal:
        return JsonResponse({"error": f"{refusal.code}: {refusal.message}"}, status=400)
    except (ValueError, KeyError) as error:
        return JsonResponse({"error": str(error)}, status=400)


def _turn(body: Json) -> Json:
    store = tables.TableStore()
    if body.get("knobs"):
        store.set_knobs(knobs.merged(store.knobs(), body["knobs"]))
    counts = {name: sum(not held.deleted for held in store.rows(name)) for name in OBJECTS}
    return {"knobs": {**knobs.DEFAULTS, **store.knobs()}, "records": counts, "calls": tables.account().limits.get("calls", 0)}


def _act(body: Json) -> Json:
    book, name = _api().book(), str(body.get("act", ""))
    if name == "empty":
        tables.empty()
        return {}
    if name == "add":
        return _shown(book, book.create(str(body["object"]), body.get("values", {}), by=OTHER_USER))
    held = _found(book, body["id"])
    if name == "edit":
        book.update(held, body.get("values", {}), by=OTHER_USER)
    elif name == "delete":
        book.delete(held)
    elif name == "merge":
        book.merge(held, _found(book, body["loser"]))
    elif name == "convert":
        book.convert(held, _found(book, body["contact"]))
    else:
        raise ValueError("act must be add, edit, delete, merge, convert or empty")
    return _shown(book, held)


def _found(book: Book, record_id: Any) -> Held:
    held = book.store.get(str(record_id))
    if held is None:
        raise ValueError(f"there is no record {record_id}")
    return held


def _shown(book: Book, held: Held) -> Json:
    return {"id": held.id, "object": held.sobject, **book.values(held)}


@loopback_only
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What to enter in a connection, the objects with their latest records, and the knobs."""
    store = tables.TableStore()
    kind = request.GET.get("object", "Contact")
    kind = kind if kind in OBJECTS else "Contact"
    every = {name: [held for held in store.rows(name) if not held.deleted] for name in OBJECTS}
    latest = sorted(every[kind], key=lambda held: held.modified_at, reverse=True)[:_SHOWN]
    rows = [{"id": held.id, "at": stamp(held.modified_at), "values": sorted(held.values.items())} for held in latest]
    context = {
        "connection": tables.connection_settings(),
        "kind": kind,
        "objects": [(name, len(held)) for name, held in every.items()],
        "rows": rows,
        "knobs": sorted({**knobs.DEFAULTS, **store.knobs()}.items()),
    }
    return render(request, "sandbox/salesforce.html", context)
