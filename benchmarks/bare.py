"""The ceiling of intake: the least that a Django view behind the same server can do and still be safe.

No middleware, no look-up, no compression: check the signature over the raw body, insert the body with the database's own driver,
answer. One connection a thread, each insert its own commit.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

URL = os.environ["DATABASE_URL"]
SECRET = os.environ["BENCH_SECRET"].encode()
_local = threading.local()


def _postgresql() -> Callable[[bytes], None]:
    import psycopg

    connection = psycopg.connect(URL, autocommit=True)

    def insert(body: bytes) -> None:
        connection.execute("INSERT INTO bench_bodies (body) VALUES (%s)", (body,))

    return insert


def _sqlite() -> Callable[[bytes], None]:
    connection = sqlite3.connect(urlsplit(URL).path[0:].replace("//", "/"), isolation_level=None, timeout=20)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")

    def insert(body: bytes) -> None:
        connection.execute("INSERT INTO bench_bodies (body) VALUES (?)", (body,))

    return insert


def receive(request: HttpRequest) -> HttpResponse:
    if not hasattr(_local, "insert"):
        _local.insert = _sqlite() if URL.startswith("sqlite") else _postgresql()
    body = request.body
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.META.get("HTTP_X_HUB_SIGNATURE_256", ""), expected):
        return HttpResponse("wrong signature", status=403)
    _local.insert(body)
    return HttpResponse(b"ok", content_type="text/plain", headers={"Content-Length": "2"})


urlpatterns = [path("webhook/", receive)]

if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__, SECRET_KEY="bare", ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[], INSTALLED_APPS=[], DATABASES={}, USE_TZ=True
    )

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
