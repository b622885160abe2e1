"""Where platforms post what happened: check the signature, store the bytes, answer. Nothing else.

200 is only answered when the body is safe: in the database, or, while that is away, in the disk spool. When neither takes it
the answer is 503 and the platform sends it again.
"""

from __future__ import annotations

import logging
import zlib

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from connectors.contracts import Channel, Hint
from connectors.errors import ConnectorError
from scrm.connections.services import by_slug, channel_of
from scrm.connections.snapshots import ConnectionSnapshot, last_known
from scrm.core import clock, jobs
from scrm.core.crashpoints import crash_here
from scrm.intake import spool
from scrm.intake.models import COMPRESS_FROM
from scrm.sync.pulls import hear

logger = logging.getLogger(__name__)

PROVIDERS = {"whatsapp": ("channel", "whatsapp"), "line": ("channel", "line"), "chatapi": ("channel", "chatapi"), "crm": ("crm", "")}
SQLITE_PATIENCE_MS = 3000
_channels: dict[str, tuple[ConnectionSnapshot, Channel]] = {}
INSERT = (
    "INSERT INTO intake_inboundevent "
    "(connection_id, body, size, received_at, request_id, state, attempts, fence, item_count, duplicate_count) "
    "VALUES (%s, {blob}, %s, %s, '', 'waiting', 0, 0, 0, 0)"
)
HEADERS = (
    "x-hub-signature-256",
    "x-line-signature",
    "x-hubspot-signature-v3",
    "x-hubspot-request-timestamp",
    "authorization",
    "x-webhook-token",
)


def _text(message: str, status: int) -> HttpResponse:
    # With its length, so that the server need not cut the answer into chunks and the connection stays open.
    content = message.encode()
    return HttpResponse(content, status=status, content_type="text/plain; charset=utf-8", headers={"Content-Length": str(len(content))})


@csrf_exempt
def receive(request: HttpRequest, provider: str, slug: str) -> HttpResponse:
    """GET answers the subscription check, POST takes a body in."""
    if provider not in PROVIDERS or request.method not in {"GET", "POST"}:
        return _text("no such webhook", 404 if provider not in PROVIDERS else 405)
    try:
        connection = by_slug(slug)
    except DatabaseTrouble:
        connection = last_known(slug)
        if connection is None:
            return _spool_unchecked(request, slug) if request.method == "POST" else _text("try again", 503)
    if connection is None or not _fits(connection, provider):
        return _text("no such webhook", 404)
    return _post(request, connection) if request.method == "POST" else _handshake(request, connection)


def _fits(connection: ConnectionSnapshot, provider: str) -> bool:
    kind, adapter = PROVIDERS[provider]
    return connection.kind == kind and connection.adapter.startswith(adapter)


def _handshake(request: HttpRequest, connection: ConnectionSnapshot) -> HttpResponse:
    if connection.kind != "channel":
        return _text("nothing to verify", 405)
    challenge = channel_of(connection).handshake({key: str(value) for key, value in request.GET.items()})
    return _text("the verify token is not ours", 403) if challenge is None else _text(challenge, 200)


def _read(request: HttpRequest) -> bytes | None:
    """The body, or None when it is larger than any platform sends (3 MiB), or claims a length that is no number."""
    limit = settings.WEBHOOK_BODY_LIMIT
    claimed = request.META.get("CONTENT_LENGTH") or "0"
    if not (claimed.isascii() and claimed.isdigit() and len(claimed) < 16) or int(claimed) > limit:
        return None
    body = request.read(limit + 1)
    return None if len(body) > limit else body


def _headers(request: HttpRequest) -> dict[str, str]:
    """What a signature is checked with. Platforms that can set no header carry their secret in the address: `?token=`."""
    found = {name: request.META[key] for name in HEADERS if (key := "HTTP_" + name.upper().replace("-", "_")) in request.META}
    if "x-webhook-token" not in found and "token=" in request.META.get("QUERY_STRING", ""):
        found["x-webhook-token"] = request.GET.get("token", "")
    return found


def _post(request: HttpRequest, connection: ConnectionSnapshot) -> HttpResponse:
    body = _read(request)
    if body is None:
        return _text("body too large", 413)
    headers = _headers(request)
    hints: list[Hint] = []
    if not signature_is_right(connection, body, headers, request.build_absolute_uri if connection.kind == "crm" else None, hints):
        return _text("wrong signature", 403)
    if store(connection.pk, body):
        _hear(connection.pk, hints)
        return _text("ok", 200)
    # Checked already, so the headers, which may hold a secret, need not lie on the disk.
    return _spooled(spool.write(slug=connection.slug, body=body, headers={}, checked=True))


def _hear(connection_id: int, hints: list[Hint]) -> None:
    """Have the records read that a CRM names. Should the database not take it now, the next look at the CRM's changes finds them."""
    if not hints:
        return
    try:
        hear(connection_id, hints)
    except DatabaseTrouble as error:
        logger.warning("hints of a CRM are left to its feed of changes: %s", type(error).__name__)


def signature_is_right(
    connection: ConnectionSnapshot, body: bytes, headers: dict[str, str], uri: object = None, hints: list[Hint] | None = None
) -> bool:
    """`hints` takes the records that a CRM's call names: they are told only together with the check."""
    if connection.kind == "channel":
        return _channel(connection).verify(body, headers)
    from scrm.connections.services import crm_of

    try:
        named = crm_of(connection).hints(body, headers, uri() if callable(uri) else "")
    except ConnectorError:
        return False
    if hints is not None:
        hints.extend(named)
    return True


def _channel(connection: ConnectionSnapshot) -> Channel:
    """The adapter of a snapshot, which never changes: `channel_of` would compare all settings for every request."""
    known = _channels.get(connection.slug)
    if known is None or known[0] is not connection:
        known = _channels[connection.slug] = (connection, channel_of(connection))
    return known[1]


def store(connection_id: int, body: bytes) -> bool:
    """Put the bytes into the ledger and wake the worker; False when the database does not take them."""
    packed = zlib.compress(body, 1) if len(body) >= COMPRESS_FROM else body
    for attempt in (1, 2):
        try:
            _insert(connection_id, packed, len(body))
        except DatabaseTrouble as error:
            # A connection that broke while idle deserves one fresh try; a database that is away does not.
            logger.warning("ledger insert failed (%s): %s", attempt, type(error).__name__)
            database.close()
            if database.vendor == "sqlite":
                return False
        else:
            crash_here("webhook.stored")
            jobs.wake("inbound")
            return True
    return False


def _insert(connection_id: int, packed: bytes, size: int) -> None:
    # Written by hand: this is the hottest statement of the product. The per-request health check is left out, a failed insert is one.
    database.health_check_done = True  # type: ignore[attr-defined]
    if database.vendor == "postgresql":
        _insert_binary(connection_id, packed, size)
        return
    with database.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_PATIENCE_MS}")
        cursor.execute(INSERT.format(blob="%s"), [connection_id, packed, size, clock.now().replace(tzinfo=None).isoformat(" ")])
        cursor.execute("PRAGMA busy_timeout=20000")


def _insert_binary(connection_id: int, packed: bytes, size: int) -> None:
    """Parameters apart from the statement, the body as it is: half the time of Django's cursor, which writes it into the text as hex."""
    from psycopg import Cursor

    database.ensure_connection()
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        cursor.execute(INSERT.format(blob="%b"), (connection_id, packed, size, clock.now()))


def _spool_unchecked(request: HttpRequest, slug: str) -> HttpResponse:
    """A process that has never seen the database cannot check the signature; it is checked when the spool is emptied."""
    body = _read(request)
    if body is None:
        return _text("body too large", 413)
    return _spooled(spool.write(slug=slug, body=body, headers=_headers(request), checked=False))


def _spooled(kept: bool) -> HttpResponse:
    return _text("ok", 200) if kept else _text("try again", 503)
