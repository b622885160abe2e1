"""The sandbox as processes of its own: one platform, two addresses, as the product meets it."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import migrated

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 150.0
COLUMNS = ("slug", "phone_number_id", "waba_id", "portfolio_id", "app_secret", "verify_token", "access_token")


def _free_port() -> int:
    while True:
        port = random.randrange(18_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Platform:
    """`start` gives the address of a new process on the same state; `stop` ends them all."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="scrm-sandbox-")))
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def _environment(self, port: int) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SCRM_TEST_RUN", "SCRM_SUPERVISED"}}
        own = {"SCRM_ENV": "sandbox", "VAR_DIR": str(self.folder), "PORT": str(port - 1), "SANDBOX_PORT": str(port), "LOG_LEVEL": "WARNING"}
        return {**kept, **own, "DJANGO_SETTINGS_MODULE": "scrm.settings", "PYTHONPATH": str(ROOT)}

    def prepare(self) -> None:
        migrated.copy_into(self.folder)

    def start(self) -> str:
        port = _free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "scrm.sandbox.wsgi:application"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "16", "--log-level", "error"]
        with (self.folder / "sandbox.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment(port), stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                    return url
            except OSError:
                time.sleep(0.2)
        raise RuntimeError((self.folder / "sandbox.log").read_text()[-2000:])

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)

    def number(self, slug: str) -> dict[str, str]:
        """What an administrator would copy from the platform's pages."""
        with sqlite3.connect(self.folder / "sandbox.sqlite3") as database:
            row = database.execute(f"SELECT {', '.join(COLUMNS)} FROM sandbox_number WHERE slug = ?", [slug]).fetchone()
        return dict(zip(COLUMNS, row, strict=True))


def control(url: str, path: str, body: Any = None) -> Any:
    """Ask the control interface, or tell it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/sandbox/control/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())
