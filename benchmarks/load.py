"""A light HTTP load generator: prepared bytes over kept-alive sockets and one epoll loop.

It costs 20 to 40 microseconds of CPU a request, so that at a thousand requests a second the servers keep nearly all of the machine; the
share it took is part of the result. `closed` sends as soon as an answer is there; `paced` sends at the times of a schedule, and measures
from the scheduled time, so that a stall is counted with everything that it delayed.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measure import percentile


@dataclass
class Load:
    """`latencies` in seconds, one an answer;
    `cpu_share` is the generator's own share of one core; `broken`: connections that the server closed."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[bytes, int] = field(default_factory=dict)
    cpu_share: float = 0.0
    broken: int = 0

    @property
    def rate(self) -> float:
        return self.statuses.get(b"200", 0) / self.seconds

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != b"200")

    def at(self, share: float) -> float:
        """This percentile of the latencies, in milliseconds."""
        return 1000 * percentile(self.latencies, share)


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Line:
    """One connection: what is still to be sent, what has come of the answer, when the request was due."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.unsent = b""
        self.received = b""
        self.payload = b""
        self.due = 0.0

    def send(self, payload: bytes, due: float, poll: select.epoll) -> None:
        self.due, self.received, self.payload = due, b"", payload
        self._push(payload, poll)

    def _push(self, payload: bytes, poll: select.epoll) -> None:
        try:
            sent = self.socket.send(payload)
        except BlockingIOError:
            sent = 0
        self.unsent = payload[sent:]
        poll.modify(self.socket, select.EPOLLIN | (select.EPOLLOUT if self.unsent else 0))

    def push_more(self, poll: select.epoll) -> None:
        if self.unsent:
            self._push(self.unsent, poll)

    def answer(self) -> bytes | None:
        """The status of a whole answer, or None while it is still coming."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionResetError("the server closed a kept-alive connection")
        self.received += part
        head, mark, rest = self.received.partition(b"\r\n\r\n")
        if not mark:
            return None
        lower = head.lower()
        if b"chunked" in lower:
            return head[9:12] if rest.endswith(b"0\r\n\r\n") else None
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        return head[9:12] if len(rest) >= length else None


def closed(port: int, requests: Sequence[bytes], *, connections: int = 16, seconds: float = 5.0) -> Load:
    """As many requests as the server answers, `connections` at a time."""
    return _Run(port, requests, connections).closed(seconds)


def paced(port: int, requests: Sequence[bytes], *, rate: float, connections: int = 64, seconds: float = 5.0) -> Load:
    """`rate` requests a second by the clock, whatever the server does."""
    return _Run(port, requests, connections).paced(rate, seconds)


class _Run:
    def __init__(self, port: int, requests: Sequence[bytes], connections: int) -> None:
        self.port = port
        self.requests = requests
        self.poll = select.epoll()
        self.lines = {}
        for _ in range(connections):
            line = _Line(port)
            self.lines[line.socket.fileno()] = line
            self.poll.register(line.socket, select.EPOLLIN)
        self.next = 0

    def _payload(self) -> bytes:
        self.next += 1
        return self.requests[self.next % len(self.requests)]

    def closed(self, seconds: float) -> Load:
        started, cpu = time.perf_counter(), time.process_time()
        load = Load(seconds)
        for line in self.lines.values():
            line.send(self._payload(), time.perf_counter(), self.poll)
        open_ = len(self.lines)
        while open_:
            for line in self._answered(load):
                now = time.perf_counter()
                if now - started < seconds:
                    line.send(self._payload(), now, self.poll)
                else:
                    open_ -= 1
        return self._end(load, started, cpu)

    def paced(self, rate: float, seconds: float) -> Load:
        started, cpu = time.perf_counter(), time.process_time()
        load = Load(seconds)
        free = deque(self.lines.values())
        wanted, sent, answered = int(rate * seconds), 0, 0
        while answered < wanted:
            now = time.perf_counter()
            while free and sent < wanted and (due := started + sent / rate) <= now:
                free.popleft().send(self._payload(), due, self.poll)
                sent += 1
            wait = max(0.0, started + sent / rate - time.perf_counter()) if free and sent < wanted else 1.0
            for line in self._answered(load, wait):
                answered += 1
                free.append(line)
        return self._end(load, started, cpu)

    def _answered(self, load: Load, wait: float = 1.0) -> list[_Line]:
        done = []
        for number, events in self.poll.poll(wait):
            line = self.lines[number]
            if events & select.EPOLLOUT:
                line.push_more(self.poll)
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                try:
                    status = line.answer()
                except ConnectionError:
                    self._connect_again(number, line, load)
                    continue
                if status is not None:
                    load.statuses[status] = load.statuses.get(status, 0) + 1
                    load.latencies.append(time.perf_counter() - line.due)
                    done.append(line)
        return done

    def _connect_again(self, number: int, line: _Line, load: Load) -> None:
        """As a platform does: the request goes out again over a fresh connection, its time still runs from when it was due."""
        load.broken += 1
        if load.broken > 100:
            raise ConnectionError("the server keeps closing connections")
        fresh = _Line(self.port)
        self.lines.pop(number)
        line.socket.close()
        line.socket = fresh.socket
        self.lines[line.socket.fileno()] = line
        self.poll.register(line.socket, select.EPOLLIN)
        line.send(line.payload, line.due, self.poll)

    def _end(self, load: Load, started: float, cpu: float) -> Load:
        load.seconds = time.perf_counter() - started
        load.cpu_share = (time.process_time() - cpu) / load.seconds
        for line in self.lines.values():
            line.socket.close()
        self.poll.close()
        return load
