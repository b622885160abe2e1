"""Every process of a cluster knows that it has been told to end."""

from __future__ import annotations

import subprocess
import sys

CLUSTER = """
import os, signal, time
from scrm.core import stopping

ready, tell = os.pipe()


def part():
    child = os.fork()
    if not child:
        ends = time.monotonic() + 20
        while not stopping.told() and time.monotonic() < ends:
            time.sleep(0.01)
        os._exit(7 if stopping.told() else 1)
    return child


def end():
    os.kill(os.getpid(), signal.SIGTERM)
    print("asked", flush=True)


with stopping.after_the_start():
    signal.signal(signal.SIGTERM, lambda number, frame: print("listened", flush=True))
    WITHIN
    child, deaf = part(), os.fork()
    if not deaf:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.write(tell, b".")
        time.sleep(20)
        os._exit(1)
    print("started", flush=True)
AFTERWARDS
print(stopping.told(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os.read(ready, 1)
os.kill(deaf, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(deaf, 0)[1]))
"""


def what_happens(**when: str) -> list[str]:
    program = CLUSTER.replace("WITHIN", when.get("within", "")).replace("AFTERWARDS", when.get("afterwards", ""))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.stdout.splitlines()


def test_what_was_forked_knows_it_and_who_listened_before_still_hears_it() -> None:
    assert what_happens(afterwards="end()") == ["started", "listened", "asked", "True 7", "-15"]


def test_who_is_told_while_it_starts_hears_it_when_all_of_it_is_there() -> None:
    assert what_happens(within="end()") == ["asked", "started", "listened", "True 7", "-15"]
