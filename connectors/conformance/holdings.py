"""What must hold of the things a platform keeps for us: files, templates, the account itself, marks of reading."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

from connectors.conformance.demands import demand
from connectors.conformance.kit import Answer, ChannelKit, Server
from connectors.contracts import MediaRef
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater

SLOW = 0.25
MOST_PAGES = 500
MOST_CALLS = 3


def _server(kit: ChannelKit) -> Server:
    assert kit.server is not None
    kit.server.delay = 0.0
    kit.server.always(kit.sent)
    return kit.server


def _error_of_download(kit: ChannelKit, ref: MediaRef) -> ConnectorError | None:
    try:
        kit.channel().download(ref)
    except ConnectorError as error:
        return error
    return None


def fetches_files(kit: ChannelKit) -> None:
    """A received file comes whole, with its type and its SHA-256."""
    assert kit.file is not None
    _server(kit).respond = kit.file.respond
    media = kit.channel().download(kit.file.ref)
    demand(media.content == kit.file.content, "a file comes whole", len(media.content))
    demand(media.sha256 == hashlib.sha256(kit.file.content).hexdigest(), "with its SHA-256", media.sha256)
    demand("/" in media.mime_type, "and its type", media.mime_type)


def tells_lost_files(kit: ChannelKit) -> None:
    """A file that is not there any more is `Gone`; one that cannot be had now is not."""
    assert kit.file is not None
    server = _server(kit)
    for answer in (Answer(404), Answer(404, b"<html>Not Found</html>"), Answer(410)):
        server.always(answer)
        demand(isinstance(_error_of_download(kit, kit.file.ref), Gone), "a lost file is Gone", answer.status)
    nothing = MediaRef("", kit.file.ref.kind)
    demand(isinstance(_error_of_download(kit, nothing), Gone), "no file is Gone")
    for answer in (Answer(503), Answer(429, b"", {"Retry-After": "1"}), Answer(0, broken=True)):
        server.always(answer)
        error = _error_of_download(kit, kit.file.ref)
        demand(isinstance(error, TryLater | OutcomeUnknown), "a file that cannot be had now is tried again", type(error).__name__)


def keeps_the_key_at_home(kit: ChannelKit) -> None:
    """A link to another host never sees our credentials, and a redirect is not followed."""
    assert kit.file is not None
    server = _server(kit)
    server.always(Answer(200, b"file", {"Content-Type": "image/jpeg"}))
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    strange = [
        elsewhere + "/stolen.jpg",
        server.url.replace("http://", "http://user@") + "@evil.example/x",
        "file:///etc/passwd",
        "http://[::1",
        "//x",
    ]
    for url in strange:
        before = len(server.seen)
        _error_of_download(kit, replace(kit.file.ref, external_id="", url=url))
        for seen in server.seen[before:]:
            shown = f"{seen.query} {dict(seen.headers)}"
            away = seen.headers.get("host", "").startswith("localhost")
            demand(not (away and any(secret in shown for secret in kit.secrets)), "credentials stay with the platform's host", url)
    server.always(Answer(302, b"", {"Location": elsewhere + "/elsewhere"}))
    before = len(server.seen)
    error = _error_of_download(kit, kit.file.ref)
    demand(isinstance(error, Misconfigured), "a redirect is told", type(error).__name__)
    demand(all(seen.path != "/elsewhere" for seen in server.seen[before:]), "a redirect is not followed")


def stays_on_the_road(kit: ChannelKit) -> None:
    """An id that a stranger made up leads to no other path of the platform."""
    assert kit.file is not None
    server = _server(kit)
    server.always(Answer(200, b"{}"))
    for name in ("../../me/accounts", "1/messages", "1?x=1", "1#", "%2e%2e%2fme", "港", "\x00", "a" * 5000):
        before = len(server.seen)
        _error_of_download(kit, replace(kit.file.ref, external_id=name, url=""))
        for seen in server.seen[before:]:
            demand(
                ".." not in seen.path and "messages" not in seen.path and "accounts" not in seen.path,
                "an id is one part of a path",
                seen.path,
            )


def lists_all_templates(kit: ChannelKit) -> None:
    """Every page is read, each template once; pages that repeat for ever come to an end."""
    assert kit.templates is not None
    server = _server(kit)
    server.respond = kit.templates.respond
    began = len(server.seen)
    found = kit.channel().templates()
    names = [str(template["name"]) for template in found]
    demand(sorted(names) == sorted(kit.templates.names), "every template comes once", names)
    for template in found:
        missing = {"name", "language", "category", "status", "components", "external_id"} - set(template)
        demand(not missing, "a template has every part", sorted(missing))
        demand(template["status"] == str(template["status"]).upper(), "a status is in capital letters", template["status"])
    before = len(server.seen)
    first = kit.templates.respond(server.seen[began])
    server.always(first)
    kit.channel().templates()
    demand(len(server.seen) - before <= MOST_PAGES, "pages that repeat come to an end", len(server.seen) - before)


def measures_its_check(kit: ChannelKit) -> None:
    """The health check takes a few calls at most, tells how long the first took, and raises when the credentials are refused."""
    assert kit.healthy is not None
    server = _server(kit)
    server.always(kit.healthy)
    before, began = len(server.seen), time.monotonic()
    health = kit.channel().check()
    demand(health.ok and 1 <= len(server.seen) - before <= MOST_CALLS, "a healthy account is told with few calls", health.detail)
    demand(0 < health.latency.total_seconds() <= time.monotonic() - began, "the time is measured", health.latency)
    demand(all(secret not in f"{health.detail} {dict(health.facts)}" for secret in kit.secrets), "health tells no secret")
    server.delay = SLOW
    slow = kit.channel().check()
    server.delay = 0.0
    demand(slow.latency.total_seconds() >= SLOW, "a slow answer is told", slow.latency)
    refused = next(answer for answer, expected in kit.errors if expected is NeedsLogin)
    server.always(refused)
    try:
        kit.channel().check()
    except NeedsLogin:
        return
    raise AssertionError("refused credentials are told by the health check")


def marks_as_read(kit: ChannelKit) -> None:
    """A mark of reading, with and without a sign of typing, is taken or says what is wrong."""
    assert kit.read is not None
    server = _server(kit)
    server.always(kit.read)
    before = len(server.seen)
    kit.channel().mark_read(kit.read_id)
    kit.channel().mark_read(kit.read_id, typing=True)
    demand(len(server.seen) > before + 1, "the platform is told")
