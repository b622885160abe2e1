"""Users, teams and roles."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from scrm.console.admin.base import ConsoleAdmin
from scrm.staff.models import Team, User


@admin.register(User)
class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "display_name", "email", "language", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "teams", "groups")
    list_fullwidth = True
    filter_horizontal = ()
    autocomplete_fields = ("teams",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": (("display_name", "email"), ("first_name", "last_name"), ("language", "time_zone"), "teams")}),
        (_("Rights"), {"fields": (("is_active", "is_staff", "is_superuser"), "groups", "user_permissions")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    readonly_fields = ("last_login", "date_joined")


@admin.register(Team)
class TeamAdmin(ConsoleAdmin):
    list_display = ("name",)
    search_fields = ("name",)
    older_by = ""


if admin.site.is_registered(Group):
    admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(GroupAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    pass
