"""The short way of a webhook: no session, no language, no cookies, nothing that costs a query or a millisecond."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from scrm.intake import views

PATH = re.compile(r"^/webhooks/(?P<provider>[a-z]{1,20})/(?P<slug>[-\w]{1,50})/?$", re.ASCII)


class WebhookMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/webhooks/"):
            return self.get_response(request)
        match = PATH.match(request.path_info)
        if match is None:
            return HttpResponse("no such webhook", status=404, content_type="text/plain")
        return views.receive(request, **match.groupdict())
