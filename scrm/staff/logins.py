"""Log-ins, wrong passwords and log-outs go on record; a log-in starts the session's clocks."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from scrm.core import audit
from scrm.staff import second_factor, sessions
from scrm.staff.models import User


@receiver(user_logged_in, dispatch_uid="staff.logged_in")
def _logged_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if request is None:
        return
    sessions.begin(request)
    request.came = True  # type: ignore[attr-defined]
    second_factor.note_log_in(request, user)
    # Only a page's log-in has an address; a test that seats somebody has none.
    if request.META:
        audit.record("staff.logged_in", by=user, subject=user, request=request)


@receiver(user_logged_out, dispatch_uid="staff.logged_out")
def _logged_out(sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if request is None or not request.META or request.path != "/admin/logout/":
        return
    request.came = False  # type: ignore[attr-defined]
    if user is not None:
        audit.record("staff.logged_out", by=user, subject=user, request=request)


@receiver(user_login_failed, dispatch_uid="staff.login_failed")
def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Who was meant, when there is such a person; a name that nobody has may be a password typed into the wrong box, and is not kept.

    Tries that had to wait are not told one by one: what made them wait was.
    """
    if request is None or not request.META or getattr(request, "log_in_wait", None):
        return
    meant = User.objects.filter(username=str(credentials.get("username") or "")[:150]).first()
    closed = bool(getattr(request, "log_in_closed", False))
    after = {"known": meant is not None, "further tries have to wait": closed}
    audit.record("staff.login_failed", by="", subject=meant or "", after=after, request=request)
