"""`python -m benchmarks [name ...] [--quick]`: measure what the product promises, each benchmark in a process and database of its own.

Benchmarks are not tests: the exit code says whether they ran, the table says what held.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Result, table

BENCHMARKS = {
    "intake": {"vendor": "postgresql"},
    "pipeline": {"vendor": "postgresql"},
    "sends": {"vendor": "postgresql"},
    "decisions": {"vendor": "postgresql"},
    "sync": {"vendor": "postgresql"},
    "merging": {"vendor": "postgresql"},
    "imports": {"vendor": "postgresql"},
    "history": {"vendor": "postgresql"},
    "matching": {},
    "peers": {},
    "match_one": {"vendor": "postgresql"},
    "match_all": {"vendor": "postgresql"},
    "lists": {},
    "agents": {"vendor": "postgresql"},
    "start": {},
    "pure": {},
    "numbers": {},
    "pictures": {},
    "intake-sqlite": {"vendor": "sqlite"},
    "pipeline-sqlite": {"vendor": "sqlite"},
    "sends-sqlite": {"vendor": "sqlite"},
    "match_one-sqlite": {"vendor": "sqlite"},
    "imports-sqlite": {"vendor": "sqlite"},
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which of: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="short rounds and small sets: to see that all of it runs, not for figures")
    parser.add_argument("--keep", action="store_true", help="keep the large database of 'lists' for the next run")
    parser.add_argument("--into", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)} (there are: {', '.join(BENCHMARKS)})")
    if options.into:
        return _run_one(options)
    return _run_all(options.names or list(BENCHMARKS), options)


def _run_one(options: argparse.Namespace) -> int:
    (name,) = options.names
    module = importlib.import_module(f"benchmarks.{name.partition('-')[0]}")
    more = {"keep": options.keep} if name == "lists" else {}
    result = module.run(quick=options.quick, **BENCHMARKS[name], **more)
    Path(options.into).write_text(json.dumps(result.as_json()))
    return 0


def _run_all(names: list[str], options: argparse.Namespace) -> int:
    results, broke = [], []
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start\n", flush=True)
    for name in names:
        started = time.monotonic()
        result = _in_own_process(name, options)
        if result is None:
            broke.append(name)
            continue
        results.append(result)
        print(f"{name}: {time.monotonic() - started:.0f} s\n\n{table([result])}\n", flush=True)
        print("".join(f"  {note}\n" for note in result.notes), flush=True)
    if len(results) > 1:
        print(f"All of it{' (quick: not for figures)' if options.quick else ''}\n\n{table(results)}")
    for name in broke:
        print(f"{name}: BROKE, see above", file=sys.stderr)
    return 1 if broke else 0


def _in_own_process(name: str, options: argparse.Namespace) -> Result | None:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        flags = [flag for flag, on in (("--quick", options.quick), ("--keep", options.keep)) if on]
        done = subprocess.run([sys.executable, "-m", "benchmarks", name, *flags, "--into", file.name])
        if done.returncode:
            return None
        return Result.from_json(json.loads(Path(file.name).read_text()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
