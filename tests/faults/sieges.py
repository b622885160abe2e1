"""What is too slow, too large or too much, on the running system.

    python -m tests.faults.sieges --database sqlite
    python -m tests.faults.sieges --database postgresql --only burst

slow      100 clients that hold back their headers and 100 that hold back their bodies, bodies without end, bodies that unpack to
          gigabytes, bodies of 3 MiB and of one byte more, twenty of each: the others are answered within a second at p95, the web server
          grows little
burst     500 events a second, packed ten to a body
locked    another program holds SQLite's one writer for 30 s: no customer's platform and no colleague meets an error

Exit code 1 when a promise was broken, 0 with a line that says so when a run cannot be done here (1 when CI is set).
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import os
import socket
import sqlite3
import statistics
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.databases import missing_is_a_failure
from tests.faults.customers import Customer, Post, Said, body_of, signature
from tests.faults.deploys import main_of
from tests.faults.driver import Driver, post_bytes
from tests.faults.system import System, leave
from tests.faults.verdict import Verdict, wait_for_quiet

MIB = 2**20
# Seconds, for what was answered wrongly or not at all.
UNANSWERED = 99.0
CUSTOMER = Customer("sandbox-hk", "陳大文", "85261239876")


def said(system: System, name: str, texts: list[str]) -> tuple[bytes, dict[str, str], str]:
    """A signed body of these messages, its headers and its address."""
    connection = system.info["connections"][CUSTOMER.slug]
    post = Post(CUSTOMER.slug, [Said(f"wamid.{name}.{n}", CUSTOMER, text, int(time.time())) for n, text in enumerate(texts)])
    raw = body_of(post, connection)
    return raw, {"X-Hub-Signature-256": signature(connection["app_secret"], raw)}, connection["webhook_url"]


def stored(system: System, name: str) -> int:
    like = "SELECT count(*) FROM conversations_message WHERE external_id LIKE ?"
    return system.number(like, [f"wamid.{name}.%"])


def get(system: System, path: str, timeout: float = 20.0) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{system.port}{path}", timeout=timeout) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0


def left_out(verdict: Verdict, reason: str) -> None:
    verdict.figures["left out"] = reason
    if missing_is_a_failure():
        verdict.broken.append(f"left out: {reason}")


# --- slow ---------------------------------------------------------------------------------------------------------------


def slow(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    before = warmed_up(system, verdict)
    head = "POST /webhooks/whatsapp/sandbox-hk/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    sieges = {
        "headers held back": (head, 100),
        "bodies held back": (head + "Content-Length: 1000\r\n\r\nabc", 100),
        "chunks held back": (head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 100),
    }
    for name, (beginning, count) in sieges.items():
        with besieged(system, beginning.encode(), count):
            normal(system, verdict, name)
    large(system, verdict, head)
    wait_for_quiet(system, 60)
    normal(system, verdict, "afterwards")
    verdict.figures["MiB of the web server before"] = before // MIB
    verdict.demand("MiB that the web server grew", max(0, resident(system) - before) // MIB, most=50)


def warmed_up(system: System, verdict: Verdict) -> int:
    """Bytes of the web server once all its processes have answered and loaded what they need: more of the same changes nothing."""
    now = resident(system)
    for _ in range(10):
        before = now
        normal(system, verdict, "nobody held back")
        now = resident(system)
        if now - before < MIB:
            break
    return now


def large(system: System, verdict: Verdict, head: str, times: int = 20) -> None:
    """Again and again, so that what each leaves behind adds up."""
    connection = system.info["connections"][CUSTOMER.slug]
    bomb, largest, larger = gzip.compress(bytes(10 * MIB), 9) * 200, padded(system, 3 * MIB), padded(system, 3 * MIB + 1)

    def post(body: bytes, **headers: str) -> int:
        signed = {"X-Hub-Signature-256": signature(connection["app_secret"], body), **headers}
        return post_bytes(connection["webhook_url"], body, signed, 30)

    taken, answers = 0, Counter[str]()
    for _ in range(times):
        taken = max(taken, endless(system, head))
        answers["bomb"] += post(bomb, **{"Content-Encoding": "gzip"}) != 200
        answers["largest"] += post(largest) != 200
        # 0: the answer was lost, because the server hung up before it had read the body.
        answers["larger"] += post(larger) not in {413, 0}
    verdict.figures["an endless body was cut off after"] = f"at most {taken / MIB:.0f} MiB"
    verdict.demand("bombs not kept as bytes", answers["bomb"], note=f"of {times}, {len(bomb) / MIB:.1f} MiB for 2 GiB")
    verdict.demand("3 MiB refused", answers["largest"], note=f"of {times}")
    verdict.demand("one byte more not refused with 413", answers["larger"], note=f"of {times}")


@contextlib.contextmanager
def besieged(system: System, beginning: bytes, count: int) -> Iterator[None]:
    held = []
    try:
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", system.port), timeout=5)
            line.sendall(beginning)
            held.append(line)
        time.sleep(0.5)
        yield
    finally:
        for line in held:
            line.close()


def normal(system: System, verdict: Verdict, name: str, count: int = 40) -> None:
    """Webhooks and pages as on any day; p95 of each within a second."""
    took: list[float] = []
    over = count - int(0.95 * count)
    for n in range(count):
        if took.count(UNANSWERED) == over:
            break  # whatever the others take, and each of these has cost the patience of its client
        raw, headers, url = said(system, f"{name}.{n}", ["你好"])
        began = time.monotonic()
        good = post_bytes(url, raw, headers) == 200 and get(system, "/healthz") == 200
        took.append((time.monotonic() - began) / 2 if good else UNANSWERED)
    p95 = sorted(took)[-over]
    verdict.figures[f"p95 with {name}" if name != "afterwards" else "p95 afterwards"] = f"{p95 * 1000:.0f} ms"
    verdict.demand(f"p95 above 1 s: {name}", int(p95 > 1))


def endless(system: System, head: str) -> int:
    sent, chunk = 0, b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with socket.create_connection(("127.0.0.1", system.port), timeout=20) as line, contextlib.suppress(OSError):
        line.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        while sent < 300 * MIB:
            line.sendall(chunk)
            sent += 0x10000
    return sent


def padded(system: System, size: int) -> bytes:
    bare = said(system, f"large.{size}", [""])[0]
    return said(system, f"large.{size}", ["A" * (size - len(bare))])[0]


def resident(system: System, program: str = "web") -> int:
    """Bytes in memory of all processes of one program."""
    total = 0
    for pid in system.group(program):
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


# --- burst ----------------------------------------------------------------------------------------------------------------


def burst(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    seconds, packed, rate = given.seconds, 10, 500
    took: list[float] = []
    answers: Counter[int] = Counter()
    began = time.monotonic()

    def deliver(index: int) -> None:
        raw, headers, url = said(system, f"burst.{index}", [f"{index} {n}" for n in range(packed)])
        due = began + index * packed / rate
        time.sleep(max(0.0, due - time.monotonic()))
        sent = time.monotonic()
        answers[post_bytes(url, raw, headers)] += 1
        took.append(time.monotonic() - sent)

    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(deliver, range(seconds * rate // packed)))
    verdict.figures["events"] = f"{seconds * rate} in {time.monotonic() - began:.1f} s"
    verdict.figures["median answer"] = f"{statistics.median(took) * 1000:.0f} ms, bound 250 ms"
    verdict.figures["answers over 1 s"] = f"{100 * sum(each > 1 for each in took) / len(took):.1f} %, bound 1 %"
    verdict.demand("not answered with 200", sum(count for status, count in answers.items() if status != 200), note=str(dict(answers)))
    wanted = answers[200] * packed
    with contextlib.suppress(RuntimeError):
        system.wait_until(lambda: stored(system, "burst") >= wanted, 240, "all events are stored")
    verdict.demand("lost", wanted - stored(system, "burst"))
    verdict.figures["all in their threads after"] = f"{time.monotonic() - began:.0f} s"


# --- locked ---------------------------------------------------------------------------------------------------------------


def locked(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    if system.database_url:
        left_out(verdict, "PostgreSQL has no single writer")
        return
    driver = Driver(system, [CUSTOMER], given.seed)
    driver.deliver(Post(CUSTOMER.slug, [Said("wamid.before", CUSTOMER, "在嗎", int(time.time()))]))
    names, pages = [], Counter[int]()
    with contextlib.closing(sqlite3.connect(system.folder / "db.sqlite3", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        ends = time.monotonic() + given.away
        while time.monotonic() < ends:
            names.append(f"wamid.locked.{len(names)}")
            driver.deliver(Post(CUSTOMER.slug, [Said(names[-1], CUSTOMER, "在嗎", int(time.time()))]))
            for path in ("/healthz", "/admin/login/", "/readyz"):
                pages[get(system, path)] += 1
        other.execute("ROLLBACK")
    given_back = time.monotonic()
    refused = sum(answer != 200 for post in driver.posts for answer in post.answers)
    verdict.figures["posts and pages meanwhile"] = f"{len(names)}, {dict(pages)}"
    verdict.demand("posts not answered with 200", refused)
    verdict.demand("pages that failed", pages[500] + pages[0])
    with contextlib.suppress(RuntimeError):
        system.wait_until(lambda: stored(system, "locked") == len(names), 60, "all are stored")
    verdict.figures["all stored after"] = f"{time.monotonic() - given_back:.1f} s"
    verdict.demand("lost or twice", abs(stored(system, "locked") - len(names)))


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {
    "slow": (slow, {}),
    "burst": (burst, {}),
    "locked": (locked, {}),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=int, default=30, help="burst: how long")
    parser.add_argument("--away", type=float, default=30.0, help="locked: how long the writer is held")


if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, arguments))
