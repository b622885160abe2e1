"""The rows of the big list pages, drawn at a fraction of the theme's cost.

The theme computes all headers anew for each row, renders a template for each coloured label and gives each cell five hundred bytes
of classes that are the same in every row. Here what is the same is made once a page; cells look as the theme's do, because they have
its classes. Lists that are edited in place, sorted by hand or have buttons in their rows are left to the theme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES, result_headers
from unfold.utils import display_for_field, display_for_label, display_for_value

BOX = "action_checkbox"
FRAME = (
    '<tbody class="block relative lg:table-row-group{}"><tr class="data-row block border border-base-200 mb-3 relative rounded-default '
    'lg:table-row lg:border-none lg:mb-0 lg:rounded-none dark:border-base-800">{}</tr></tbody>'
)
STRIPE = " bg-base-50 dark:bg-white/[.02]"
# What a cell without a value shows. A phone leaves such a cell out.
NOTHING = ("", "-", "–")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how a row's value is read and shown, and what stands before and after it in every row.

    `bare`: what stands before one without a value.
    """

    shown: Callable[[Any], Any]
    opening: SafeString
    closing: SafeString
    linked: bool
    bare: SafeString


def can_draw(changes: ChangeList, actions_row: Any) -> bool:
    admin = changes.model_admin
    special = ("ordering_field", "list_sections", "list_editable")
    if getattr(changes, "formset", None) or actions_row or changes.is_popup or any(getattr(admin, name, None) for name in special):
        return False
    methods = (getattr(admin, str(name), None) for name in changes.list_display)
    return not any(getattr(method, "header", False) or getattr(method, "dropdown", False) for method in methods)


def rows(changes: ChangeList) -> Iterator[SafeString]:
    """The body of the list, a row each."""
    columns = _columns(changes)
    address = _addresses(changes)
    template = "{}" * len(columns)
    for number, row in enumerate(changes.result_list):
        cells = format_html(template, *[_cell(column, row, address) for column in columns])
        yield format_html(FRAME, STRIPE if number % 2 else "", cells)


def _cell(column: Column, row: Any, address: Callable[[Any], str]) -> SafeString:
    value = column.shown(row)
    if not column.linked and value in NOTHING:
        return format_html("{}{}{}", column.bare, value, column.closing)
    if column.linked and (link := address(row)):
        value = format_html('<a href="{}" class="{}">{}</a>', link, " ".join(LINK_CLASSES), value)
    return format_html("{}{}{}", column.opening, value, column.closing)


def _columns(changes: ChangeList) -> list[Column]:
    links = changes.list_display_links
    first = next((name for name in changes.list_display if name != BOX), "")
    linked = set(links or ([first] if links is not None else []))
    return [_column(changes, str(name), name in linked, name == first) for name in changes.list_display]


def _column(changes: ChangeList, name: str, linked: bool, first: bool) -> Column:
    if name == BOX:
        opening = _opening("td", CHECKBOX_CLASSES, _("Select record"))
        return Column(getattr(changes.model_admin, BOX), opening, SafeString("</td>"), False, opening)
    label = label_for_field(name, changes.model, model_admin=changes.model_admin)
    shown, narrow = _reader(changes, name)
    tag = "th" if linked and first else "td"
    classes = [f"field-{name}", *ROW_CLASSES, *(["nowrap"] if narrow else [])]
    bare = _opening(tag, [*classes, "console-bare"], label)
    return Column(shown, _opening(tag, classes, label), format_html("</{}>", tag), linked, bare)


def _opening(tag: str, classes: list[str], label: Any) -> SafeString:
    return format_html('<{} class="{}" data-label="{}">', tag, " ".join(classes), capfirst(label))


def _reader(changes: ChangeList, name: str) -> tuple[Callable[[Any], Any], bool]:
    """How the column's value is shown, and whether it is a time or a relation, which never wraps."""
    admin = changes.model_admin
    empty = admin.get_empty_value_display()
    if hasattr(admin, name):
        return _method(getattr(admin, name), empty), False
    try:
        field = changes.model._meta.get_field(name)
    except FieldDoesNotExist:
        return lambda row: display_for_value(_called(getattr(row, name)), empty), False
    if isinstance(field, models.ForeignKey):
        return lambda row: _related(row, name, empty), True
    if isinstance(field, models.BooleanField):
        return _drawn_once(lambda value: display_for_field(value, field, empty), name), False
    return lambda row: display_for_field(getattr(row, name), field, empty), isinstance(field, models.DateField | models.TimeField)


def _drawn_once(draw: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    """The theme renders a template for each yes and no."""
    drawn: dict[Any, Any] = {}

    def shown(row: Any) -> Any:
        value = getattr(row, name)
        if value not in drawn:
            drawn[value] = draw(value)
        return drawn[value]

    return shown


def _called(value: Any) -> Any:
    return value() if callable(value) else value


def _related(row: Any, name: str, empty: str) -> Any:
    try:
        value = getattr(row, name)
    except ObjectDoesNotExist:
        return empty
    return empty if value is None else value


def _method(method: Any, empty: str) -> Callable[[Any], Any]:
    """A method of the admin class. The theme's labels are rendered once a value, and there are few values."""
    label, boolean = getattr(method, "label", False), getattr(method, "boolean", False)
    empty = getattr(method, "empty_value_display", None) or empty
    drawn: dict[str, SafeString] = {}

    def shown(row: Any) -> Any:
        value = method(row)
        if label:
            key = repr(value)
            if key not in drawn:
                drawn[key] = display_for_label(value, empty, label)
            return drawn[key]
        return value if isinstance(value, SafeString) else display_for_value(value, empty, boolean)

    return shown


def _addresses(changes: ChangeList) -> Callable[[Any], str]:
    """The address of a row's page: worked out for the first row, the key put in its place for the others."""
    kept: dict[str, Any] = {"preserved_filters": changes.preserved_filters, "opts": changes.opts}
    marked: list[tuple[str, str]] = []

    def whole(row: Any) -> str:
        try:
            return str(add_preserved_filters(kept, changes.url_for_result(row)))
        except NoReverseMatch:
            return ""

    def address(row: Any) -> str:
        if not isinstance(row.pk, int):
            return whole(row)
        if not marked:
            before, found, after = whole(row).partition(f"/{row.pk}/")
            marked.append((f"{before}/", f"/{after}") if found else ("", ""))
        before, after = marked[0]
        return f"{before}{row.pk}{after}" if before else whole(row)

    return address


def head(changes: ChangeList) -> str:
    """The theme's own row of headers."""
    shown = list(result_headers(changes))
    sorted_fields = sum(1 for header in shown if header["sortable"] and header["sorted"])
    context = {"cl": changes, "result_headers": shown, "num_sorted_fields": sorted_fields}
    return render_to_string("unfold/helpers/change_list_headers.html", context)
