from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TagsConfig(AppConfig):
    name = "scrm.tags"
    label = "tags"
    verbose_name = _("Tags")

    def ready(self) -> None:
        from scrm.contacts.histories import History, register
        from scrm.tags import jobs, privacy, skills  # noqa: F401 - registers what runs in the background
        from scrm.tags.models import TagAssignment

        register(History("tags", _("tags"), TagAssignment))
        privacy.register()
