"""`manage.py up`: web, workers and watchdog (and, outside production, the sandbox) under one process manager."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from scrm.core.entrance import READER_THREADS
from scrm.core.supervisor import Program, Supervisor, manage

# Of the web server's many threads any may have a large body in its hands, and what it frees stays with its allocator for the next:
# a process grew by 3 MiB a body, to a hundred and more. Pieces from these sizes on go back to the system at once instead.
# The first is read by glibc, for Python's bytes; the second by the jemalloc in granian, for those that come from the line.
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": str(256 * 2**10), "_RJEM_MALLOC_CONF": f"oversize_threshold:{128 * 2**10}"}


class Command(BaseCommand):
    help = "Start web server, job workers and watchdog; outside production also the sandbox and its story. Ctrl-C stops all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", default="", help="comma-separated programs to run on this host: web, worker, sandbox")
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="address to listen on")
        parser.add_argument("--no-migrate", action="store_true", help="leave the database as it is")
        parser.add_argument("--no-story", action="store_true", help="do not fill an empty sandbox")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {name for name in options["only"].split(",") if name} or {"web", "worker", "sandbox"}
        programs = [program for program in self._programs(options["host"]) if program.name in wanted]
        self._check_ports(options["host"], wanted)
        if not options["no_migrate"]:
            self._prepare()
        self._check_database()
        for connection in connections.all():
            connection.close()
        supervisor = Supervisor(programs, lambda line: self.stderr.write(f"[watchdog] {line}"))
        supervisor.start()
        try:
            self._welcome(supervisor, wanted, story=not options["no_story"])
            supervisor.watch()
        finally:
            self.stdout.write("Stopping…")
            supervisor.stop()
            self.stdout.write("Stopped.")

    def _programs(self, host: str) -> list[Program]:
        cluster = f"{socket.gethostname()}:{settings.PORT}"
        programs = [
            Program("web", self._granian(host, settings.PORT, "scrm.wsgi:application", settings.WEB_WORKERS, READER_THREADS), GIVEN_BACK),
            Program("worker", manage("work"), {"SCRM_CLUSTER": cluster}, cluster=cluster),
        ]
        if settings.SANDBOX:
            sandbox = self._granian("127.0.0.1", settings.SANDBOX_PORT, "scrm.sandbox.wsgi:application", 1, settings.WEB_THREADS)
            programs.insert(0, Program("sandbox", sandbox))
        return programs

    def _granian(self, host: str, port: int, target: str, workers: int, threads: int) -> list[str]:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", target, "--host", host, "--port", str(port)]
        command += [
            "--workers",
            str(workers),
            "--blocking-threads",
            str(threads),
            "--backlog",
            "2048",
            "--respawn-failed-workers",
        ]
        return [*command, "--workers-kill-timeout", "10", "--log-level", "error"]

    def _check_ports(self, host: str, wanted: set[str]) -> None:
        for name, port, variable in (("web", settings.PORT, "PORT"), ("sandbox", settings.SANDBOX_PORT, "SANDBOX_PORT")):
            if name not in wanted or (name == "sandbox" and not settings.SANDBOX):
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host if name == "web" else "127.0.0.1", port))
                except OSError as error:
                    raise CommandError(
                        f"Port {port} is taken ({error.strerror}). Stop what uses it, or choose another: {variable}=8080 make run"
                    ) from error

    def _prepare(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("install_roles", verbosity=0, stdout=io.StringIO())
        if settings.SANDBOX:
            call_command("sandbox_setup", verbosity=0)
        else:
            call_command("collectstatic", verbosity=0, interactive=False)

    def _check_database(self) -> None:
        """Above all: nobody who was erased is back because an older copy of the database was restored."""
        call_command("check", databases=["default"], tags=["database"], stdout=io.StringIO())

    def _welcome(self, supervisor: Supervisor, wanted: set[str], *, story: bool) -> None:
        if "web" in wanted:
            self._wait_for(f"{settings.PUBLIC_URL if not settings.PRODUCTION else f'http://127.0.0.1:{settings.PORT}'}/healthz", supervisor)
        if not settings.SANDBOX or supervisor.stopping:
            return
        if story and {"web", "worker", "sandbox"} <= wanted:
            supervisor.say("telling the sandbox's story through the real pipeline (once)…")
            call_command("sandbox_story", stdout=self.stdout, keep_alive=supervisor.look_after)
        if not supervisor.stopping:
            call_command("sandbox_info", format="welcome", stdout=self.stdout)

    def _wait_for(self, url: str, supervisor: Supervisor, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not supervisor.stopping:
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                    return
            except OSError:
                supervisor.keep_alive()
                time.sleep(0.2)
        if not supervisor.stopping:
            raise CommandError(f"The web server did not answer at {url} within {seconds:.0f} s; its output above says why.")
