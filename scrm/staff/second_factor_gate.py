"""Nobody who needs a second factor, or has one, gets past this with the password alone."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from scrm.staff import second_factor
from scrm.staff.models import User

# All pages that know who is logged in are below the first; those of the second list are needed on the way through, or out.
GUARDED = "/admin/"
OPEN = ("/admin/second-factor/", "/admin/login/", "/admin/logout/", "/admin/jsi18n/")


class SecondFactorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(GUARDED) and not request.path.startswith(OPEN) and request.user.is_authenticated:
            missing = _missing(request, request.user)
            if missing:
                return redirect(missing)
        return self.get_response(request)


def _missing(request: HttpRequest, user: User) -> str:
    """The page that stands in the way; empty when none does. Asks the database of those alone who have one or need one."""
    if second_factor.is_through(request):
        return ""
    needed = second_factor.is_needed(user)
    if not needed and request.session.get(second_factor.MARK) == second_factor.NOT_ASKED:
        return ""
    if second_factor.factor_of(user) is not None:
        return "console:second-factor"
    if needed:
        return "console:second-factor-set-up"
    request.session[second_factor.MARK] = second_factor.NOT_ASKED
    return ""
