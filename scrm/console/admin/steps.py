"""An action on all that match a list: some rows a request, so that each ends in time, is seen to go on, and can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _

STEP = 200


class InSteps:
    """For an admin. `in_steps`: the actions that go row by row; such a one returns with how many of the given rows it did something.

    Rows are gone through in the order of their keys and up to the newest one of the beginning, so that each is met once, whatever the
    action makes of it and whatever comes meanwhile.
    """

    in_steps: Sequence[str] = ()

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        actions: dict[str, Any] = self.get_actions(request)  # type: ignore[attr-defined]
        name = request.POST.get("action", "")
        if request.POST.get("select_across") != "1" or name not in self.in_steps or name not in actions:
            answer: HttpResponseBase | None = super().response_action(request, queryset)  # type: ignore[misc]
            return answer
        act, _name, description = actions[name]
        return self._step(request, queryset, act, str(description))

    def _step(self, request: HttpRequest, queryset: QuerySet[Any], act: Callable[..., int], description: str) -> HttpResponse:
        after, until, seen, done = (_number(request.POST.get(f"step_{each}")) for each in ("after", "until", "seen", "done"))
        if not until:
            until = queryset.model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
        ahead = queryset.order_by("pk").filter(pk__gt=after, pk__lte=until)
        keys = list(ahead.values_list("pk", flat=True)[:STEP])
        request.in_step = True  # type: ignore[attr-defined]
        if keys:
            done += act(self, request, queryset.filter(pk__in=keys))
        request.in_step = False  # type: ignore[attr-defined]
        seen += len(keys)
        words = {"done": number_format(done, force_grouping=True), "seen": number_format(seen, force_grouping=True)}
        if len(keys) < STEP:
            told = _("%(action)s: done with %(done)s of %(seen)s rows.") % {**words, "action": description}
            self.message_user(request, told)
            return HttpResponseRedirect(request.get_full_path())
        steps = {"after": keys[-1], "until": until, "seen": seen, "done": done}
        hidden = [("action", request.POST["action"]), ("select_across", "1"), ("index", "0"), (ACTION_CHECKBOX_NAME, "0")]
        hidden += [(f"step_{each}", str(value)) for each, value in steps.items()]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": _("Working on all that match"),
            "opts": self.opts,  # type: ignore[attr-defined]
            "action_name": description,
            "seen_words": words["seen"],
            "done_words": words["done"],
            "hidden": hidden,
        }
        return render(request, "console/admin/steps.html", context)

    def message_user(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """What an action says of its few rows is said of all of them at the end."""
        if not getattr(request, "in_step", False):
            super().message_user(request, *args, **kwargs)  # type: ignore[misc]


def _number(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 19 else 0
