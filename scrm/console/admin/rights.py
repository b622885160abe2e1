"""Rights, to be chosen by people: in their language, by the names that things have in the menu, and none of the machinery's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group, Permission
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scrm.staff import roles

ORDINARY = {"view": _("%(what)s: see"), "add": _("%(what)s: add"), "change": _("%(what)s: change"), "delete": _("%(what)s: delete")}
OTHERS = {
    "import_contact": _("import contacts"),
    "export_contact": _("export contacts"),
    "export_many_contacts": _("export more than 10,000 contacts at once"),
    "merge_contacts": _("merge contacts"),
    "undo_merge": _("undo merges"),
    "send_campaign": _("start, pause and stop campaigns"),
    "merge_in_crm": _("merge records inside a CRM, which cannot be undone there"),
    "export_person": _("export everything about a person"),
    "erase_person": _("erase a person everywhere"),
    "hold_person": _("set and lift legal holds"),
    "see_all": _("see all customers, whatever their team or channel"),
}


def offered() -> QuerySet[Permission]:
    """Those of the product's lists, and whatever somebody was given besides: it must not be lost by saving."""
    ours = Q(content_type__app_label__in=roles.APPS) | Q(content_type__app_label="auth", codename__endswith="_group")
    given = Q(pk__in=Permission.objects.filter(Q(group__isnull=False) | Q(user__isnull=False)).values("pk"))
    rows = Permission.objects.filter(ours | given).select_related("content_type")
    return rows.order_by("content_type__app_label", "content_type__model", "pk")


class RightsField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Model) -> str:
        if not isinstance(obj, Permission):
            return str(obj)
        word, _sep, _rest = obj.codename.partition("_")
        model = obj.content_type.model_class()
        if obj.codename in OTHERS:
            return str(OTHERS[obj.codename])
        if model is None or word not in ORDINARY:
            return gettext(obj.name)
        name = gettext("roles") if model is Group else str(model._meta.verbose_name_plural)
        return str(ORDINARY[word]) % {"what": name[:1].upper() + name[1:]}


class ChoosesRights:
    """For the admin of what has rights: its field for them."""

    rights_field = "permissions"

    def formfield_for_manytomany(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != self.rights_field:
            return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        kwargs |= {"queryset": offered(), "form_class": RightsField}
        if db_field.name == "permissions":
            kwargs |= {"label": gettext("Rights"), "help_text": ""}
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
