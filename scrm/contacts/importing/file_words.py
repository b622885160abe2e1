"""Why a file is not taken, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FILE_WORDS: dict[str, Promise] = {
    "too_big": _("The file is larger than %(most)s MB. Split it into several files."),
    "gone": _("The file is not there any more. Upload it again."),
    "erased": _("The file held somebody who was erased, and was removed. Upload it again without them."),
    "empty": _("There are no rows in the file."),
    "not_a_table": _("This is neither a CSV nor an XLSX file. Save the table as one of these and upload it again."),
    "old_excel": _("This is a file of an old Excel (.xls), or one with a password. Save it as .xlsx without a password."),
    "broken": _("The file is damaged: open it in a spreadsheet, save it again, and upload that."),
    "broken_line": _("Line %(line)s cannot be read as CSV: %(error)s"),
    "bomb": _("The file would unpack to far more than a table needs. It was not opened."),
    "rows": _("The file has more than %(most)s rows. Split it into several files."),
    "columns": _("The file has more than %(most)s columns. Is the delimiter right?"),
}
# For what nobody foresaw: the run keeps what broke, for whoever looks after the program.
UNFORESEEN = _("The program broke off each time at the same rows. Try again; if that fails as well, tell an administrator.")


def worded_file(code: str, more: Mapping[str, Any] | None = None) -> str:
    form = FILE_WORDS.get(code)
    try:
        return str(form) % (more or {}) if form is not None else code
    except KeyError:
        return code
