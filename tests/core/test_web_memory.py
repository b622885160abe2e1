"""Large bodies leave no memory behind in the web server: one like ours is started with an application that only reads them."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scrm.core.entrance import READER_THREADS, Entrance

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20


def count(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [str(len(environ["wsgi.input"].read())).encode()]


application = Entrance(count, threads=4, limits={})


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """The port and the process of the worker."""
    # Here, because the server loads this module too, and has no Django.
    from scrm.core.management.commands.up import GIVEN_BACK, Command

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Command()._granian("127.0.0.1", port, "tests.core.test_web_memory:application", 1, READER_THREADS)
    kept = {name: value for name, value in os.environ.items() if name not in GIVEN_BACK}
    program = subprocess.Popen(command, cwd=ROOT, env=kept | GIVEN_BACK)
    try:
        deadline = time.monotonic() + 60
        while not answers(port):
            assert time.monotonic() < deadline and program.poll() is None
            time.sleep(0.1)
        (worker,) = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
        yield port, int(worker)
    finally:
        program.terminate()
        program.wait(20)


def answers(port: int) -> bool:
    try:
        return post(port, 1) == 1
    except OSError:
        return False


def post(port: int, size: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    line.request("POST", "/", bytes(size))
    counted = int(line.getresponse().read())
    line.close()
    return counted


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_large_bodies_leave_nothing_behind(server: tuple[int, int]) -> None:
    port, worker = server
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: post(port, 1000), range(400)))
        before = resident(worker)
        assert set(pool.map(lambda _: post(port, 3 * MIB), range(80))) == {3 * MIB}
    time.sleep(0.5)
    assert (resident(worker) - before) / MIB < 20
