"""What must hold of the repository itself: `python -m tests.repository`, part of `make lint`.

Locks with hashes and without addresses, migrations named by hand, no file too long to read, no path of somebody's machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 500
TOP = {
    "manage.py", "pyproject.toml", "README.md", "Makefile", "requirements.lock", "requirements-dev.lock", "requirements-bench.lock",
    "conftest.py", ".gitignore",
    ".ci", "scrm", "connectors", "reports", "templates", "tests", "benchmarks", "docs",
}  # fmt: skip


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).exists()]


def problems() -> Iterator[str]:
    files = tracked()
    yield from (f"{top}: not a place the layout knows" for top in sorted({path.relative_to(ROOT).parts[0] for path in files} - TOP))
    yield from locks()
    for path in files:
        name = path.relative_to(ROOT)
        if path.suffix in {".py", ".html", ".js", ".md", ".toml", ".txt"} or path.name in {"Makefile", "run"}:
            yield from text_problems(name, path.read_text(encoding="utf-8"))


def locks() -> Iterator[str]:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock"):
        text = (ROOT / name).read_text()
        if re.search(r"https?://|--(extra-)?index|--find-links|--trusted-host", text):
            yield f"{name}: holds an address; compile it without one"
        pins = re.findall(r"^[a-z0-9][^\s]*==", text, re.M)
        if len(pins) != len(re.findall(r"==[^\\\n]*\\\n +--hash=sha256:", text)):
            yield f"{name}: a pin has no hash"


def text_problems(name: Path, text: str) -> Iterator[str]:
    if name.suffix == ".py" and text.count("\n") > LONGEST and "migrations" not in name.parts:
        yield f"{name}: {text.count(chr(10))} lines; split it"
    if re.search(r"(?<![\w.])/(home|work|root)/", text) and name.name != "repository.py":
        yield f"{name}: names a path of one machine"
    if "migrations" in name.parts and re.match(r"\d{4}_auto_", name.name):
        yield f"{name}: name migrations by hand"


def main() -> int:
    found = list(problems())
    print("\n".join(found) or "repository: in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
