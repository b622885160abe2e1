"""The whole product as `manage.py up` starts it, in a folder of its own, with handles to kill parts of it and to look inside."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from tests import migrated
from tests.databases import PostgreSQL

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
START_SECONDS = 180.0
# Exit codes of a run: a promise was broken, or the run came to no verdict.
BROKEN, BROKE_OFF = 1, 2
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Gone(RuntimeError):
    """The system ended by itself, or did not start."""


def free_ports() -> tuple[int, int]:
    """A pair for web and sandbox that nobody uses, from below those that the system lends to outgoing connections."""
    while True:
        port = random.randrange(18_000, 32_000, 2)
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port, port + 1


class System:
    """`environment` goes to all its processes. `settings` is the settings module; the one of this folder obeys SABOTAGE and LEASES."""

    def __init__(self, database_url: str = "", *, environment: dict[str, str] | None = None, first_start: bool = False) -> None:
        self.first_start = first_start
        self.folder = Path(tempfile.mkdtemp(prefix="scrm-faults-", dir="/tmp"))
        self.port, self.sandbox_port = free_ports()
        self.database_url = database_url
        plain = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SCRM_ENV", "VAR_DIR", "CRASH_AT", "SABOTAGE"}
        }
        self.environment = plain | {
            "SCRM_ENV": "sandbox",
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "PYTHONPATH": str(ROOT),
            "API_RATE": "100000/min",
            "DAILY_CAP_STANDARD": "100000",
            "LOG_LEVEL": "WARNING",
        }
        if database_url:
            self.environment["DATABASE_URL"] = database_url
        self.environment |= environment or {}
        self.process: subprocess.Popen[bytes] | None = None
        # The server behind `database_url`, for a run that takes it away.
        self.server: PostgreSQL | None = None
        self.coming_back = False
        self._info: dict[str, Any] | None = None

    # --- start and stop ---------------------------------------------------------------------------------------------

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    def start(self, *arguments: str, wait: bool = True, **environment: str) -> System:
        if not (self.database_url or self.first_start or (self.folder / "db.sqlite3").exists()):
            migrated.copy_into(self.folder)
        with self.log.open("ab") as log:
            command = [PYTHON, "manage.py", "up", "--no-story", *arguments]
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_until(self.answers, START_SECONDS, "the web server answers")
            self.wait_until(self.sandbox_answers, START_SECONDS, "the sandbox answers")
        return self

    @property
    def running(self) -> bool:
        """It runs, or is about to again: `coming_back` is set around a restart that a run does on purpose."""
        return self.coming_back or (self.process is not None and self.process.poll() is None)

    def answers(self) -> bool:
        return _answers(f"http://127.0.0.1:{self.port}/healthz")

    def ready(self) -> bool:
        return _answers(f"http://127.0.0.1:{self.port}/readyz")

    def sandbox_answers(self) -> bool:
        return _answers(f"http://127.0.0.1:{self.sandbox_port}/healthz")

    def wait_until(self, true: Callable[[], object], seconds: float, what: str) -> float:
        """Seconds until it came true. Raises `Gone` with the end of the log when it does not."""
        began = time.monotonic()
        while not true():
            if not self.running:
                raise Gone(f"the system ended before: {what}\n{self.tail()}")
            if time.monotonic() - began > seconds:
                raise Gone(f"not within {seconds:.0f} s: {what}\n{self.tail()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def tail(self, size: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def interrupt(self, number: int = signal.SIGINT, seconds: float = 40.0) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def stop(self) -> None:
        """End everything, by force where asking does not help, and remove the folder."""
        with contextlib.suppress(Exception):
            if self.running:
                self.interrupt()
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- processes --------------------------------------------------------------------------------------------------

    def members(self) -> list[int]:
        """Every process of this system, found by its environment, wherever it hangs in the tree."""
        mark = f"VAR_DIR={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0") and _state(int(entry.name)) not in "ZX":
                        found.append(int(entry.name))
        return found

    def group(self, program: str) -> list[int]:
        """The processes of one program: web, worker or sandbox; its own process first, then its descendants, oldest first."""
        assert self.process is not None
        mark = {"web": "scrm.wsgi:application", "sandbox": "scrm.sandbox.wsgi:application", "worker": "work"}[program]
        heads = [pid for pid in children(self.process.pid) if mark in command_line(pid)]
        return [pid for head in heads for pid in [head, *descendants(head)]]

    def worker_roles(self) -> dict[str, list[int]]:
        """The parts of the worker cluster: parent (`manage.py work`), sentinel, and the rest (workers, pusher, monitor) by CPU idleness."""
        tree = self.group("worker")
        if not tree:
            return {}
        sentinel = children(tree[0])[:1]
        rest = [pid for pid in tree[1:] if pid not in sentinel]
        return {"parent": tree[:1], "sentinel": sentinel, "rest": rest}

    # --- what the sandbox knows -------------------------------------------------------------------------------------

    @property
    def info(self) -> dict[str, Any]:
        if self._info is None:
            self._info = json.loads(self.manage("sandbox_info", "--format", "json"))
        return self._info

    @property
    def keys(self) -> dict[str, str]:
        """Environment of another host that shall read what this one wrote: keys are made at the first start, and lie in its folder."""
        return {
            "SECRET_KEY": (self.folder / "secret_key").read_text().strip(),
            "SCRM_ENCRYPTION_KEYS": (self.folder / "encryption_key").read_text().strip(),
        }

    def manage(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run([PYTHON, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed: {done.stdout[-800:]}{done.stderr[-800:]}")
        return done.stdout

    def control(self, path: str, body: Any = None) -> Any:
        address = f"http://127.0.0.1:{self.sandbox_port}/sandbox/control/{path}"
        request = urllib.request.Request(address, headers={"Content-Type": "application/json"})
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def history(self, kind: str) -> list[dict[str, Any]]:
        """All entries of one kind of the sandbox's own log, oldest first."""
        rows: list[dict[str, Any]] = []
        while True:
            since = rows[-1]["id"] if rows else 0
            address = f"http://127.0.0.1:{self.sandbox_port}/sandbox/control/log?kind={kind}&since={since}&limit=5000"
            with urllib.request.urlopen(address, timeout=60) as answer:
                page = [json.loads(line) for line in answer.read().splitlines()]
            if not page:
                return rows
            rows += page

    # --- what the product stored ------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read the product's database past the product. `?` marks parameters."""
        if self.database_url:
            with psycopg.connect(self.database_url, connect_timeout=5) as connection:
                return connection.execute(sql.replace("?", "%s"), parameters).fetchall()  # type: ignore[arg-type]
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'db.sqlite3'}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        return int(self.rows(sql, parameters)[0][0])


@contextlib.contextmanager
def running(database_url: str = "", **environment: str) -> Iterator[System]:
    system = System(database_url, environment=environment)
    try:
        yield system.start()
    finally:
        system.stop()


def leave(main: Callable[[], int]) -> NoReturn:
    """A run from beginning to exit code: what `main` gives, or BROKE_OFF, which nobody takes for a verdict.

    A run that is told to end takes its system and its database with it.
    """

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        code = main()
    except Exception:
        traceback.print_exc()
        code = BROKE_OFF
    sys.exit(code)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sorted(int(child) for task in tasks for child in (task / "children").read_text().split())
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return "X"


def alive(pids: Sequence[int]) -> list[int]:
    return [pid for pid in pids if _state(pid) not in "ZX"]
