"""The WSGI entry. A server that runs under the supervisor dies with it, so that no orphan keeps the port."""

import os

from django.core.wsgi import get_wsgi_application

from scrm.core.processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings")
if os.environ.get("SCRM_SUPERVISED"):
    die_with_parent()
django_application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - only after Django is set up

from scrm.console.inbox.polls import is_likely_quiet  # noqa: E402
from scrm.core.entrance import Entrance  # noqa: E402
from scrm.intake.middleware import webhooks_first  # noqa: E402

limits = {"/webhooks/": settings.WEBHOOK_BODY_LIMIT}
application = Entrance(webhooks_first(django_application), threads=settings.WEB_THREADS, limits=limits, is_quick=is_likely_quiet)
