"""All long fault runs, one after the other: about half an hour on two cores. `--quick` takes a tenth of each.

Ends with the runs that must turn red, because a guard was taken away: a sabotage that goes unnoticed fails the whole.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

from tests.databases import binaries, missing_is_a_failure


def plan(seed: int, share: float) -> list[tuple[str, list[str], dict[str, str], bool]]:
    """(database, module and arguments, environment, whether it must be red)."""

    def some(count: int) -> str:
        return str(max(1, int(count * share)))

    seeded = ["--seed", str(seed)]
    runs: list[tuple[str, list[str], dict[str, str], bool]] = []
    for database in ("sqlite", "postgresql"):
        chosen = ["--database", database]
        messages, kills = (8000, 80) if database == "sqlite" else (5000, 50)
        runs += [
            (database, ["tests.faults.chaos", *chosen, "--messages", some(messages), "--kills", some(kills), *seeded], {}, False),
            (database, ["tests.faults.senders", *chosen, "--rounds", some(40)], {}, False),
            (database, ["tests.faults.outages", *chosen, "--bodies", some(2000), *seeded], {}, False),
        ]
    mutated = {"MUTATED_BODIES": some(10_000), "SEED": str(seed)}
    runs.append(("sqlite", ["pytest", "tests/faults/test_mutated_bodies.py"], mutated, False))
    short = ["--messages", "300", "--kills", "3", *seeded]
    runs += [
        ("sqlite", ["tests.faults.chaos", *short], {"SABOTAGE": "no_unique_item", "LEASES": "short"}, True),
        ("postgresql", ["tests.faults.senders", "--database", "postgresql", "--rounds", "3"], {"SABOTAGE": "check_then_insert"}, True),
    ]
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    failed = []
    for database, command, environment, must_be_red in plan(given.seed, 0.1 if given.quick else 1.0):
        if database == "postgresql" and binaries() is None and not missing_is_a_failure():
            sys.stdout.write(f"-- left out, PostgreSQL is not installed: {' '.join(command)}\n")
            continue
        told = " ".join([*(f"{name}={value}" for name, value in environment.items()), "python -m", *command])
        sys.stdout.write(f"-- {told}\n")
        sys.stdout.flush()
        began = time.monotonic()
        code = subprocess.run([sys.executable, "-m", *command], env={**os.environ, **environment}).returncode
        good = (code == 1) if must_be_red else (code == 0)
        sys.stdout.write(f"-- {'as it should be' if good else 'NOT as it should be'}, {time.monotonic() - began:.0f} s\n\n")
        if not good:
            failed.append(told)
    sys.stdout.write("\n".join([f"seed {given.seed}", *(f"FAILED: {told}" for told in failed)]) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
