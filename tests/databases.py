"""A private PostgreSQL of Debian's binaries, for tests and for anybody who wants one: `python -m tests.databases run -- <command>`.

The server lives in a folder of its own under /tmp, listens on a socket there and nowhere else, and goes with its user. It refuses to
run as root, so root starts it as the system's user `postgres`. Without the binaries a run on a desk is skipped; with CI=true it fails,
because a skipped database is not a tested one.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

DATABASE = "scrm"
START_SECONDS = 40.0
# Nothing here needs to survive a power cut. A killed process loses nothing, with or without fsync.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
ALWAYS = {"listen_addresses": "''", "max_connections": "200", "shared_buffers": "128MB", "log_min_messages": "fatal"}


class NoDatabase(RuntimeError):
    """PostgreSQL's binaries are not installed here."""


def binaries() -> Path | None:
    """The folder that holds initdb and postgres: on the PATH, else the newest that Debian installed."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    return next((path for path in candidates if (path / "postgres").exists() and (path / "initdb").exists()), None)


class PostgreSQL:
    """One private server. `durable` keeps PostgreSQL's own settings for what a commit promises."""

    def __init__(self, *, durable: bool = False) -> None:
        folder = binaries()
        if folder is None:
            raise NoDatabase("initdb is neither on the PATH nor in /usr/lib/postgresql (Debian: apt install postgresql)")
        self.binaries = folder
        self.durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="scrm-pg-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        try:
            kind = ["--auth=trust", "--username=scrm", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
            self._run("initdb", *kind, str(self.folder / "data"))
            self.start()
            self._run("createdb", "--host", str(self.folder), "--username", "scrm", DATABASE)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        return f"postgresql://scrm@/{DATABASE}?host={self.folder}"

    @property
    def dsn(self) -> str:
        return f"host={self.folder} user=scrm dbname={DATABASE}"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([*self._as_user, str(self.binaries / program), *arguments], capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()[-500:]}")

    def start(self) -> None:
        """Start, or start again after a kill; back when it takes connections."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start within {START_SECONDS:.0f} s: {(self.folder / 'log').read_text()[-800:]}")
            # After kill -9 the old server's children hold the shared memory for a moment, and a new one gives up at once.
            if self.process is None or self.process.poll() is not None:
                self._launch()
            time.sleep(0.1)

    def _launch(self) -> None:
        settings = ALWAYS | {"unix_socket_directories": str(self.folder)} | ({} if self.durable else QUICK)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value.strip(chr(39))}")]
        with (self.folder / "log").open("ab") as log:
            command = [*self._as_user, str(self.binaries / "postgres"), "-D", str(self.folder / "data"), *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)

    def _answers(self) -> bool:
        ready = [str(self.binaries / "pg_isready"), "--quiet", "--host", str(self.folder), "--username", "scrm"]
        return self.process is not None and self.process.poll() is None and subprocess.run(ready, cwd="/").returncode == 0

    def kill(self) -> None:
        """kill -9 of the postmaster, as the out-of-memory killer does it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def halt(self) -> None:
        """A fast shutdown, as an administrator does it; `start` brings it back."""
        self._end(signal.SIGINT)

    def stop(self) -> None:
        """End the server and remove its folder. Safe to repeat."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    server = PostgreSQL(durable=durable)
    try:
        yield server
    finally:
        server.stop()


def missing_is_a_failure() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def run(command: list[str]) -> int:
    """The command with DATABASE_URL of a private server; its exit code."""
    try:
        server = PostgreSQL()
    except NoDatabase as problem:
        sys.stderr.write(f"PostgreSQL is not tested here: {problem}\n")
        return 1 if missing_is_a_failure() else 0

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": server.url}).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] != ["run"] or "--" not in sys.argv:
        sys.exit("usage: python -m tests.databases run -- <command> [arguments]")
    sys.exit(run(sys.argv[sys.argv.index("--") + 1 :]))
