"""What all list pages share: fifty rows, counts that stop early, no row fetched alone, nothing sorted without an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.contrib.admin import display
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, TabularInline, checkbox

from scrm.connections.sentences import plain, worded
from scrm.console.access import sees_causes
from scrm.console.admin.steps import InSteps
from scrm.conversations.visibility import few_of, listed_for
from scrm.core.bounded import count_within
from scrm.staff.sight import sight_of

COUNTED = 10_000
# For who sees a part: each row that is counted has been looked at, and many that are not. Four pages.
COUNTED_OF_A_PART = 200
# How long a list waits for its count.
PATIENCE_MS = 100


class Colours(dict[str, str]):
    """Colours of states for the theme's labels. The theme shows the stored code of a state without one; here such a state is neutral."""

    def __missing__(self, state: str) -> str:
        return ""


class InfinitePaginator(Paginator[Any]):
    """Counts up to `counted` rows and says '10,000+' beyond; what lies further is reached by the link to older rows.

    Where few rows among many are wanted, even so many may take long to find: after `patience_ms` nothing is said of their number, and
    the list goes on for as long as its pages are full. The theme leaves a total out of the page's title for a paginator of this name,
    and an exact total is what it cannot know.
    """

    template_name = "console/admin/pagination.html"
    counted = COUNTED
    patience_ms = PATIENCE_MS
    # Counts along the list's own order, and so over rows that the page reads anyway.
    along_the_list = False

    @cached_property
    def found(self) -> int | None:
        """Up to one more than `counted`; None when that took too long."""
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return count_within(rows if self.along_the_list else rows.order_by(), self.counted + 1, self.patience_ms)

    @cached_property
    def count(self) -> int:
        return self.counted if self.found is None else min(self.found, self.counted)

    @property
    def known(self) -> bool:
        return self.found is not None

    @property
    def more(self) -> bool:
        """There are, or may be, more rows than were counted."""
        return self.found is None or self.found > self.counted

    @property
    def counted_words(self) -> str:
        return f"{self.counted:,}"

    @property
    def shown_count(self) -> str:
        if self.found is None:
            return _("not counted: it would take too long")
        return f"{self.counted:,}+" if self.more else f"{self.found:,}"


@cache
def _checkbox_form() -> str:
    """The theme's box with one place, for the row's key."""
    drawn = str(checkbox.render(ACTION_CHECKBOX_NAME, "ROWKEY"))
    return drawn.replace("{", "{{").replace("}", "}}").replace("ROWKEY", "{}")


class ConsoleAdmin(InSteps, ModelAdmin):  # type: ignore[misc]
    """`older_by`: the field that the list runs backwards along, for the link beyond the counted rows."""

    change_list_template = "console/admin/list.html"
    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    list_fullwidth = True
    list_filter_sheet = True
    older_by = "id"
    # The same order as a list's own, in words that no index knows.
    sorts_few: Mapping[tuple[str, ...], Sequence[Any]] = {("-id",): [(F("id") + 0).desc()]}
    compressed_fields = True
    warn_unsaved_form = True
    show_facets = 0

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The browser's tab says what is listed: Django's "Select contact to change" is no name of a page."""
        named = {"title": capfirst(self.opts.verbose_name_plural)}
        answer: HttpResponse = super().changelist_view(request, {**named, **(extra_context or {})})
        return answer

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Lists, pages, look-ups by other forms and actions: of what the person may see."""
        return listed_for(super().get_queryset(request), request.user)

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """Of a few among many the rows are sorted: along the table's own order, fifty of them stand far apart."""
        ordering = super().get_ordering(request)
        sorts = self.sorts_few.get(tuple(ordering))
        return [*sorts] if sorts and few_of(self.model, request.user) is not None else ordering

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Paginator[Any]:
        pages: Paginator[Any] = super().get_paginator(request, *args, **kwargs)
        if isinstance(pages, InfinitePaginator) and not sight_of(request.user).everything:
            pages.counted, pages.along_the_list = COUNTED_OF_A_PART, True
        return pages

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django looks the row up before it asks for the right, and with that tells strangers which rows there are."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        answer: HttpResponse = super().history_view(request, object_id, extra_context)
        return answer

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Somebody else's row answers like one that never was: 404, not Django's way to the first page."""
        raise Http404

    @display(description=mark_safe(checkbox.render("action_toggle_all", 1)))  # noqa: S308 - the theme's own box, no value of ours
    def action_checkbox(self, obj: Model) -> str:
        """The theme renders a template for each row's box, a third of a list's time; one rendering serves all rows."""
        return format_html(_checkbox_form(), obj.pk)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing is deleted by the handful: rows are evidence."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


class ReadOnlyAdmin(ConsoleAdmin):
    """Rows that the product writes and people only read. `sentences`: fields stored in English and shown in the reader's language."""

    sentences: tuple[str, ...] = ()

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        for row in found.result_list:
            self._say(row, request)
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self._say(row, request)
        return row

    def _say(self, row: Model, request: HttpRequest) -> None:
        """Nobody saves these rows."""
        said = worded if self.sentences and sees_causes(request.user) else plain
        for name in self.sentences:
            setattr(row, name, said(getattr(row, name)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    extra = 0
    can_delete = False
    show_change_link = False
    tab = True
    per_page = 20

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)


def is_list(request: HttpRequest) -> bool:
    """True for a list page, which reads only what its columns show."""
    match = request.resolver_match
    return bool(match and match.url_name and match.url_name.endswith("_changelist"))
