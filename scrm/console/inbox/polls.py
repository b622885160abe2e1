"""An open inbox asks every two seconds whether anything happened, and mostly nothing did: a short way to say so.

It is taken before sessions, languages and rights are looked at, and costs two statements. Only a 304 is given here, which tells nothing
but "as you last saw it", to the same log-in with the same question, for some seconds after the long way gave the same answer, and while
all that the answer depends on stands as it stood then. A log-in that ends or a right that is taken away is therefore heeded at most so
many seconds later by a page on which nothing happens; whatever shows something goes the long way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import connections, router
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from scrm.console.inbox import presence, queues
from scrm.console.inbox.presence import Other
from scrm.conversations.claim_models import Claim
from scrm.conversations.claims import MOST as MOST_CLAIMS
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.staff.models import User
from scrm.staff.sessions import BY_ITSELF

# More than twenty of a page's questions. Below the minute in which a log-in notes that somebody is at work.
SECONDS = 45.0
# Open pages of one process; each is some hundred bytes.
MOST = 5000

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened last in any conversation, and who answers which: [(conversation, user)]."""

    newest: str
    answering: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A question that was answered with 304. `until` in seconds of the process's clock."""

    until: float
    mark: Mark
    user: User
    conversation: int | None
    around: list[Other]


_known: dict[Key, Quiet] = {}


def mark() -> Mark:
    alias = router.db_for_read(Conversation)
    held = f"SELECT conversation_id, holder_id FROM {Claim._meta.db_table} WHERE until > %s ORDER BY conversation_id LIMIT {MOST_CLAIMS}"  # noqa: S608
    with connections[alias].cursor() as cursor:
        cursor.execute(held, [connections[alias].ops.adapt_datetimefield_value(clock.now())])
        answering = tuple((conversation, holder) for conversation, holder in cursor.fetchall())
    return Mark(queues.newest_changes(), answering)


def remember(request: HttpRequest, user: User, conversation: Conversation | None, around: list[Other], before: Mark) -> None:
    """The long way said 304. `before`: how things stood before it looked, so that nothing can have happened in between unseen."""
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        return  # whoever is known by other means than a log-in of their own could not be told from others
    if len(_known) >= MOST:
        now = monotonic()
        for key in [key for key, quiet in list(_known.items()) if quiet.until < now]:
            _known.pop(key, None)
        if len(_known) >= MOST:
            _known.clear()
    _known[_key(request)] = Quiet(monotonic() + SECONDS, before, user, conversation.pk if conversation else None, around)


def forget() -> None:
    """For tests: every question goes the long way again."""
    _known.clear()


def is_quiet(request: HttpRequest) -> bool:
    """Nothing happened since the same question was last answered with 304. Notes that the person looks on, as the long way does."""
    quiet = _known.get(_key(request))
    if quiet is None:
        return False
    if quiet.until < monotonic():
        _known.pop(_key(request), None)
        return False
    if quiet.conversation is not None:
        typing = request.GET.get("typing") == "1"
        if presence.note(quiet.conversation, quiet.user, typing=typing) != quiet.around:
            return False
    return mark() == quiet.mark


def _key(request: HttpRequest) -> Key:
    cookies = (settings.SESSION_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME)
    named = (request.headers.get("If-None-Match", ""), request.META.get("QUERY_STRING", ""))
    return (*(request.COOKIES.get(name, "") for name in cookies), *named)


def is_likely_quiet(environ: Mapping[str, Any]) -> bool:
    """An open page asks whether anything is new; mostly nothing is. Looks only at the request's line and header."""
    return environ.get("PATH_INFO") == BY_ITSELF and environ.get("REQUEST_METHOD") == "GET" and bool(environ.get("HTTP_IF_NONE_MATCH"))


class QuietPollsMiddleware:
    """Behind the headers that every answer gets, before the session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == BY_ITSELF and request.method == "GET" and is_quiet(request):
            return HttpResponseNotModified(headers={"ETag": request.headers["If-None-Match"]})
        return self.get_response(request)
