"""The message catalogues: what the sources mark for translation and what each language says for it.

`python -m tests.console.catalogues` brings the catalogues up to date with the sources (gettext is needed): new words are added without
a translation, words that left the sources are dropped, every .mo is compiled anew.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (".py", ".html", ".txt")
TOOLS = ("xgettext", "msgmerge", "msgfmt", "msgcat", "msgattrib", "msguniq")


@dataclass(frozen=True, slots=True)
class Area:
    """Folders that share one catalogue a language. `foreign` lists words of packages that bring no translation of their own."""

    catalogue: str
    languages: tuple[str, ...]
    folders: tuple[str, ...]
    without: tuple[str, ...] = ()
    foreign: str = ""

    def file(self, language: str, suffix: str) -> Path:
        return ROOT / self.catalogue / language / "LC_MESSAGES" / f"django.{suffix}"


PRODUCT = Area(
    "scrm/locale",
    ("ja", "zh_Hant", "zh_Hans"),
    ("connectors", "scrm", "reports", "templates"),
    without=("scrm/sandbox", "templates/sandbox"),
    foreign="scrm/locale/framework.pot",
)
SANDBOX = Area("scrm/sandbox/locale", ("ja", "zh_Hant", "zh_Hans"), ("scrm/sandbox", "templates/sandbox"))
AREAS = (PRODUCT, SANDBOX)


@dataclass(slots=True)
class Entry:
    """One block of a .po file; `translations` has one text a plural form."""

    flags: set[str] = field(default_factory=set)
    context: str = ""
    msgid: str = ""
    plural: str = ""
    translations: list[str] = field(default_factory=list)
    obsolete: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.context, self.msgid


def entries(path: Path) -> list[Entry]:
    """Every entry but the header, in the file's order."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    found = [_entry(block.splitlines()) for block in blocks if block.strip()]
    return [entry for entry in found if entry.msgid or entry.obsolete]


def _entry(lines: list[str]) -> Entry:
    entry, target = Entry(), ""
    for line in lines:
        if line.startswith("#"):
            entry.obsolete = entry.obsolete or line.startswith("#~")
            if line.startswith("#,"):
                entry.flags |= {flag.strip() for flag in line[2:].split(",")}
            continue
        if not line.startswith('"'):
            target, _, line = line.partition(" ")
            if target.startswith("msgstr"):
                entry.translations.append("")
        _append(entry, target, ast.literal_eval(line))
    return entry


def _append(entry: Entry, target: str, text: str) -> None:
    if target.startswith("msgstr"):
        entry.translations[-1] += text
    elif target == "msgid_plural":
        entry.plural += text
    elif target == "msgctxt":
        entry.context += text
    else:
        entry.msgid += text


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def extract(area: Area, place: Path) -> Path:
    """Everything that the area's sources mark, as a .pot file. Reads a copy of them in `place`: the tool writes beside what it reads."""
    for folder in area.folders:
        for path in sorted((ROOT / folder).rglob("*")):
            inside = path.relative_to(ROOT)
            if path.suffix in SOURCES and not any(inside.is_relative_to(name) for name in area.without):
                copy = place / inside
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    shutil.rmtree(place / area.catalogue, ignore_errors=True)
    (place / "locale").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "django", "makemessages", "--keep-pot", "--locale=ja", "--no-location", "--no-wrap", "--verbosity=0"]
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
    pot = place / "locale" / "django.pot"
    if area.foreign:
        _run("msgcat", "--use-first", "--no-wrap", "-o", pot, pot, ROOT / area.foreign)
    return pot


def refresh(area: Area) -> None:
    with tempfile.TemporaryDirectory() as place:
        pot = extract(area, Path(place))
        for language in area.languages:
            po = area.file(language, "po")
            _run("msgmerge", "--quiet", "--no-fuzzy-matching", "--update", "--backup=none", "--no-wrap", "--no-location", po, pot)
            _run("msgattrib", "--no-obsolete", "--sort-output", "--no-wrap", "-o", po, po)
            _without_dates(po)
            _run("msgfmt", "--check-format", "-o", area.file(language, "mo"), po)


def _without_dates(po: Path) -> None:
    """The dates of the extraction would make every refresh a change."""
    kept = [line for line in po.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith('"POT-Creation-Date')]
    po.write_text("".join(kept), encoding="utf-8")


def _run(*command: str | Path) -> None:
    subprocess.run(list(command), check=True)


if __name__ == "__main__":
    for each in AREAS:
        refresh(each)
