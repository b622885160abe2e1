"""The short way of a webhook: no session, no language, no cookies, nothing that costs a query or a millisecond.

Two doors to the same view. `webhooks_first` stands before Django's own handler, whose signals and bookkeeping would be a third of the
work; the middleware serves whatever calls the handler itself, such as tests and other servers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import connection as database
from django.http import HttpRequest, HttpResponse

from scrm.core.logs import trail
from scrm.intake import views

logger = logging.getLogger(__name__)

PATH = re.compile(r"^/webhooks/(?P<provider>[a-z]{1,20})/(?P<slug>[-\w]{1,50})/?$", re.ASCII)


class WebhookMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/webhooks/"):
            return self.get_response(request)
        return _receive(request)


def _receive(request: HttpRequest) -> HttpResponse:
    match = PATH.match(request.path_info)
    if match is None:
        return HttpResponse("no such webhook", status=404, content_type="text/plain")
    return views.receive(request, match["provider"], match["slug"])


Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def webhooks_first(application: Wsgi) -> Wsgi:
    """A WSGI application that answers webhooks itself and leaves the rest to `application`."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/webhooks/"):
            return application(environ, start_response)
        try:
            response = _receive(WSGIRequest(environ))
        except Exception as error:
            logger.error("a webhook could not be answered; the platform sends it again: %s", trail(error))
            response = HttpResponse("try again", status=503, content_type="text/plain")
        finally:
            # What Django's handler does after each request: a connection that broke or is old makes room for a new one.
            database.close_if_unusable_or_obsolete()
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]

    return answer
