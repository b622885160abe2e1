"""How the sync with the CRMs does, on one page; and each comparison of both sides, whose key fields a person confirms."""

from __future__ import annotations

from types import SimpleNamespace

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from scrm.console.access import person, seen
from scrm.console.sync_figures import figures_of
from scrm.console.sync_names import named
from scrm.core import clock
from scrm.sync import health
from scrm.sync.models import Verification, VerifiedRecord


def page(request: HttpRequest) -> HttpResponse:
    crms = [(crm, figures_of(crm)) for crm in health.read_all()]
    context = {**admin.site.each_context(request), "title": _("Sync health"), "crms": crms, "causes": health.causes()}
    return render(request, "console/sync_health.html", context)


def sample(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(seen(request, Verification.objects.select_related("connection")), pk=pk)
    rows = list(run.records.select_related("answered_by").order_by("-state", "pk")[:200])
    about = named([SimpleNamespace(kind=run.kind, key=row.key, connection_id=run.connection_id) for row in rows], request.user)
    answered = [row for row in rows if row.answer]
    context = {
        **admin.site.each_context(request),
        "title": _("Comparison with %(connection)s") % {"connection": run.connection.label},
        "run": run,
        "rows": [(row, about.get((run.kind, row.key))) for row in rows],
        "answered": len(answered),
        "right": sum(row.answer == VerifiedRecord.Answer.RIGHT for row in answered),
        "may_answer": request.user.has_perm("sync.change_push"),
    }
    return render(request, "console/sync_sample.html", context)


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """A person says whether the key fields of one record are right. The last answer counts."""
    row = get_object_or_404(seen(request, VerifiedRecord.objects.all()), pk=pk)
    given = request.POST.get("answer", "")
    if given in (VerifiedRecord.Answer.RIGHT, VerifiedRecord.Answer.WRONG):
        row.answer, row.answered_by, row.answered_at = given, person(request), clock.now()
        row.save(update_fields=["answer", "answered_by", "answered_at"])
    else:
        messages.error(request, _("Choose whether the record is right or wrong."))
    return HttpResponseRedirect(reverse("console:sync-sample", args=[row.verification_id]) + f"#record-{row.pk}")
