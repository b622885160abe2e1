"""The stand-in under Django: its log-in, its API, its knobs, and a page with what is needed to connect and what it holds.

GET  control/        knobs, numbers of records, credits spent
POST control/        {"knobs": {...}}; what is not named stays
POST control/act     what the organisation's people do: {"act": "add", "module": "Contacts", "values": {...}},
                     {"act": "edit", "module", "id", "values"}, {"act": "delete" | "erase" | "lock", "module", "id"}, {"act": "empty"}
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from scrm.sandbox.crm.loopback import loopback_only
from scrm.sandbox.zoho import knobs, tables
from scrm.sandbox.zoho.api import ZohoApi
from scrm.sandbox.zoho.desk import Desk
from scrm.sandbox.zoho.endpoints import remove
from scrm.sandbox.zoho.records import Writer
from scrm.sandbox.zoho.store import Held, Store
from scrm.sandbox.zoho.vocabulary import MODULES, Json
from scrm.sandbox.zoho.wire import Answer, Ask, RowFault, iso

_SHOWN = 50


def _api() -> ZohoApi:
    return ZohoApi(tables.TableStore(), f"{tables.address()}/api", timezone.now)


@csrf_exempt
@loopback_only
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """The log-in of the data centre."""
    return _written(_api().token({name: str(value) for name, value in request.POST.items()}))


@csrf_exempt
@loopback_only
def api(request: HttpRequest, path: str) -> HttpResponse:
    """Every call of a client."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = {name: str(value) for name, value in request.GET.items()}
    return _written(_api().handle(Ask(request.method or "", f"/{path}", query, headers, request.body)))


def _written(found: Answer) -> HttpResponse:
    answer: HttpResponse
    if found.page:
        answer = HttpResponse(found.page, status=found.status)
    elif found.body is None:
        answer = HttpResponse(status=found.status)
    else:
        answer = JsonResponse(found.body, status=found.status)
    for name, value in found.headers.items():
        answer[name] = value
    return answer


@csrf_exempt
@loopback_only
def control(request: HttpRequest) -> HttpResponse:
    return _told(request, _turn)


@csrf_exempt
@loopback_only
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    return _told(request, _act)


def _told(request: HttpRequest, do: Callable[[Json], Json]) -> HttpResponse:
    try:
        body = json.loads(request.body or b"{}") if request.method == "POST" else {}
        if not isinstance(body, dict):
            raise ValueError("an object was expected")
        with tables.TableStore().guard():
            return JsonResponse(do(body))
    except RowFault as fault:
        return JsonResponse({"error": fault.row}, status=400)
    except (ValueError, KeyError) as error:
        return JsonResponse({"error": str(error)}, status=400)


def _turn(body: Json) -> Json:
    store = tables.TableStore()
    if body.get("knobs"):
        store.set_knobs(knobs.merged(store.knobs(), body["knobs"]))
    counts = {name: len(list(store.rows(name))) for name in MODULES}
    return {"knobs": {**knobs.DEFAULTS, **store.knobs()}, "records": counts, "credits_spent": tables.spent()}


def _act(body: Json) -> Json:
    name = str(body.get("act", ""))
    if name == "empty":
        tables.empty()
        return {}
    module = str(body.get("module", "Contacts"))
    if module not in MODULES:
        raise ValueError(f"module must be one of {', '.join(MODULES)}")
    desk = Desk(tables.TableStore(), timezone.now(), random.SystemRandom(), knobs.DEFAULTS, Ask("POST", "", {}, {}), {})
    writer = Writer(desk.store, module, desk.now, desk.chance, {}, None)
    values = body.get("values", {})
    if name == "add":
        made = writer.insert(values)
        return _after(desk, writer, str(made["details"]["id"]))
    held = _found(desk.store, module, body["id"])
    if name == "edit":
        writer.update({**values, "id": held.id})
        return _after(desk, writer, held.id)
    if name == "lock":
        held.locked = True
        desk.store.save(held, "lock")
    elif name in {"delete", "erase"}:
        remove(desk, held, "recycle" if name == "delete" else "permanent")
    else:
        raise ValueError("act must be add, edit, delete, erase, lock or empty")
    return {"id": held.id}


def _after(desk: Desk, writer: Writer, record_id: str) -> Json:
    for action, held in writer.touched:
        desk.tell({"insert": "create", "update": "edit"}[action], held.module, [held.id])
    return {"id": record_id}


def _found(store: Store, module: str, record_id: object) -> Held:
    held = store.get(module, str(record_id))
    if held is None:
        raise ValueError(f"there is no record {record_id} in {module}")
    return held


@loopback_only
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What to enter in a connection, the modules with their latest records, and the knobs."""
    store = tables.TableStore()
    kind = request.GET.get("module", "Contacts")
    kind = kind if kind in MODULES else "Contacts"
    every = {name: list(store.rows(name)) for name in MODULES}
    latest = sorted(every[kind], key=lambda held: held.modified_at, reverse=True)[:_SHOWN]
    context = {
        "connection": tables.connection_settings(),
        "kind": kind,
        "objects": [(name, len(held)) for name, held in every.items()],
        "rows": [{"id": held.id, "at": iso(held.modified_at), "values": sorted(held.values.items())} for held in latest],
        "knobs": sorted({**knobs.DEFAULTS, **store.knobs()}.items()),
    }
    return render(request, "sandbox/zoho.html", context)
