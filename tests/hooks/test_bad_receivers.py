"""Receivers of webhooks that lead elsewhere, hang, drip, answer without end, break off or are gone: each costs itself at most."""

from __future__ import annotations

import itertools
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from connectors import http, standard_webhooks
from scrm.connections.models import Alert
from scrm.core import clock
from scrm.hooks import delivery, services
from scrm.hooks.models import Delivery, Endpoint
from tests.hooks.test_deliveries import RETRY, happened, send

pytestmark = pytest.mark.django_db(transaction=True)

OVERALL = timedelta(seconds=0.8)
MEGABYTE = b"x" * (1 << 20)
Answer = Callable[[socket.socket], None]


class RawReceiver:
    """By path, an answer byte by byte. `seen` keeps (path, headers, body) of each request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.sent: Counter[str] = Counter()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                made, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(made,), daemon=True).start()

    def _answer(self, made: socket.socket) -> None:
        with made, made.makefile("rb") as lines:
            first = lines.readline().decode().split(" ")
            if len(first) < 2:
                return
            headers = {}
            while (line := lines.readline().decode().strip()) != "":
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            self.seen.append((first[1], headers, lines.read(int(headers.get("content-length", 0)))))
            try:
                self.answers[first[1]](made)
            except OSError:
                return

    def paths(self) -> Counter[str]:
        return Counter(path for path, _headers, _body in self.seen)


def head(status: int, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", "Connection: close", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def plain(status: int, **headers: str) -> Answer:
    return lambda made: made.sendall(head(status, Content_Length="0", **headers))


def hangs(made: socket.socket) -> None:
    time.sleep(20)


def drips(status: int) -> Answer:
    def answer(made: socket.socket) -> None:
        made.sendall(head(status))
        for _ in range(300):
            made.sendall(b".")
            time.sleep(0.1)

    return answer


def without_end(status: int) -> Answer:
    def answer(made: socket.socket) -> None:
        made.sendall(head(status))
        for _ in range(400):
            made.sendall(MEGABYTE)

    return answer


def declares_much(status: int) -> Answer:
    return lambda made: made.sendall(head(status, Content_Length=str(50 << 30)) + b"thanks")


def breaks_off(made: socket.socket) -> None:
    made.sendall(head(200, Content_Length="100") + b"half")


def resets(made: socket.socket) -> None:
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawReceiver]:
    monkeypatch.setattr(http.HttpClient.request, "__kwdefaults__", {**http.HttpClient.request.__kwdefaults__, "overall": OVERALL})
    monkeypatch.setattr(standard_webhooks, "OVERALL", OVERALL)
    made = RawReceiver()
    yield made
    made.socket.close()


def hooked(raw: RawReceiver, path: str, answer: Answer) -> Endpoint:
    raw.answers[path] = answer
    return services.subscribe(raw.url + path, ["contact.created"], label=path.strip("/"))[0]


def rounds(number: int = 6) -> None:
    for _ in range(number):
        send()
        clock.advance(RETRY)


TAKEN = {"endless": without_end(200), "declared": declares_much(202), "dripping": drips(200), "broken-off": breaks_off}
REFUSED = {
    "redirect": plain(302, Location="/elsewhere"),
    "moved": plain(308, Location="http://169.254.169.254/latest"),
    "hanging": hangs,
    "reset": resets,
    "error": plain(400),
}
GONE = {"gone": plain(410), "gone-endless": without_end(410), "gone-dripping": drips(410)}


class TestBadReceivers:
    @pytest.mark.parametrize("name", list(TAKEN))
    def test_a_yes_is_a_yes_whatever_follows(self, raw: RawReceiver, name: str) -> None:
        hooked(raw, f"/{name}", TAKEN[name])
        happened()
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rounds(2)
        row = Delivery.objects.get()
        assert (row.state, raw.paths()[f"/{name}"]) == ("done", 1)
        assert time.monotonic() - began < 15
        assert len(row.answer) <= 1000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024

    @pytest.mark.parametrize("name", list(REFUSED))
    def test_a_no_is_tried_three_times_more_and_then_told(self, raw: RawReceiver, name: str) -> None:
        endpoint = hooked(raw, f"/{name}", REFUSED[name])
        raw.answers["/elsewhere"] = plain(200)
        happened()
        rounds()
        row = Delivery.objects.get()
        assert (row.state, row.attempts, raw.paths()) == ("failed", 4, Counter({f"/{name}": 4}))
        assert row.reason
        for _path, headers, body in raw.seen:
            standard_webhooks.verify(endpoint.secrets["signing"], headers, body, clock.now() - RETRY * 6 + timedelta(minutes=2))
            break
        assert len({headers["webhook-id"] for _path, headers, _body in raw.seen}) == 1

    def test_tries_are_five_minutes_apart(self, raw: RawReceiver) -> None:
        hooked(raw, "/error", plain(400))
        happened()
        made: list[timedelta] = []
        began = clock.now()
        for _ in range(40):
            if delivery.deliver_due() + delivery.deliver_due(slow=True):
                made.append(clock.now() - began)
            clock.advance(timedelta(seconds=30))
        apart = [later - earlier for earlier, later in itertools.pairwise(made)]
        assert len(made) == 4
        assert all(timedelta(minutes=4.5) <= each <= timedelta(minutes=6) for each in apart)

    @pytest.mark.parametrize("name", list(GONE))
    def test_gone_is_gone_whatever_follows(self, raw: RawReceiver, name: str) -> None:
        endpoint = hooked(raw, f"/{name}", GONE[name])
        happened(3)
        rounds(2)
        endpoint.refresh_from_db()
        assert (endpoint.state, raw.paths()[f"/{name}"]) == ("off", 1)
        assert Alert.objects.filter(key=f"hook:{endpoint.pk}", closed_at=None).exists()

    def test_all_of_them_at_once_hold_up_nobody(self, raw: RawReceiver) -> None:
        everything = {**TAKEN, **REFUSED, **GONE}
        for name, answer in everything.items():
            hooked(raw, f"/{name}", answer)
        good = hooked(raw, "/good", plain(200))
        happened(2)
        delivery.deliver_due()
        assert raw.paths()["/good"] == 2
        rounds(3)
        # Whoever fails again and again rests, and what is for them waits.
        waiting = Delivery.objects.filter(state="due", attempts=0).values_list("endpoint__failures", flat=True)
        assert all(failures >= delivery.FAILURES_TO_OPEN for failures in waiting)
        assert set(Delivery.objects.filter(endpoint=good).values_list("state", flat=True)) == {"done"}
        ids = {headers["webhook-id"] for path, headers, _body in raw.seen if path == "/good"}
        assert len(ids) == 2
