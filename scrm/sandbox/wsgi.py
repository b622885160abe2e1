"""Serves the sandbox alone and posts its webhooks: `granian --interface wsgi scrm.sandbox.wsgi:application`.

Killing the product's web processes does not touch it, as killing them would not touch the real platform.
SANDBOX_DELIVERER=0 leaves the posting to `manage.py sandbox_deliver`. For a second address of the same platform see endpoint.py.
"""

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from scrm.core.processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings")
if os.environ.get("SCRM_SUPERVISED"):
    die_with_parent()
django.setup(set_prefix=False)

SHORT_CHAIN = (
    "whitenoise.",
    "django.middleware.security.",
    "django.middleware.locale.",
    "django.middleware.common.",
    "django.middleware.csrf.",
)


class SandboxRequest(WSGIRequest):
    urlconf = "scrm.sandbox.standalone_urls"


class SandboxHandler(WSGIHandler):
    request_class = SandboxRequest

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        from scrm.sandbox import endpoint

        return endpoint.strike(request.path_info) or super().get_response(request)


def _serve() -> SandboxHandler:
    from scrm.sandbox import deliverer, seed

    # The product's middleware would open the product's database; a stranger has none of it.
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name.startswith(SHORT_CHAIN)]
    seed.ensure_all()
    if os.environ.get("SANDBOX_DELIVERER", "1") == "1":
        deliverer.start()
    return SandboxHandler()


application = _serve()
