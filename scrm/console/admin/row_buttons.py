"""Answers as buttons in the rows of a list: the list is a form already, so a button needs a name and a value and no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

ANSWER = "answer"
_LOOKS = "rounded-default border border-base-200 px-2 py-1 text-xs font-medium whitespace-nowrap dark:border-base-700"


def buttons(pk: int, answers: list[tuple[str, str]]) -> SafeString:
    """`answers`: (code, what stands on the button)."""
    drawn = format_html_join(
        " ",
        '<button type="submit" name="{}" value="{}:{}" class="{}">{}</button>',
        ((ANSWER, pk, code, _LOOKS, label) for code, label in answers),
    )
    return format_html('<span class="inline-flex flex-wrap gap-2">{}</span>', drawn)


class AnswersInRows:
    """A list whose rows are answered; mixed into an admin class. `give` does it and returns what to say, or raises `refusals`."""

    refusals: tuple[type[Exception], ...] = ()

    if TYPE_CHECKING:
        # What the admin class brings along.
        def may_answer(self, request: HttpRequest) -> bool: ...
        def give(self, request: HttpRequest, pk: int, code: str) -> str: ...

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        asked = request.POST.get(ANSWER, "") if request.method == "POST" else ""
        if not asked:
            shown: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
            return shown
        number, _, code = asked.partition(":")
        if self.may_answer(request) and number.isdecimal() and len(number) < 19:
            try:
                messages.success(request, self.give(request, int(number), code))
            except self.refusals as refusal:
                messages.error(request, str(refusal))
        else:
            messages.error(request, gettext("You may not answer this."))
        return redirect(request.get_full_path())
