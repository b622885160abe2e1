"""What must hold of a send whatever the other side answers: no second message, no invented success, no secret told."""

from __future__ import annotations

import gzip
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from connectors import http
from connectors.conformance.demands import demand
from connectors.conformance.kit import Answer, ChannelKit, Expected, Server
from connectors.conformance.promises import error_of_send
from connectors.contracts import Channel, OutboundMessage
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable

SHORT = timedelta(seconds=0.3)
BOMB_SECONDS = 10.0
LONG_WORDS = "我" * 3000


def check_error_tree(
    channel: Channel, message: OutboundMessage, answer_with: Callable[[Answer], None], cases: Iterable[tuple[Answer, type[ConnectorError]]]
) -> None:
    """Each answer becomes the stated error, and a Retry-After is honoured."""
    for answer, expected in cases:
        answer_with(answer)
        error = error_of_send(channel, message)
        demand(type(error) is expected, f"HTTP {answer.status} is {expected.__name__}, not {type(error).__name__}", answer.body[:300])
        wait = answer.headers.get("Retry-After", "")
        if isinstance(error, TryLater) and wait.isdigit():
            demand(error.after >= timedelta(seconds=min(int(wait), 3600)), "Retry-After is honoured", error.after)


@contextmanager
def little_patience(wait: timedelta = SHORT) -> Iterator[None]:
    """Clients made inside wait less for an answer, so that a time-out can be tested in a moment."""
    usual, http.READ = http.READ, wait
    try:
        yield
    finally:
        http.READ = usual


def _server(kit: ChannelKit) -> Server:
    assert kit.server is not None
    kit.server.delay = 0.0
    kit.server.always(kit.sent)
    return kit.server


def _ends(kit: ChannelKit, answer: Answer, expected: Expected) -> ConnectorError | None:
    """Send once against this answer. A channel whose sends may be repeated may do so; every other sends once."""
    server, channel = _server(kit), kit.channel()
    server.always(answer)
    before = len(server.seen)
    error = error_of_send(channel, kit.text)
    fits = expected is not None and isinstance(error, expected)
    demand(fits, f"HTTP {answer.status} is {expected}, not {type(error).__name__}", answer.body[:300])
    once = channel.capabilities.idempotent_send or len(server.seen) - before <= 1
    demand(once, "a send that may not be repeated is sent once", answer.status)
    return error


def _doubt(kit: ChannelKit) -> tuple[type[ConnectorError], ...]:
    """What an open outcome may be called: where sends may be repeated, waiting does as well."""
    return (OutcomeUnknown, TryLater) if kit.channel().capabilities.idempotent_send else (OutcomeUnknown,)


def sends_once(kit: ChannelKit) -> None:
    """A send is one request, carries the text, and gives the platform's id."""
    server = _server(kit)
    before = len(server.seen)
    receipt = kit.channel().send(kit.text)
    demand(len(server.seen) == before + 1, "one send is one request", len(server.seen) - before)
    demand(bool(receipt.external_id) and len(receipt.external_id) <= 200, "the receipt has an id", receipt.external_id)


def sends_from_several_threads(kit: ChannelKit) -> None:
    """One adapter serves several threads."""
    server, channel = _server(kit), kit.channel()
    before = len(server.seen)
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(channel.send, [replace(kit.text, client_ref=f"out-{number}") for number in range(24)]))
    demand(all(receipt.external_id for receipt in receipts) and len(server.seen) == before + 24, "every thread's message is sent")


def speaks_the_error_tree(kit: ChannelKit) -> None:
    """The platform's own refusals, with one at least that comes with HTTP 200, each become the stated error."""
    shown = any(200 <= answer.status < 300 for answer, _ in kit.errors)
    demand(shown or not kit.says_no_with_200, "a kit shows a refusal with HTTP 200")
    demand(any(expected is NeedsLogin for _, expected in kit.errors), "a kit shows refused credentials")
    server = _server(kit)
    check_error_tree(kit.channel(), kit.text, server.always, kit.errors)


def waits_as_asked(kit: ChannelKit) -> None:
    """429 is `TryLater`, for seconds, for a date and for nonsense in Retry-After."""
    for header, least in (("90", 90), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", 0), ("", 0), ("99999999999", 3600)):
        error = _ends(kit, Answer(429, b"slow down", {"Retry-After": header} if header else {}), TryLater)
        assert isinstance(error, TryLater)
        demand(timedelta(seconds=least) <= error.after <= timedelta(days=1), "Retry-After is honoured within bounds", (header, error.after))


def invents_no_success(kit: ChannelKit) -> None:
    """A 2xx that says nothing, HTML, another type, half a document: the outcome is open, and never a success."""
    for body in (b"", b"<html><body>ok</body></html>", b"[]", b"null", b"{}", b'"sent"', b'{"id":', b"\xff\xfe", b"[" * 50_000):
        if body not in kit.silent:
            _ends(kit, Answer(200, body), _doubt(kit))


def leaves_the_outcome_open(kit: ChannelKit) -> None:
    """Server errors and broken connections after the request left prove nothing."""
    answers = [Answer(status, body) for status in (500, 502, 503, 504) for body in (b"", b"<html>Bad Gateway</html>", b'{"error":{}}')]
    for answer in [*answers, Answer(408), Answer(0, broken=True)]:
        _ends(kit, answer, _doubt(kit))


def leaves_a_time_out_open(kit: ChannelKit) -> None:
    """An answer that does not come in time, though the message was taken: open, or a success when the repeat is recognised."""
    server = _server(kit)
    with little_patience():
        channel = kit.channel()
        server.delay = 2 * SHORT.total_seconds()
        before, began = len(server.seen), time.monotonic()
        try:
            error = error_of_send(channel, kit.text)
        finally:
            server.delay = 0.0
        demand(isinstance(error, _doubt(kit)), "a lost answer leaves the outcome open", type(error).__name__)
        demand(time.monotonic() - began < 15, "and is not waited for")
        demand(channel.capabilities.idempotent_send or len(server.seen) - before == 1, "nothing is sent twice", len(server.seen) - before)
        time.sleep(2.5 * SHORT.total_seconds())  # the server's late answers are over before the next rule


def recognises_a_repeat(kit: ChannelKit) -> None:
    """Where sends may be repeated, the answer to a repeat is a success with the first one's id."""
    assert kit.repeated is not None
    demand(kit.channel().capabilities.idempotent_send, "only who promises it recognises repeats")
    server = _server(kit)
    server.always(kit.repeated)
    demand(bool(kit.channel().send(kit.text).external_id), "a repeat is a success")


def tells_what_never_left(kit: ChannelKit) -> None:
    """Nobody listens: nothing was done, and the product may try again."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        error = error_of_send(kit.channel(f"http://127.0.0.1:{held.getsockname()[1]}"), kit.text)
    demand(isinstance(error, Unreachable) and error.nothing_was_done, "a refused connection never left", type(error).__name__)


def follows_no_redirect(kit: ChannelKit) -> None:
    """A redirect is a wrong address, and our credentials go nowhere."""
    server = _server(kit)
    for status in (301, 302, 303, 307, 308):
        before = len(server.seen)
        _ends(kit, Answer(status, b"", {"Location": server.url.replace("127.0.0.1", "localhost") + "/elsewhere"}), Misconfigured)
        demand(all(seen.path != "/elsewhere" for seen in server.seen[before:]), "a redirect is not followed", status)


def bears_huge_answers(kit: ChannelKit) -> None:
    """A packed bomb and an endless answer are cut off in time; the outcome stays open."""
    bomb = gzip.compress(bytes(2 * http.MAX_REPLY), 1)
    for answer in (Answer(200, bomb, {"Content-Encoding": "gzip"}), Answer(200, b" " * (http.MAX_REPLY + 1))):
        began = time.monotonic()
        _ends(kit, answer, (OutcomeUnknown, TryLater))
        demand(time.monotonic() - began < BOMB_SECONDS, "a huge answer is cut off in time", time.monotonic() - began)


def bears_other_encodings(kit: ChannelKit) -> None:
    """Broken compression and a strange character set are an answer that cannot be read, and no crash."""
    for headers in ({"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}, {"Content-Type": "application/json; charset=no-such"}):
        error = _ends(kit, Answer(200, b"\x1f\x8bnot packed", headers), _doubt(kit))
        demand(error is not None, "an answer that cannot be read is no success")


def tells_no_secret(kit: ChannelKit) -> None:
    """No credential and no customer's words in an error, its causes, what is printed, or a log, even when the platform repeats them."""
    assert kit.echo is not None
    server, channel = _server(kit), kit.channel()
    with _listening() as heard:
        channel.send(kit.text)
        leaving = f"{server.seen[-1].query} {dict(server.seen[-1].headers)}"
        shown = [secret for secret in kit.secrets if secret in leaving]
        demand(bool(shown), "a call carries a credential")
        for secret in shown:
            for answer in (kit.echo(secret), replace(kit.echo(secret), status=401), Answer(500, secret.encode()), Answer(0, broken=True)):
                server.always(answer)
                told = _told(error_of_send(channel, kit.text))
                demand(all(each not in told for each in kit.secrets), "no error tells a secret", answer.status)
        said = "\n".join([*heard, repr(channel), str(channel), repr(kit.account)])
    demand(all(each not in said for each in kit.secrets), "nothing printed or logged tells a secret")
    words = str(kit.text.content.get("body", ""))
    demand(bool(words) and all(words not in line for line in heard), "no log holds a customer's words")
    server.always(kit.echo(LONG_WORDS))
    error = error_of_send(channel, kit.text)
    demand(error is not None and len(error.detail) <= 500 and len(error.title) <= 500, "a vendor's words are cut")


def _told(error: BaseException | None) -> str:
    """Everything that an error and its causes say."""
    parts: list[str] = []
    while error is not None:
        parts += [str(error), repr(error), *map(str, error.args)]
        parts += [repr(vars(error))] if isinstance(error, ConnectorError) else []
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Every line that anybody logs, at any level."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    root, ear = logging.getLogger(), Ear(0)
    usual = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(ear)
        root.setLevel(usual)


def ends_as_arranged(kit: ChannelKit) -> None:
    """States that the other side itself brings about: each ends a send as it must."""
    for situation in kit.situations:
        situation.arrange()
        with little_patience():
            error = error_of_send(kit.channel(), kit.text)
        if situation.expected is None:
            demand(error is None, f"{situation.name}: the message is sent", error)
        else:
            demand(isinstance(error, situation.expected), f"{situation.name} is {situation.expected}", type(error).__name__)


RULES = (
    sends_once,
    sends_from_several_threads,
    speaks_the_error_tree,
    waits_as_asked,
    invents_no_success,
    leaves_the_outcome_open,
    leaves_a_time_out_open,
    tells_what_never_left,
    follows_no_redirect,
    bears_huge_answers,
    bears_other_encodings,
)
