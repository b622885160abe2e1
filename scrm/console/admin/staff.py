"""Users, teams and roles."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from scrm.console.admin.base import ConsoleAdmin
from scrm.console.admin.word_lists import WordsField
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
class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    form = StaffForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "display_name", "email", "presence", "language", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "teams", "groups")
    list_fullwidth = True
    filter_horizontal = ()
    autocomplete_fields = ("teams",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": (("display_name", "email"), ("first_name", "last_name"), ("language", "time_zone"), "teams")}),
        (_("New conversations"), {"fields": (("presence", "capacity"), ("languages", "skills"), "seen_at")}),
        (_("Rights"), {"fields": (("is_active", "is_staff", "is_superuser"), "groups", "user_permissions")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    readonly_fields = ("last_login", "date_joined", "seen_at")


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
class RoleAdmin(GroupAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    pass
