"""What a press on the review pages is answered with: JSON to the page's script, a redirect with a notice to a plain form."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def done(request: HttpRequest, back: str, notice: str = "", **answer: object) -> HttpResponse:
    """A script gets JSON, a plain form a redirect with the notice."""
    if by_script(request):
        return JsonResponse({"ok": True, "notice": notice, **answer})
    if notice:
        messages.success(request, notice)
    return redirect(back)


def refused(request: HttpRequest, back: str, reason: str, **answer: object) -> HttpResponse:
    if by_script(request):
        return JsonResponse({"ok": False, "error": reason, **answer}, status=409)
    messages.error(request, reason)
    return redirect(back)
