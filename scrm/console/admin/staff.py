"""Users, teams and roles."""

from __future__ import annotations

import copy
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from scrm.console.access import person
from scrm.console.admin.base import ConsoleAdmin
from scrm.console.admin.rights import ChoosesRights
from scrm.console.admin.word_lists import WordsField
from scrm.staff import roles, second_factor
from scrm.staff.models import BusinessHours, Shift, Team, User

# The roles that come with the product, in the reader's language; others are called as their maker called them.
SHIPPED = {
    roles.AGENTS: _("Agents"),
    roles.SUPERVISORS: _("Supervisors"),
    roles.ADMINISTRATORS: _("Administrators"),
    roles.PARTNERS: _("Partners"),
}


def role_name(group: Group) -> str:
    return str(SHIPPED.get(group.name, group.name))


class RolesField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return role_name(obj)


class StaffForm(UserChangeForm):  # type: ignore[misc]
    languages = WordsField(label=_("languages"), required=False, help_text=_("Such as ja, zh, en. Empty: all."))
    skills = WordsField(label=_("skills (tags)"), required=False)
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=lambda: [("", gettext("as the browser asks")), *settings.LANGUAGES],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta(UserChangeForm.Meta):  # type: ignore[misc]
        labels = {
            "is_staff": _("May log in here"),
            "is_superuser": _("Account owner"),
            "groups": _("Roles"),
            "user_permissions": _("Further rights"),
        }
        help_texts = {
            "is_active": _("Whoever leaves is switched off, not deleted: what they wrote keeps their name."),
            "is_staff": _("Without it the account cannot open the console."),
            "is_superuser": _("Has every right, whatever the roles say, and makes other owners."),
            "groups": _("What the person may do. Several roles add up."),
            "user_permissions": _("For this person alone, besides those of the roles."),
        }


class TeamForm(forms.ModelForm[Team]):
    languages = WordsField(label=_("languages"), required=False, help_text=_("Such as ja, zh, en. Empty: all."))
    skills = WordsField(label=_("tags that it is there for"), required=False, help_text=_("Empty: whatever nobody else is there for."))

    class Meta:
        model = Team
        fields = "__all__"


class RoleFilter(admin.RelatedFieldListFilter):
    """Django calls them groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = gettext("role")

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(group.pk, role_name(group)) for group in Group.objects.order_by("name")]


@admin.register(User)
class StaffAdmin(ChoosesRights, UserAdmin, ConsoleAdmin):  # type: ignore[type-arg, misc]
    rights_field = "user_permissions"
    form = StaffForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "display_name",
        "shown_roles",
        "shown_teams",
        "presence",
        "shown_language",
        "is_active",
        "shown_factor",
        "last_login",
    )
    list_filter = ("is_active", "is_staff", "teams", ("groups", RoleFilter))
    older_by = ""
    filter_horizontal = ()
    autocomplete_fields = ("teams",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": (("display_name", "email"), ("first_name", "last_name"), ("language", "time_zone"), "teams")}),
        (_("New conversations"), {"fields": (("presence", "capacity"), ("languages", "skills"), "seen_at")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions", "shown_factor")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    readonly_fields = ("last_login", "date_joined", "seen_at", "shown_factor")
    actions = ("take_factor_away",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).select_related("second_factor").prefetch_related("groups", "teams")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody makes themselves, or others, more than they are: an owner is made by owners."""
        kept = ("is_superuser",) if not request.user.is_superuser else ()
        return (*super().get_readonly_fields(request, obj), *kept)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """An owner's account, with its password, is for owners."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """What a person did stays on record under their name: they are deactivated."""
        return False

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        more = {"form_class": RolesField} if db_field.name == "groups" else {}
        return super().formfield_for_manytomany(db_field, request, **kwargs, **more)

    @admin.display(description=_("roles"))
    def shown_roles(self, row: User) -> str:
        owner = [gettext("Account owner")] if row.is_superuser else []
        return ", ".join([*owner, *map(role_name, row.groups.all())]) or "-"

    @admin.display(description=_("teams"))
    def shown_teams(self, row: User) -> str:
        return ", ".join(team.name for team in row.teams.all()) or "-"

    @admin.display(description=_("language"))
    def shown_language(self, row: User) -> str:
        return dict(settings.LANGUAGES).get(row.language, row.language)

    @admin.display(description=_("second factor"))
    def shown_factor(self, row: User) -> str:
        factor = getattr(row, "second_factor", None)
        if factor is None or factor.confirmed_at is None:
            return gettext("none")
        return gettext("since %(day)s") % {"day": date_format(timezone.localtime(factor.confirmed_at), "SHORT_DATE_FORMAT")}

    @action(description=_("Take the second factor away"), permissions=["reset"])
    def take_factor_away(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For a lost phone. The person sets up a new one at the next log-in; all their sessions end."""
        rows = [row for row in queryset if self.has_change_permission(request, row)]
        done = sum(second_factor.remove(row, by=person(request), request=request) for row in rows)
        words = ngettext("%d second factor was taken away.", "%d second factors were taken away.", done) % done
        self.message_user(request, words, messages.SUCCESS if done else messages.WARNING)

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("staff.change_user")


@admin.register(Team)
class TeamAdmin(ConsoleAdmin):
    form = TeamForm
    list_display = ("name", "takes_new", "hours", "first_response_minutes", "resolution_hours")
    list_select_related = ("hours",)
    search_fields = ("name",)
    autocomplete_fields = ("numbers",)
    older_by = ""
    fieldsets = (
        (None, {"fields": ("name", "takes_new")}),
        (_("There for"), {"fields": ("numbers", ("languages", "skills"))}),
        (_("Answers"), {"fields": ("hours", ("first_response_minutes", "resolution_hours"))}),
    )


@admin.register(BusinessHours)
class BusinessHoursAdmin(ConsoleAdmin):
    list_display = ("name", "time_zone", "country", "mon", "sat", "sun")
    search_fields = ("name",)
    older_by = ""
    fieldsets = (
        (None, {"fields": ("name", ("time_zone", "country"))}),
        (_("Week"), {"fields": (("mon", "tue"), ("wed", "thu"), ("fri", "sat"), "sun")}),
        (_("Single days"), {"fields": ("days",)}),
    )


@admin.register(Shift)
class ShiftAdmin(ConsoleAdmin):
    list_display = ("user", "starts_at", "ends_at")
    list_select_related = ("user",)
    list_filter = ("user__teams",)
    autocomplete_fields = ("user",)
    older_by = ""


if admin.site.is_registered(Group):
    admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(ChoosesRights, GroupAdmin, ConsoleAdmin):  # type: ignore[type-arg, misc]
    """Django's groups, under the name that they have in the menu."""

    list_display = ("shown_name", "people", "rights")
    older_by = ""

    def __init__(self, model: type[Group], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.opts = copy.copy(self.opts)
        self.opts.verbose_name, self.opts.verbose_name_plural = _("role"), _("roles")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        counts = {"people": Count("user", distinct=True), "rights": Count("permissions", distinct=True)}
        return super().get_queryset(request).annotate(**counts)

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, row: Group) -> str:
        return role_name(row)

    @admin.display(description=_("people"))
    def people(self, row: Any) -> int:
        return int(row.people)

    @admin.display(description=_("rights"))
    def rights(self, row: Any) -> int:
        return int(row.rights)
