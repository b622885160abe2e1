"""A small page on which the platform's doings with templates are played: pause, reject, rate, file elsewhere. Each sends its webhook."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from scrm.sandbox import review
from scrm.sandbox.library import ensure_templates
from scrm.sandbox.models import MessageTemplate, Number
from scrm.sandbox.numbers import ensure_numbers
from scrm.sandbox.phone import screen

# A button's value -> (its words, what is done).
ACTS = {
    "approve": (_("Approve or reinstate"), {"status": "APPROVED"}),
    "reject": (_("Reject"), {"status": "REJECTED", "reason": "TAG_CONTENT_MISMATCH"}),
    "pause": (_("Pause"), {"status": "PAUSED"}),
    "flag": (_("Flag"), {"status": "FLAGGED"}),
    "disable": (_("Disable"), {"status": "DISABLED"}),
    "green": (_("Quality: green"), {"quality": "GREEN"}),
    "yellow": (_("Quality: yellow"), {"quality": "YELLOW"}),
    "red": (_("Quality: red"), {"quality": "RED"}),
    "announce": (_("Announce: will be marketing"), {"announce": "MARKETING"}),
    "marketing": (_("File as marketing"), {"category": "MARKETING"}),
    "utility": (_("File as utility"), {"category": "UTILITY"}),
}


@screen
@csrf_protect
@require_http_methods(["GET", "POST"])
def template_page(request: HttpRequest) -> HttpResponse:
    ensure_numbers()
    ensure_templates()
    if request.method == "POST":
        template = MessageTemplate.objects.select_related("number").get(pk=int(request.POST["template"]))
        _words, wanted = ACTS[request.POST["act"]]
        review.apply(template, wanted)
        return redirect(f"{request.path}#t{template.pk}")
    numbers = Number.objects.prefetch_related("templates").order_by("pk")
    acts = [(name, words) for name, (words, _wanted) in ACTS.items()]
    return render(request, "sandbox/templates.html", {"numbers": numbers, "acts": acts, "reject_mark": review.REJECT_MARK})
