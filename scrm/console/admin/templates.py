"""Message templates: the list with its reading from the platform, and the editor with a phone beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.timesince import timeuntil
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from connectors.errors import ConnectorError
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.console import template_wording
from scrm.console.access import seen
from scrm.console.admin.base import Colours, ConsoleAdmin
from scrm.console.admin.filters import ConnectionFilter, TemplateCategoryFilter, TemplateStatusFilter
from scrm.console.admin.forms import dress
from scrm.console.inbox import wording
from scrm.console.template_cards import CARD_ROWS
from scrm.console.template_cards import KINDS as CARD_KINDS
from scrm.console.template_form import BUTTON_ROWS, TemplateForm
from scrm.conversations import template_drafts
from scrm.conversations.models import Conversation, MessageTemplate, TemplateSync
from scrm.conversations.template_bubble import bubble_of, examples_for
from scrm.conversations.template_drafts import EDITABLE, NotSubmitted
from scrm.conversations.template_rules import Draft, Finding, check
from scrm.conversations.template_text import Place, places_of
from scrm.conversations.template_values import CUSTOM, SOURCES, Subject, values_for
from scrm.conversations.templates import sync_templates
from scrm.core import clock
from scrm.staff.models import User

HISTORY = 30
WITH_PEOPLE = 8


@dataclass(frozen=True)
class VariableRow:
    """One place in the form: its example where it needs one, and where its value comes from."""

    key: str
    label: str
    kind: str
    needs_example: bool
    example: str
    source: str
    custom: str
    fallback: str


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ConsoleAdmin):
    list_display = ("name", "shown_language", "shown_category", "shown_status", "shown_quality", "shown_reason", "connection", "synced_at")
    list_filter = (ConnectionFilter, TemplateStatusFilter, TemplateCategoryFilter)
    list_select_related = ("connection",)
    search_fields = ("name",)
    list_before_template = "console/admin/template_sync.html"

    class Media:
        css = {"all": ["console/templates.css"]}

    @display(description=_("language"), ordering="language")
    def shown_language(self, row: MessageTemplate) -> str:
        return template_wording.language_name(row.language)

    @display(description=_("category"), ordering="category")
    def shown_category(self, row: MessageTemplate) -> str:
        name = wording.category_name(row.category)
        return f"{name} → {wording.category_name(row.next_category)}" if row.next_category else name

    @display(description=_("quality"), ordering="quality")
    def shown_quality(self, row: MessageTemplate) -> str:
        return wording.quality_name(row.quality)

    @display(description=_("reason"))
    def shown_reason(self, row: MessageTemplate) -> str:
        return template_wording.reason_sentence(row.reason)

    @display(description=_("status"), label=Colours(**template_wording.COLOURS))
    def shown_status(self, row: MessageTemplate) -> tuple[str, str]:
        return row.status, template_wording.status_name(row.status)

    def has_delete_permission(self, request: HttpRequest, obj: MessageTemplate | None = None) -> bool:
        return False  # messages refer to them; the editor deletes them with the platform

    def get_urls(self) -> list[Any]:
        def guarded(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        own = [
            path("sync/", guarded(require_POST(self.sync)), name="conversations_messagetemplate_sync"),
            path("preview/", guarded(require_POST(self.preview)), name="conversations_messagetemplate_preview"),
        ]
        return own + list(super().get_urls())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        rows = TemplateSync.objects.select_related("connection").order_by("connection__label")
        more = {"syncs": list(rows), "may_sync": self.has_change_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **more})  # type: ignore[no-any-return]

    def sync(self, request: HttpRequest) -> HttpResponseBase:
        """Read all channels' templates now, in this request: the person waits for the answer."""
        self._must_change(request)
        for connection in Connection.objects.filter(kind="channel", state=Connection.State.ACTIVE):
            try:
                count = sync_templates(connection)
            except ConnectorError as error:
                messages.error(
                    request,
                    gettext("%(number)s: the templates could not be read. %(error)s") % {"number": connection, "error": worded(str(error))},
                )
            else:
                messages.success(request, gettext("%(number)s: %(count)d templates read.") % {"number": connection, "count": count})
        return redirect("admin:conversations_messagetemplate_changelist")

    # --- the editor ---------------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._editor(request, None)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        # The right first: who may not look is not told which templates there are.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        template = get_object_or_404(MessageTemplate.objects.select_related("connection", "submitted_by"), pk=_number(object_id))
        if request.method == "POST":
            self._must_change(request)
        return self._editor(request, template)

    def _must_change(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def _editor(self, request: HttpRequest, template: MessageTemplate | None) -> HttpResponseBase:
        if request.method != "POST":
            return self._page(request, TemplateForm(template=template), template, [])
        if template is not None and request.POST.get("act") in _OTHER_ACTS:
            return _OTHER_ACTS[request.POST["act"]](self, request, template)
        form = TemplateForm(request.POST, request.FILES, template=template)
        if not form.is_valid() or request.POST.get("act") == "preview":
            return self._page(request, form, template, [])
        try:
            row = self._keep(request, form, template)
            return redirect("admin:conversations_messagetemplate_change", row.pk)
        except NotSubmitted as error:
            if template is None and (saved := getattr(error, "row", None)):
                template = saved
                form = TemplateForm(request.POST, request.FILES, template=template)
                form.is_valid()
            return self._page(request, form, template, error.findings)

    def _keep(self, request: HttpRequest, form: TemplateForm, template: MessageTemplate | None) -> MessageTemplate:
        """Save, and with `submit` hand over. What is saved stays saved when the platform refuses."""
        by, written = _person(request), form.written()
        if template is not None and template.status != "DRAFT":
            row = template_drafts.resubmit(template, written, by=by)
            self.log_change(request, row, "submitted again")
            messages.success(request, gettext("Submitted again. It is in review."))
            return row
        connection = template.connection if template else form.cleaned_data["connection"]
        row = template_drafts.save_draft(connection, written, by=by, draft=template)
        if request.POST.get("act") != "submit":
            messages.success(request, gettext("The draft is saved."))
            return row
        try:
            row = template_drafts.submit(row, by=by)
        except NotSubmitted as error:
            error.row = row  # type: ignore[attr-defined]
            raise
        self.log_change(request, row, "submitted")
        messages.success(request, gettext("Submitted. The review takes up to a day; its result appears here."))
        return row

    def _delete(self, request: HttpRequest, template: MessageTemplate) -> HttpResponseBase:
        name = str(template)
        try:
            template_drafts.delete(template, by=_person(request))
        except NotSubmitted as error:
            messages.error(request, str(error))
            return redirect("admin:conversations_messagetemplate_change", template.pk)
        messages.success(request, gettext("%(name)s is deleted.") % {"name": name})
        return redirect("admin:conversations_messagetemplate_changelist")

    def _copy(self, request: HttpRequest, template: MessageTemplate) -> HttpResponseBase:
        language = request.POST.get("copy_language", "")
        if language not in dict(template_wording.language_choices()):
            messages.error(request, gettext("Choose a language."))
            return redirect("admin:conversations_messagetemplate_change", template.pk)
        try:
            row = template_drafts.copy(template, language, by=_person(request))
        except NotSubmitted as error:
            messages.error(request, str(error))
            return redirect("admin:conversations_messagetemplate_change", template.pk)
        messages.success(request, gettext("This is the copy. Translate it and submit it."))
        return redirect("admin:conversations_messagetemplate_change", row.pk)

    def _save_variables(self, request: HttpRequest, template: MessageTemplate) -> HttpResponseBase:
        """The text is with the platform; where its values come from is ours."""
        form = TemplateForm(request.POST, template=template)
        template_drafts.save_variables(template, form.sources_of(places_of(template.components)))
        messages.success(request, gettext("Saved."))
        return redirect("admin:conversations_messagetemplate_change", template.pk)

    def preview(self, request: HttpRequest) -> HttpResponseBase:
        """What the form would look like on a phone, and what the platform would say: JSON of fragments for the page's script."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        pk = _number(request.POST.get("template", ""))
        template = MessageTemplate.objects.select_related("connection").filter(pk=pk).first() if pk else None
        form = TemplateForm(request.POST, request.FILES, template=template)
        shown = self._shown(request, form, [])
        answer = {
            "phone": render_to_string("console/admin/template_phone.html", shown, request),
            "variables": render_to_string("console/admin/template_variables.html", shown, request),
            "places": " ".join(row.key for row in shown["variables"]),
        }
        return JsonResponse(answer)

    def _shown(self, request: HttpRequest, form: TemplateForm, findings: list[Finding]) -> dict[str, Any]:
        """What the phone and the list of variables are drawn from."""
        components, places, variables = form.components(), form.places(), form.variables()
        person = request.POST.get("preview_with", "")
        values = (
            _real_values(request, form, components, variables, person)
            if person
            else examples_for(components) | _chosen_products(places, variables)
        )
        draft = Draft(
            form.said("name"),
            form.said("language"),
            form.chosen_category(),
            form.parts(),
            has_sample=bool(request.FILES.get("header_file")) or _has_sample(form.template),
            sampled=form.sampled(),
        )
        # Pictures and videos that lie here go with every message for which nobody chooses another.
        held = {f"card_{index}_header": "held" for index in form.sampled()} | ({"header": "held"} if draft.has_sample else {})
        checked = form.is_bound or form.template is not None
        told = [*findings, *(check(draft) if checked else [])]
        unique = list({(finding.field, finding.text): finding for finding in told}.values())
        return {
            "bubble": bubble_of(components, values),
            "variables": [_variable_row(place, form, variables) for place in places if place.kind not in {"otp", "unsupported"}],
            "sources": _source_choices(),
            "custom_source": CUSTOM,
            "checked": checked,
            "findings": unique,
            "errors": [finding for finding in unique if not finding.warning],
            "offer_left": _left(values.get("offer", ""), variables),
            "missing": [template_wording.place_label(place) for place in places if _is_missing(place, person, values | held)],
        }

    def _page(self, request: HttpRequest, form: TemplateForm, template: MessageTemplate | None, findings: list[Finding]) -> HttpResponse:
        shown = self._shown(request, form, findings)
        dress(form)
        may_change = self.has_change_permission(request) if template else self.has_add_permission(request)
        context = {
            **self.admin_site.each_context(request),
            **shown,
            "opts": self.model._meta,
            "title": str(template) if template else gettext("New template"),
            "form": form,
            "template": template,
            "refused": findings,
            "rows": list(zip(BUTTON_ROWS, form.buttons(), strict=True)),
            "button_kinds": list(template_wording.BUTTONS.items()),
            "cards": form.cards(),
            "card_rows": list(zip(CARD_ROWS, form.cards().padded(), form.sample_names(), strict=True)),
            "card_kinds": [(kind, label) for kind, label in template_wording.BUTTONS.items() if kind in CARD_KINDS],
            "people": _people(request, template) if request.user.has_perm("conversations.view_conversation") else [],
            "may_write": may_change and (template is None or template.status in EDITABLE),
            "may_change": may_change,
            "is_draft": template is None or template.status == "DRAFT",
            "languages": template_wording.language_choices(),
            "list_url": reverse("admin:conversations_messagetemplate_changelist"),
            "preview_url": reverse("admin:conversations_messagetemplate_preview"),
            **(_standing(template) if template else {}),
        }
        return render(request, "console/admin/template_editor.html", context, status=422 if findings or form.errors else 200)


_OTHER_ACTS = {
    "delete": MessageTemplateAdmin._delete,
    "copy": MessageTemplateAdmin._copy,
    "variables": MessageTemplateAdmin._save_variables,
}


_CHIPS = {"success": "good", "warning": "warn", "danger": "bad"}


def _number(raw: str) -> int:
    return int(raw) if raw.isdecimal() and len(raw) < 19 else 0


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _chosen_products(places: list[Place], variables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Products have no examples for the reviewers: those that go unless others are chosen are drawn."""
    kinds = {"product", "products", "thumbnail"}
    return {place.key: variables[place.key].get("fallback", "") for place in places if place.kind in kinds and place.key in variables}


def _is_missing(place: Place, person: str, values: Mapping[str, Any]) -> bool:
    """Whether this person would not get the message for want of it."""
    return bool(person) and not place.optional and not values.get(place.key)


def _has_sample(template: MessageTemplate | None) -> bool:
    return bool(template and (template.examples or {}).get("sample"))


def _left(end: str, variables: Mapping[str, Any]) -> str:
    """How long an offer still runs, in words: until its end, or for the hours that stand in the form."""
    hours, now = str(variables.get("offer", {}).get("fallback", "")), clock.now()
    try:
        ends = datetime.fromisoformat(end) if end else now + timedelta(hours=int(hours[:4]))
    except ValueError:
        return ""
    return timeuntil(ends, now, depth=1) if ends.tzinfo else ""


def _source_choices() -> list[tuple[str, str]]:
    return [("", "—"), *((name, str(label)) for name, (label, _reader) in SOURCES.items()), (CUSTOM, gettext("Another field …"))]


def _variable_row(place: Place, form: TemplateForm, variables: dict[str, dict[str, str]]) -> VariableRow:
    mapped = variables.get(place.key, {})
    source = mapped.get("source", "")
    custom = source.removeprefix(CUSTOM) if source.startswith(CUSTOM) else ""
    return VariableRow(
        place.key,
        template_wording.place_label(place),
        place.kind,
        place.kind == "text",
        place.example,
        CUSTOM if custom else source,
        custom,
        mapped.get("fallback", ""),
    )


def _people(request: HttpRequest, template: MessageTemplate | None) -> list[tuple[int, str]]:
    """Whom the preview can be filled for: the newest conversations of the number."""
    rows = seen(request, Conversation.objects.select_related("identity__contact")).order_by("-last_message_at")
    rows = rows.filter(connection=template.connection_id) if template else rows
    return [(row.pk, str(row.identity.contact)) for row in rows[:WITH_PEOPLE]]


def _real_values(
    request: HttpRequest, form: TemplateForm, components: list[dict[str, Any]], variables: dict[str, Any], person: str
) -> dict[str, str]:
    rows = seen(request, Conversation.objects.select_related("identity__contact", "connection"))
    conversation = rows.filter(pk=_number(person)).first()
    if conversation is None:
        return examples_for(components)
    language = form.template.language if form.template else form.data.get("language", "")
    trial = MessageTemplate(components=components, variables=variables, language=language)
    return values_for(trial, Subject(conversation.identity.contact, conversation.connection, language))


def _standing(template: MessageTemplate) -> dict[str, Any]:
    changes = list(template.changes.select_related("by").order_by("-at", "-id")[:HISTORY])
    names = {"status": template_wording.status_name, "quality": wording.quality_name, "category": wording.category_name}
    names["announced"] = wording.category_name
    lines = [
        {
            "at": row.at,
            "what": row.get_kind_display(),
            "before": names.get(row.kind, str)(row.before) if row.before else "",
            "after": names.get(row.kind, str)(row.after) if row.after else str(template_wording.CHANGES.get(row.kind, "")),
            "reason": template_wording.reason_sentence(row.reason),
            "by": str(row.by) if row.by else "",
        }
        for row in changes
    ]
    return {
        "history": lines,
        "status_name": template_wording.status_name(template.status),
        "status_colour": _CHIPS.get(template_wording.COLOURS.get(template.status, ""), "calm"),
        "reason": template_wording.reason_sentence(template.reason),
        "quality_name": wording.quality_name(template.quality),
        "category_name": wording.category_name(template.category),
        "next_category_name": wording.category_name(template.next_category) if template.next_category else "",
    }
