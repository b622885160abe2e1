"""A place to measure in: a private database, a scratch folder, free ports, processes that end with the benchmark."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.databases import NoDatabase, PostgreSQL

ROOT = Path(__file__).resolve().parent.parent


class Place:
    """Settings are read from the environment at import, so a place is prepared before Django is."""

    def __init__(self, vendor: str, *, settings: dict[str, str] | None = None) -> None:
        self.vendor = vendor
        self.folder = Path(tempfile.mkdtemp(prefix="scrm-bench-", dir="/tmp"))
        self.server = PostgreSQL(durable=True) if vendor == "postgresql" else None
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "DATABASE_URL": self.server.url if self.server else f"sqlite:///{self.folder / 'db.sqlite3'}",
            "VAR_DIR": str(self.folder),
            "SCRM_ENV": "sandbox",
            "SCRM_SANDBOX": "0",
            "LOG_LEVEL": "WARNING",
            "PORT": str(free_port()),
            "DJANGO_SETTINGS_MODULE": "scrm.settings",
            **(settings or {}),
        }

    def open(self) -> None:
        """Make this process a member of the place: Django is set up and the tables are there."""
        os.environ.update(self.environment)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"process{len(self.processes)}.log").open("ab")
        env = {**os.environ, **self.environment, **environment}
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def granian(self, target: str, *, workers: int = 2, threads: int = 4, **environment: str) -> int:
        """Serve a WSGI application as `manage.py up` does; the port, once it answers."""
        return self.granian_at(free_port(), target, workers=workers, threads=threads, **environment)

    def granian_at(self, port: int, target: str, *, workers: int = 2, threads: int = 4, **environment: str) -> int:
        """The same at a port that others know already."""
        command = ["-m", "granian", "--interface", "wsgi", target, "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", str(workers), "--blocking-threads", str(threads), "--backlog", "2048", "--log-level", "error"]
        process = self.start(*command, **environment)
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
            except urllib.error.HTTPError:
                return port
            except OSError:
                time.sleep(0.1)
                continue
            return port
        raise RuntimeError(f"{target} does not answer: {self.logs()}")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def logs(self) -> str:
        return "\n".join(file.read_text(errors="replace")[-1500:] for file in sorted(self.folder.glob("process*.log")))

    def close(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                self.end(process)
        if self.server:
            self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def place(vendor: str, **settings: str) -> Iterator[Place]:
    here = Place(vendor, settings=settings)
    try:
        yield here
    finally:
        here.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def cpu_seconds(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """User and system time so far of these processes and all that they started and that still lives."""
    return sum(int(fields[11]) + int(fields[12]) for fields in _stats(processes)) / os.sysconf("SC_CLK_TCK")


def memory(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """Bytes resident now of these processes and all that they started and that still lives; what two share counts twice."""
    return sum(int(fields[21]) for fields in _stats(processes)) * os.sysconf("SC_PAGE_SIZE")


def _stats(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[str]]:
    """The fields of /proc/<pid>/stat from the third on."""
    parents: dict[int, int] = {}
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)], stats[int(entry.name)] = int(fields[1]), fields
    roots = {process.pid for process in processes}
    return (fields for pid, fields in stats.items() if roots & set(_line_of(pid, parents)))


def _line_of(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid > 1:
        yield pid
        pid = parents.get(pid, 0)


def has_postgresql() -> bool:
    from tests.databases import binaries

    return binaries() is not None


__all__ = ["NoDatabase", "Place", "cpu_seconds", "free_port", "has_postgresql", "memory", "place"]
