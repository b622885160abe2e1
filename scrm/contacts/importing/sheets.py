"""CSV and XLSX files as rows of text. Pure.

A file is what its first bytes say, not what its name says. An XLSX is a ZIP: what it would unpack to is known before anything is
unpacked. Numbers, dates and truth values become the text that a person sees.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import date, datetime, time
from typing import Any, TypeAlias

from scrm.contacts.importing import encodings, limits

csv.field_size_limit(limits.CELL_LENGTH * 4)

# Whatever bytes are read from: an upload, a file of the storage, one of this disk.
Readable: TypeAlias = Any
Row = tuple[int, list[str]]
DELIMITERS = (",", ";", "\t", "|")
_NUMBERS = (int, float)


class BadFile(Exception):
    """The file cannot be taken. `code` is one of `FILE_WORDS` of the screens; `more` fills its places."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


def kind_of(start: bytes) -> str:
    """`csv` or `xlsx`. Raises `BadFile` for anything that is neither."""
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadFile("old_excel")
    if not start.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise BadFile("empty")
    if start.startswith(
        (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"\x7fELF", b"MZ", b"<?xml", b"<!DOC")
    ):
        raise BadFile("not_a_table")
    if encodings.detect(start).startswith("utf-16"):
        return "csv"
    if b"\0" in start:
        raise BadFile("not_a_table")
    return "csv"


def check_package(file: Readable) -> None:
    """Refuse an XLSX that would unpack to too much, by its table of contents alone."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadFile("broken") from error
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > limits.ZIP_ENTRIES or unpacked > limits.UNPACKED_BYTES:
        raise BadFile("bomb")
    if unpacked > limits.RATIO_COUNTS_FROM and unpacked > packed * limits.UNPACKED_RATIO:
        raise BadFile("bomb")
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names:
        raise BadFile("not_a_table")
    file.seek(0)


def sheet_names(file: Readable) -> list[str]:
    with closing(_workbook(file)) as book:
        return [sheet.title for sheet in book.worksheets]


def _workbook(file: Readable) -> Any:
    import openpyxl

    check_package(file)
    try:
        return openpyxl.load_workbook(_Bounded(file), read_only=True, data_only=True, keep_links=False)
    except BadFile:
        raise
    except Exception as error:
        raise BadFile("broken") from error


class _Bounded(io.RawIOBase):
    """The package itself, for the reader: kept open by the caller."""

    def __init__(self, file: Readable) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def guess(sample: bytes) -> dict[str, str]:
    """{"encoding", "delimiter"} of a text file, by its beginning."""
    encoding = encodings.detect(sample)
    text = encodings.decoded(sample, encoding) or sample.decode("utf-8", "replace")
    return {"encoding": encoding, "delimiter": delimiter_of(text)}


def delimiter_of(text: str) -> str:
    """The one that cuts most of the first lines into the same number of cells, more than one."""
    lines = text.splitlines()[:40]
    best, most = ",", (0, 0)
    for delimiter in DELIMITERS:
        counts = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if any(cells)]
        widths = [count for count in counts if count > 1]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        rank = (widths.count(usual), usual)
        if rank > most:
            best, most = delimiter, rank
    return best


def header_row_of(rows: Sequence[Row], knows: Callable[[str], bool]) -> int:
    """The line of the headers: the first where at least two cells, or all, are names of columns; else the first that is not empty."""
    for line, cells in rows[: limits.HEADER_WITHIN]:
        filled = [cell for cell in cells if cell.strip()]
        known = sum(knows(cell) for cell in filled)
        if known >= 2 or (filled and known == len(filled)):
            return line
    return next((line for line, cells in rows if any(cell.strip() for cell in cells)), 1)


def rows_of(file: Readable, kind: str, options: Mapping[str, Any]) -> Iterator[Row]:
    """(line as a spreadsheet counts it, cells) of each row that is not empty. Bytes that cannot be read come as '\ufffd'."""
    rows = _xlsx_rows(file, str(options.get("sheet", ""))) if kind == "xlsx" else _csv_rows(file, options)
    for number, (line, cells) in enumerate(rows):
        if number > limits.ROWS + limits.HEADER_WITHIN:
            raise BadFile("rows", most=limits.ROWS)
        if len(cells) > limits.COLUMNS and any(cells[limits.COLUMNS :]):
            raise BadFile("columns", most=limits.COLUMNS)
        yield line, cells


def _csv_rows(file: Readable, options: Mapping[str, Any]) -> Iterator[Row]:
    file.seek(0)
    # Not closed: the file is the caller's. A file saved by old programs ends its lines with CR alone, so no line end is translated away.
    text = io.TextIOWrapper(file, encoding=str(options.get("encoding") or "utf-8-sig"), errors="replace", newline="")
    reader = csv.reader(_without_nul(text), delimiter=str(options.get("delimiter") or ","), strict=False)
    try:
        before = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadFile("broken_line", line=reader.line_num, error=str(error)) from error
            line, before = before + 1, reader.line_num
            if any(cells):
                yield line, cells
    finally:
        # Whoever looked at the first rows only may have closed the file already.
        with suppress(ValueError):
            text.detach()


def _without_nul(lines: io.TextIOWrapper) -> Iterator[str]:
    for line in lines:
        yield line.replace("\0", "") if "\0" in line else line


def _xlsx_rows(file: Readable, sheet: str) -> Iterator[Row]:
    with closing(_workbook(file)) as book:
        sheets = {each.title: each for each in book.worksheets}
        chosen = sheets.get(sheet) or next(iter(sheets.values()), None)
        if chosen is None:
            raise BadFile("empty")
        # What the file says of its size may be wrong, and then cells are missing.
        chosen.reset_dimensions()
        try:
            for line, values in enumerate(chosen.iter_rows(values_only=True), start=1):
                cells = [shown(value) for value in values]
                while cells and not cells[-1]:
                    cells.pop()
                if any(cells):
                    yield line, cells
        except (BadFile, GeneratorExit):
            raise
        except Exception as error:
            raise BadFile("broken") from error


def shown(value: Any) -> str:
    """A cell's value as text: 85291234567.0 is a number without a tail, midnight of a day is the day."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, _NUMBERS):
        return _number(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    # Above 15 digits a spreadsheet has rounded; the form with an exponent says so.
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
