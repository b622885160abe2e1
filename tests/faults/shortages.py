"""What the running system has too little of: disk, cache, memory, time.

    python -m tests.faults.shortages --database sqlite
    python -m tests.faults.shortages --database postgresql --only cache,busy

disks     the file system is full, for the database, the spool and the files in turn (a small one is mounted: root only)
cache     Redis is killed, emptied and started again, twenty times under load
memory    files of many megabytes arrive at once and workers reach their limit of memory
busy      a thousand people are synchronised with the CRM, and a hundred customers want an answer meanwhile

Exit code 1 when a promise was broken, 0 with a line that says so when a run cannot be done here (1 when CI is set).
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.deploys import Load, delays, finish, main_of
from tests.faults.driver import post_bytes
from tests.faults.sieges import MIB, get, left_out, said, stored
from tests.faults.system import System, free_ports, leave
from tests.faults.verdict import Verdict, wait_for_quiet

# --- disks ----------------------------------------------------------------------------------------------------------------


def disks(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    """A folder of the system is put on a file system of 60 MB, which another program then fills."""
    if not may_mount():
        left_out(verdict, "mounting a small file system needs root")
        return
    keys = system.keys
    system.stop()
    for what in ("database", "spool", "media"):
        if what == "database" and system.database_url:
            verdict.figures["database"] = "left out: the server of this run keeps its files elsewhere"
            continue
        if what == "spool" and not system.database_url:
            verdict.figures["spool"] = "with the database: on SQLite a full spool matters only when the database is full too"
            continue
        _fill(verdict, what, system, keys)


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


@contextlib.contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="scrm-disk-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)])
        shutil.rmtree(folder, ignore_errors=True)


def _fill(verdict: Verdict, what: str, before: System, keys: dict[str, str]) -> None:
    """On a system of its own, which takes over the database of the one before where that is a server's."""
    with small_disk(60) as disk:
        on_it = {
            "database": {"DATABASE_URL": f"sqlite:///{'/' + str(disk / 'db.sqlite3')}", "SPOOL_DIR": str(disk / "spool")},
            "spool": {"SPOOL_DIR": str(disk / "spool")},
            "media": {"MEDIA_ROOT": str(disk / "media")},
        }[what]
        system = System(before.database_url, environment={"SPOOL_LEAST_FREE_BYTES": str(2 * MIB), **keys, **on_it})
        system.server = before.server
        if what == "database":
            (system.folder / "db.sqlite3").symlink_to(disk / "db.sqlite3")
        try:
            system.start()
            (_fill_media if what == "media" else _fill_ledger)(system, verdict, disk, what)
        finally:
            system.stop()


def _fill_ledger(system: System, verdict: Verdict, disk: Path, what: str) -> None:
    """Nothing is acknowledged that is not kept; when there is room again the platform's repetition brings all of it in.

    Nobody needs the spool while a server takes everything: it is away until the repetition is over.
    """
    away = system.server if what == "spool" else None
    raw, headers, url = said(system, "room", ["你好"])
    post_bytes(url, raw, headers)
    ballast = disk / "ballast"
    fill(ballast)
    if away is not None:
        away.halt()
    answers, acknowledged = Counter[int](), []
    for n in range(60):
        raw, headers, url = said(system, f"full.{n}", ["滿了 " + "訂單" * 2000])
        answer = post_bytes(url, raw, headers, timeout=30)
        answers[answer] += 1
        if answer == 200:
            acknowledged.append(n)
    verdict.figures[f"{what} full: answers"] = dict(answers)
    verdict.demand(
        f"{what} full: answers that are neither 200 nor 503", sum(c for status, c in answers.items() if status not in {200, 503})
    )
    verdict.demand(f"{what} full: nobody was asked to come again", int(not answers[503]))
    if what == "database":
        verdict.demand("readiness says yes while the disk is full", int(get(system, "/readyz") == 200))
    ballast.unlink()
    refused = 0
    for n in range(60):
        raw, headers, url = said(system, f"full.{n}", ["滿了 " + "訂單" * 2000])
        refused += n not in acknowledged and post_bytes(url, raw, headers, timeout=30) != 200
    verdict.demand(f"{what}: refused although there was room again", refused)
    if away is not None:
        away.start()
    with contextlib.suppress(RuntimeError):
        system.wait_until(lambda: stored(system, "full") == 60, 90, "all are stored")
    verdict.demand(f"{what}: lost or twice", abs(stored(system, "full") - 60))
    if what == "database":
        (sound,) = system.rows("PRAGMA integrity_check")[0]
        verdict.demand("database damaged", int(sound != "ok"), note=str(sound)[:80])


def fill(file: Path) -> None:
    with contextlib.suppress(OSError), file.open("wb") as ballast:
        for size in (MIB, 4096, 512):
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(size))
                    ballast.flush()


def _fill_media(system: System, verdict: Verdict, disk: Path, what: str) -> None:
    """Files that found no room are fetched again; no half of one is left behind."""
    count = send_files(system, 12, 300_000)
    attachments = "SELECT count(*) FROM conversations_attachment WHERE state = ?"
    system.wait_until(lambda: system.number(attachments, ["stored"]) == count, 90, "the first files are stored")
    ballast = disk / "ballast"
    fill(ballast)
    count += send_files(system, 12, 300_000)
    failed = "SELECT count(*) FROM conversations_attachment WHERE state = 'waiting' AND attempts > 0 AND last_error <> ''"
    system.wait_until(lambda: system.number(failed) == 12, 90, "the others are known to have failed")
    halves = sum(1 for file in (disk / "media").rglob("*") if file.is_file()) - 12
    verdict.demand("media full: halves of files left behind", max(0, halves))
    ballast.unlink()
    with contextlib.suppress(RuntimeError):
        system.wait_until(lambda: system.number(attachments, ["stored"]) == count, 120, "all files are stored")
    verdict.demand("media: files missing when there was room again", count - system.number(attachments, ["stored"]))
    kept = system.rows("SELECT file, size FROM conversations_attachment WHERE state = 'stored'")
    damaged = [path for path, size in kept if not (disk / "media" / path).exists() or (disk / "media" / path).stat().st_size != size]
    verdict.demand("media: damaged files", len(damaged))


def send_files(system: System, count: int, size: int) -> int:
    """Documents of `size` bytes from as many customers, through the sandbox."""
    script = f"""
from scrm.sandbox.graph.media import store, RECEIVED_LIVES
from scrm.sandbox.models import Number
number = Number.objects.get(slug="sandbox-hk")
print(" ".join(store(number, bytes({size}), "application/pdf", "報價.pdf", RECEIVED_LIVES).media_id for _ in range({count})))
"""
    ids = system.manage("shell", "-v", "0", "-c", script).split()[-count:]
    rows = [
        {
            "person": {"name": f"林怡君 {n}", "phone": f"8529{int(time.time() * 1000) % 10_000:04d}{n:03d}"},
            "number": "sandbox-hk",
            "type": "document",
            "document": {"id": each, "mime_type": "application/pdf", "sha256": "x", "filename": "報價.pdf"},
        }
        for n, each in enumerate(ids)
    ]
    system.control("inbound_bulk", {"messages": rows})
    return count


# --- cache ----------------------------------------------------------------------------------------------------------------


class Redis:
    def __init__(self, port: int) -> None:
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)

    def flush(self) -> None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as line:
            line.sendall(b"FLUSHALL\r\n")
            line.recv(100)


def cache(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    """Wake-ups and work are not in Redis, so its loss may cost hints, never a message or a partner's request."""
    if shutil.which("redis-server") is None:
        left_out(verdict, "redis-server is not installed")
        return
    redis = Redis(free_ports()[0])
    keys = system.keys
    system.stop()
    system = System(system.database_url, environment={"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0", **keys})
    redis.start()
    over, done = threading.Event(), Counter[str]()

    def harm() -> None:
        while not over.is_set():
            for what, do in (("killed", redis.stop), ("emptied", redis.flush)):
                do()
                done[what] += 1
                over.wait(1.0)
                if what == "killed":
                    redis.start()
                    over.wait(0.5)

    thread = threading.Thread(target=harm, daemon=True)
    try:
        system.start()
        with Load(system, messages=given.messages, seed=given.seed) as load:
            thread.start()
            ends = time.monotonic() + 20 * 2.5
            while time.monotonic() < ends and done["killed"] < 20:
                time.sleep(0.2)
        over.set()
        thread.join()
        failures = sum(ask.status >= 500 for ask in load.driver.asks)
        verdict.figures["Redis"] = dict(done)
        verdict.demand("partner's requests that never went through", failures)
        finish(system, load, verdict, kills=0)
        verdict.demand("messages later than 30 s", sum(seconds > 30 for seconds in delays(system, load.driver)))
        complaints = system.log.read_text(errors="replace").count("Internal Server Error")
        verdict.demand("answers of 500 in the log", complaints)
    finally:
        over.set()
        system.stop()
        redis.stop()


# --- memory and time -----------------------------------------------------------------------------------------------------


def memory(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    """The limit is set to what an idle worker takes and 6 MB more; files of 9 MB come 60 at once."""
    system.wait_until(lambda: len(system.worker_roles().get("rest", [])) >= 6, 60, "the cluster is complete")
    idle = max(most_memory(pid) for pid in system.group("worker"))
    verdict.figures["an idle worker"] = f"{idle // 1000} MB, limit 6 MB more"
    system.interrupt()
    system.start(MAX_RSS=str(idle + 6000))
    system.wait_until(lambda: len(system.worker_roles().get("rest", [])) >= 6, 60, "the cluster is complete")
    before = set(system.group("worker"))
    files = send_files(system, 60, 9 * MIB)
    late = chat(system, "storm", 40)
    attachments = "SELECT count(*) FROM conversations_attachment WHERE state = ?"
    with contextlib.suppress(RuntimeError):
        system.wait_until(lambda: system.number(attachments, ["stored"]) == files, 240, "all files are stored")
    verdict.demand("files not stored", files - system.number(attachments, ["stored"]))
    verdict.figures["workers replaced"] = len(set(system.group("worker")) - before)
    verdict.demand("no worker was replaced", int(not set(system.group("worker")) - before))
    report(verdict, late)


def most_memory(pid: int) -> int:
    """Kilobytes that the process has ever had in memory at once."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def busy(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    rows = [
        {"person": {"name": f"王志明 {n}", "phone": f"88691{n:07d}"}, "number": "sandbox-tw", "text": f"在嗎 {n}"}
        for n in range(given.people)
    ]
    for start in range(0, len(rows), 200):
        system.control("inbound_bulk", {"messages": rows[start : start + 200]})
    verdict.figures["people to synchronise"] = given.people
    system.wait_until(lambda: system.number("SELECT count(*) FROM contacts_contact") >= given.people, 180, "they are all here")
    late = chat(system, "busy", 100)
    verdict.figures["still to synchronise afterwards"] = system.number("SELECT count(*) FROM sync_push WHERE state = 'due'")
    report(verdict, late)
    _, left = wait_for_quiet(system, 240)
    for place, count in left.items():
        verdict.demand(f"stuck: {place}", count)


def chat(system: System, name: str, count: int) -> list[float]:
    """Messages one after the other; for each the seconds until it stands in its thread."""
    waited = []
    for n in range(count):
        raw, headers, url = said(system, f"{name}.{n}", [f"請問 {n}"])
        began = time.monotonic()
        while post_bytes(url, raw, headers) != 200:
            time.sleep(0.1)
        with contextlib.suppress(RuntimeError):
            system.wait_until(lambda n=n: stored(system, f"{name}.{n}") == 1, 60, "it stands in its thread")  # type: ignore[misc]
        waited.append(time.monotonic() - began)
    return waited


def report(verdict: Verdict, waited: list[float]) -> None:
    p95 = sorted(waited)[int(0.95 * len(waited))]
    verdict.figures["a message in its thread"] = f"p50 {statistics.median(waited):.2f} s, p95 {p95:.2f} s, most {max(waited):.2f} s"
    verdict.demand("p95 above 3 s", int(p95 > 3))


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {
    "disks": (disks, {}),
    "cache": (cache, {}),
    "memory": (memory, {}),
    "busy": (busy, {}),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=600, help="cache: how many messages")
    parser.add_argument("--people", type=int, default=1000, help="busy: how many are synchronised")


if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, arguments))
