"""How the admin theme looks: title, colours, the environment's badge, and the menu in `menu.py`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _


def environment(request: HttpRequest) -> list[str] | None:
    """A badge that tells the sandbox from the real thing; production shows none."""
    from django.conf import settings

    if settings.PRODUCTION:
        return None
    return [_("Sandbox") if settings.SANDBOX else _("Test"), "warning"]


# A calm green-blue of one hue; the theme takes its text and border shades from `base`.
PRIMARY = {
    "50": "oklch(97.5% .014 190)",
    "100": "oklch(94.5% .03 190)",
    "200": "oklch(89% .055 190)",
    "300": "oklch(81% .085 190)",
    "400": "oklch(72% .105 192)",
    "500": "oklch(62% .105 194)",
    "600": "oklch(50% .09 196)",
    "700": "oklch(43.5% .078 198)",
    "800": "oklch(37.5% .065 200)",
    "900": "oklch(32% .052 202)",
    "950": "oklch(24% .04 205)",
}


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """What stands in the menu of one's own name."""
    return [
        {"title": _("Second factor"), "link": reverse("console:second-factor")},
        {"title": _("Change password"), "link": reverse("admin:password_change")},
    ]


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "SCRM",
    "SITE_HEADER": "SCRM",
    "SITE_SYMBOL": "forum",
    "SITE_URL": "/admin/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("console/icon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "scrm.console.appearance.environment",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [lambda _request: static("console/console.css")],
    "SCRIPTS": [lambda _request: static("console/theme.js")],
    "LOGIN": {"form": "scrm.console.second_factor.log_in.LogInForm"},
    "ACCOUNT": {"navigation": "scrm.console.appearance.account_links"},
    "COMMAND": {"search_models": ["contacts.contact", "commerce.order"], "show_history": False},
    "SIDEBAR": {"show_search": False, "command_search": True, "show_all_applications": False, "navigation": "scrm.console.menu.navigation"},
}
