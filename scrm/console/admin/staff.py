"""Users, teams and roles."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from scrm.console.access import person
from scrm.console.admin.base import ConsoleAdmin
from scrm.console.admin.rights import ChoosesRights
from scrm.console.admin.word_lists import WordsField
from scrm.staff import second_factor
from scrm.staff.models import BusinessHours, Shift, Team, User


class StaffForm(UserChangeForm):  # type: ignore[misc]
    languages = WordsField(label=_("languages"), required=False, help_text=_("Such as ja, zh, en. Empty: all."))
    skills = WordsField(label=_("skills (tags)"), required=False)


class TeamForm(forms.ModelForm[Team]):
    languages = WordsField(label=_("languages"), required=False, help_text=_("Such as ja, zh, en. Empty: all."))
    skills = WordsField(label=_("tags that it is there for"), required=False, help_text=_("Empty: whatever nobody else is there for."))

    class Meta:
        model = Team
        fields = "__all__"


@admin.register(User)
class StaffAdmin(ChoosesRights, UserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    rights_field = "user_permissions"
    form = StaffForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "display_name",
        "email",
        "presence",
        "shown_language",
        "is_active",
        "is_staff",
        "is_superuser",
        "shown_factor",
        "last_login",
    )
    list_filter = ("is_active", "is_staff", "teams", "groups")
    list_fullwidth = True
    filter_horizontal = ()
    autocomplete_fields = ("teams",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": (("display_name", "email"), ("first_name", "last_name"), ("language", "time_zone"), "teams")}),
        (_("New conversations"), {"fields": (("presence", "capacity"), ("languages", "skills"), "seen_at")}),
        (_("Rights"), {"fields": (("is_active", "is_staff", "is_superuser"), "groups", "user_permissions", "shown_factor")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    readonly_fields = ("last_login", "date_joined", "seen_at", "shown_factor")
    actions = ("take_factor_away",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).select_related("second_factor")

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
class RoleAdmin(ChoosesRights, GroupAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    pass
