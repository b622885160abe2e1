"""Single faults on a running system, each measured: parts of the worker cluster killed while idle, the database away, the end of it all."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from tests.databases import PostgreSQL
from tests.faults.customers import Customer, Post, Said
from tests.faults.driver import Driver
from tests.faults.system import System, alive


def write_and_wait(system: System, wamid: str, seconds: float) -> float:
    """Post one message as a platform does, and wait until it stands in its thread; the seconds from the post on."""
    customer = Customer("sandbox-hk", "陳大文", "85261239876")
    post = Post(customer.slug, [Said(wamid, customer, "你好", int(time.time()))])
    began = time.monotonic()
    Driver(system, [customer], 0).deliver(post)
    stored = "SELECT count(*) FROM conversations_message WHERE external_id = ?"
    system.wait_until(lambda: system.number(stored, [wamid]) == 1, seconds, f"{wamid} is in its thread")
    return time.monotonic() - began


def idle(system: System, seconds: float = 3.0) -> None:
    """Let the drains finish lingering, so that every worker waits for work."""
    time.sleep(seconds)


def kill_idle(system: System, role: str, *, number: int = 0) -> int:
    """kill -9 of one idle part of the cluster: parent, sentinel, or `rest` (workers, pusher, monitor)."""
    system.wait_until(lambda: len(system.worker_roles().get("rest", [])) >= 6, 60, "the cluster is complete")
    pid = system.worker_roles()[role][number]
    os.kill(pid, signal.SIGKILL)
    return pid


def every_part(system: System, seconds: float) -> dict[str, float]:
    """Kill each part of the idle cluster in turn and measure how long the next message takes."""
    took = {}
    for role, number in [("parent", 0), ("sentinel", 0), *(("rest", number) for number in range(6))]:
        idle(system)
        kill_idle(system, role, number=number)
        name = f"{role} {number}" if role == "rest" else role
        took[name] = write_and_wait(system, f"wamid.idle.{name}.{time.time_ns()}", seconds)
    return took


def without_database(system: System, server: PostgreSQL, seconds: float, *, rate: float = 8.0) -> tuple[list[int], float]:
    """Stop the server for `seconds` under inbound; every answer, and the seconds from its return until all is stored."""
    customer = Customer("sandbox-tw", "林怡君", "886912345678")
    driver = Driver(system, [customer], 0)
    posts = []
    server.halt()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        post = Post(customer.slug, [Said(f"wamid.outage.{time.time_ns()}", customer, "在嗎", int(time.time()))])
        posts.append(post)
        driver.deliver(post)
        time.sleep(1 / rate)
    server.start()
    back = time.monotonic()
    ids = [post.said[0].wamid for post in posts]
    marks = ", ".join("?" * len(ids))
    stored = f"SELECT count(*) FROM conversations_message WHERE external_id IN ({marks})"
    system.wait_until(lambda: system.number(stored, ids) == len(ids), 90, "everything is stored")
    return [answer for post in posts for answer in post.answers], time.monotonic() - back


def orphans_after(system: System, end: Callable[[], object], seconds: float) -> tuple[float, list[int]]:
    """End the system somehow; the seconds until no process of it was left, and those that were left at the end."""
    before = system.members()
    end()
    began = time.monotonic()
    while (left := alive(before)) and time.monotonic() - began < seconds:
        time.sleep(0.1)
        with contextlib.suppress(ChildProcessError):
            if system.process is not None:
                system.process.poll()
    return time.monotonic() - began, left
