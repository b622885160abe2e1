"""How long `make run` takes until it says Ready: on a machine that has nothing but Python, and the second time.

A clone of what is committed runs in a folder of its own, with an environment of its own and pip's cache switched off; the package index
and its line are part of the first figure. Both times it is stopped as Ctrl-C stops it, and nothing may be left running.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Result, Row
from benchmarks.place import ROOT, free_port

TITLE = "make run"
FIRST, SECOND = 120, 15
PATIENCE = 600.0


def run(*, quick: bool = False) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="scrm-bench-start-"))
    try:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
        return _measure(folder / "clone", again=1 if quick else 3)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(clone: Path, again: int) -> Result:
    first, lines = _start(clone)
    later = [_start(clone)[0] for _ in range(again)]
    rows = [Row("first time, empty package cache", [first], "s", most=FIRST), Row("second time", later, "s", most=SECOND)]
    # pip's warnings about the local index are not ours.
    told = [(at, line.strip()) for at, line in lines if line.strip() and not line.startswith("WARNING:")]
    steps = [f"{at:.1f} s: {line}" for at, line in told][-25:]
    return Result("start", TITLE, rows, ["The first start, line by line:", *steps])


def _start(clone: Path) -> tuple[float, list[tuple[float, str]]]:
    """Seconds until the line that says Ready, and all lines until then with their times. Raises when something outlives the stop."""
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "DATABASE_", "VAR_", "SCRM_"))}
    environment |= {
        "PORT": str(port),
        "SANDBOX_PORT": str(free_port()),
        "PIP_NO_CACHE_DIR": "1",
        "PYTHONUNBUFFERED": "1",
        "BENCH_MARK": str(clone),
    }
    started = time.monotonic()
    process = subprocess.Popen(
        ["make", "run", f"PYTHON={sys.executable}"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: list[tuple[float, str]] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append((time.monotonic() - started, line.rstrip()))
            if line.strip() == "Ready.":
                break
            if time.monotonic() - started > PATIENCE:
                raise RuntimeError("not ready in time")
        else:
            raise RuntimeError("it ended before it was ready:\n" + "\n".join(text for _, text in lines[-20:]))
        ready = time.monotonic() - started
    finally:
        _stop(process)
    left = _descendants(str(clone))
    if left:
        raise RuntimeError(f"still running after Ctrl-C: {left}")
    return ready, lines


def _stop(process: subprocess.Popen[str]) -> None:
    """Ctrl-C reaches the whole foreground group; what is left after 40 s is ended so that the benchmark leaves nothing behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=40)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise RuntimeError("it does not stop on Ctrl-C") from None


def _descendants(mark: str) -> list[str]:
    """Command lines of living processes that were started with our mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"BENCH_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found
