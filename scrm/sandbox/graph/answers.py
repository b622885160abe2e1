"""The frame around every Graph call: loopback only, GraphError becomes an answer, nothing else leaks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from scrm.sandbox.faults import SendFaults
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.locality import loopback_only

Call = Callable[..., HttpResponseBase]


def graph_call(view: Call) -> Call:
    @csrf_exempt
    @loopback_only
    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except GraphError as error:
            return error.response()

    return answered


def wrong_method(request: HttpRequest) -> GraphError:
    return GraphError(100, f"Unsupported {(request.method or '').lower()} request.")


def after_acceptance(answer: dict[str, Any], faults: SendFaults) -> HttpResponseBase:
    """The message is accepted whatever happens to this answer."""
    if faults.stall_seconds:
        time.sleep(faults.stall_seconds)
    if faults.server_error_after:
        return GraphError(131000, "Something went wrong").response()
    if faults.drop_reply:
        return _cut_off(answer)
    return JsonResponse(answer)


def _cut_off(answer: dict[str, Any]) -> HttpResponse | StreamingHttpResponse:
    """Half a body under a full Content-Length: the server closes the socket and the caller cannot know the outcome."""
    whole = JsonResponse(answer).content

    def half() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]

    reply = StreamingHttpResponse(half(), content_type="application/json")
    reply["Content-Length"] = str(len(whole))
    reply["Connection"] = "close"
    return reply
