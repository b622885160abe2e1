"""Example files for template headers: an upload session is opened in the app, then filled, and gives a handle."""

from __future__ import annotations

from django.core import signing
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from scrm.sandbox.graph.access import caller
from scrm.sandbox.graph.answers import graph_call, wrong_method
from scrm.sandbox.graph.errors import GraphError, missing_object
from scrm.sandbox.models import Number

SALT = "sandbox.sample"
TYPES = ("image/jpeg", "image/png", "video/mp4", "application/pdf")
SESSION_SECONDS = 3600


@graph_call
def open_session(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """POST /{app}/uploads?file_name&file_length&file_type -> {"id": "upload:..."}"""
    number = caller(request)
    if request.method != "POST":
        raise wrong_method(request)
    if app_id not in ("app", number.portfolio_id):
        raise missing_object(app_id)
    length, kind = request.GET.get("file_length", ""), request.GET.get("file_type", "")
    if not length.isdecimal() or int(length) < 1 or kind not in TYPES:
        raise GraphError(100, f"file_length and file_type are required; the type is one of {', '.join(TYPES)}")
    session = signing.dumps({"n": number.pk, "length": int(length), "type": kind}, salt=SALT, compress=True)
    return JsonResponse({"id": f"upload:{session}?sig=sandbox"})


@graph_call
def fill_session(request: HttpRequest, session: str) -> HttpResponseBase:
    """POST /upload:... with the bytes and `file_offset` -> {"h": handle}. The token comes as `OAuth <token>` here."""
    number = _owner(request)
    try:
        opened = signing.loads(session, salt=SALT, max_age=SESSION_SECONDS)
    except signing.BadSignature as error:
        raise GraphError(100, "The upload session does not exist or is over") from error
    if opened["n"] != number.pk or request.headers.get("file_offset", "0") != "0":
        raise GraphError(100, "The upload session belongs to somebody else, or the offset is not 0")
    if len(request.body) != opened["length"]:
        raise GraphError(100, f"The file has {len(request.body)} bytes, the session was opened for {opened['length']}")
    return JsonResponse({"h": "4::" + signing.dumps({"type": opened["type"]}, salt=SALT)})


def _owner(request: HttpRequest) -> Number:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    number = Number.objects.filter(access_token=token).first()
    if kind.lower() not in ("oauth", "bearer") or number is None or not token:
        raise GraphError(190, "Invalid OAuth access token")
    return number
