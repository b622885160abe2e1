"""The pages between the password and the console, and the one on which a person looks after their second factor."""

from __future__ import annotations

import math
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from scrm.console.access import person
from scrm.core import clock
from scrm.staff import second_factor
from scrm.staff.security_models import SecondFactor

FEW_CODES = 3
KEY_GROUP = 4


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false", "class": "factor-code"}),
    )


def page(request: HttpRequest) -> HttpResponse:
    """Asks for the code after the password; later it is where the factor is looked after."""
    user = person(request)
    factor = second_factor.factor_of(user)
    if factor is None:
        return redirect("console:second-factor-set-up")
    if second_factor.is_through(request):
        return _kept(request, factor)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        opened = _tried(request, form)
        if opened is not None:
            second_factor.mark(request, factor)
            _warn(request, opened)
            return redirect("console:landing")
    return _draw(request, "code", _("Second factor"), form=form)


def _tried(request: HttpRequest, form: CodeForm) -> second_factor.Opened | None:
    """None with the reason beside the field."""
    try:
        opened = second_factor.check(person(request), form.cleaned_data["code"], request)
    except second_factor.Locked as locked:
        form.add_error("code", wait_words(math.ceil((locked.until - clock.now()).total_seconds())))
        return None
    if opened is None:
        form.add_error("code", _("This code is not right. Take the one that the app shows now; each opens once."))
    return opened


def wait_words(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    if seconds < 60:
        told = ngettext("Too many tries. Try again in %d second.", "Too many tries. Try again in %d seconds.", seconds)
        return told % seconds
    return ngettext("Too many tries. Try again in %d minute.", "Too many tries. Try again in %d minutes.", minutes) % minutes


def _warn(request: HttpRequest, opened: second_factor.Opened) -> None:
    if opened.recovery_left is not None and opened.recovery_left <= FEW_CODES:
        left = ngettext("%d recovery code is left.", "%d recovery codes are left.", opened.recovery_left) % opened.recovery_left
        messages.warning(request, left + " " + _("Make new ones under “Second factor” in the menu of your name."))


def set_up(request: HttpRequest) -> HttpResponse:
    """The picture to scan and the first code; then the recovery codes, once."""
    user = person(request)
    if second_factor.factor_of(user) is not None:
        return redirect("console:second-factor")
    factor = second_factor.begin(user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        codes = _confirmed(request, form)
        if codes is not None:
            second_factor.mark(request, factor)
            return _draw(request, "codes", _("Recovery codes"), codes=codes)
    picture = segno.make(second_factor.address_of(factor), error="m").svg_data_uri(scale=5, border=2, light="#fff")
    key = " ".join(str(factor.secret)[at : at + KEY_GROUP] for at in range(0, len(str(factor.secret)), KEY_GROUP))
    needed = second_factor.is_needed(user)
    return _draw(request, "set_up", _("Set up the second factor"), form=form, picture=picture, key=key, needed=needed)


def _confirmed(request: HttpRequest, form: CodeForm) -> list[str] | None:
    try:
        codes = second_factor.confirm(person(request), form.cleaned_data["code"], request)
    except second_factor.Locked as locked:
        form.add_error("code", wait_words(math.ceil((locked.until - clock.now()).total_seconds())))
        return None
    if codes is None:
        form.add_error("code", _("This code is not right. Is the clock of your phone set by itself?"))
    return codes


def _kept(request: HttpRequest, factor: SecondFactor) -> HttpResponse:
    """New recovery codes, or another phone: both ask for a code once more."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _tried(request, form) is not None:
        user = person(request)
        if request.POST.get("do") == "codes":
            return _draw(request, "codes", _("Recovery codes"), codes=second_factor.renew_codes(user, request))
        second_factor.replace(user, request)
        return redirect("console:second-factor-set-up")
    left = factor.codes.filter(used_at=None).count()
    since = timezone.localtime(factor.confirmed_at)
    return _draw(request, "kept", _("Second factor"), form=form, left=left, since=since, few=left <= FEW_CODES)


def _draw(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    shared = {**admin.site.each_context(request), "title": title, "issuer": settings.SECOND_FACTOR_ISSUER}
    return render(request, f"console/second_factor/{name}.html", {**shared, **context})
