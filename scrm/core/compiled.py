"""Parts of a package compiled to machine code, used in place of their source as long as they were made of that very source.

`build` makes them with mypyc, which compiles plain annotated Python; `prefer`, called by a package for itself, puts them first where it
looks for its modules. Without them, or when a line of the source has changed since, the source runs: slower, and the same. COMPILED=off
leaves them aside. They are of one machine and one Python, and nothing else is ever put into their folder.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scrm.core import env

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("COMPILED_DIR", "").strip() or ROOT / "build" / "compiled")
_STAMP = "made_of.json"
_SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
_MYPY = """[mypy]
python_version = {version}
strict = true
disallow_any_generics = false
disallow_subclassing_any = false
disallow_untyped_decorators = false
warn_return_any = false
warn_unused_ignores = false
ignore_missing_imports = true
follow_imports = silent
"""
_SETUP = """
from setuptools import setup
from mypyc.build import mypycify
setup(name="parts", packages=[], py_modules=[], ext_modules=mypycify({arguments!r}, opt_level="3", target_dir={target!r}))
"""


class NotBuilt(Exception):
    """What is missing, and what to do."""


def prefer(path: list[str], package: str, parts: Sequence[str]) -> bool:
    """`path`: the package's own; `parts`: its compiled modules. Whether they are used."""
    if not env.flag("COMPILED", True):
        return False
    folder = FOLDER / package
    if state(package, parts) != "current":
        return False
    for library in folder.glob(f"*__mypyc{_SUFFIX}"):
        # What they have in common; found by name only where Python looks for everything.
        name = library.name.removesuffix(_SUFFIX)
        spec = importlib.util.spec_from_file_location(name, library)
        if spec is None or spec.loader is None:
            return False
        try:
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        except ImportError:
            # Copied from another machine, say. The source is always there.
            sys.modules.pop(name, None)
            return False
    path.insert(0, str(folder.joinpath(*package.split("."))))
    return True


def state(package: str, parts: Sequence[str]) -> str:
    """none, current, or other: made of another source or for another Python."""
    try:
        stamp = json.loads((FOLDER / package / _STAMP).read_text())
    except (OSError, ValueError):
        return "none"
    return "current" if stamp == _stamp(package, parts) else "other"


def build(package: str, parts: Sequence[str]) -> None:
    """Replaces what was compiled before. Takes some twenty seconds."""
    if shutil.which(os.environ.get("CC", "cc")) is None and shutil.which("gcc") is None:
        raise NotBuilt("There is no C compiler: install gcc and Python's headers (Debian: apt install gcc python3-dev).")
    if importlib.util.find_spec("mypyc") is None or importlib.util.find_spec("setuptools") is None:
        raise NotBuilt("mypyc is not installed: `make dev`, and `pip install setuptools` where Python comes without it.")
    folder = FOLDER / package
    stamp = _stamp(package, parts)
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "mypy.ini"
        config.write_text(_MYPY.format(version=".".join(map(str, sys.version_info[:2]))))
        arguments = ["--config-file", str(config), "--cache-dir", f"{scratch}/cache", *_sources(package, parts)]
        program = _SETUP.format(arguments=arguments, target=f"{scratch}/c")
        made = Path(scratch) / "made"
        command = [sys.executable, "-c", program, "-q", "build_ext", "--build-lib", str(made), "--build-temp", f"{scratch}/o"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            raise NotBuilt(f"Compiling {package} failed:\n{(done.stderr or done.stdout)[-3000:]}")
        (made / _STAMP).write_text(json.dumps(stamp))
        remove(package)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, folder)


def remove(package: str) -> None:
    shutil.rmtree(FOLDER / package, ignore_errors=True)


def _sources(package: str, parts: Sequence[str]) -> list[str]:
    return [str(Path(*package.split("."), f"{part}.py")) for part in parts]


def _stamp(package: str, parts: Sequence[str]) -> dict[str, str]:
    found = hashlib.sha256()
    for source in _sources(package, parts):
        found.update(source.encode() + b"\0" + (ROOT / source).read_bytes() + b"\0")
    return {"source": found.hexdigest(), "python": _SUFFIX}
