"""All registrations of all apps: screens live above the apps, because one page shows rows of many of them."""

from django.apps import apps
from django.contrib import admin

from scrm.console.admin import (
    attachments,
    audit,
    automation,
    backups,
    campaigns,
    commerce,
    connections,
    contacts,
    erasures,
    hooks,
    identities,
    intake,
    jobs,
    later,
    macros,
    matching,
    merges,
    messages,
    postal,
    prices,
    replies,
    segments,
    staff,
    surveys,
    sync,
    tags,
    templates,
    tokens,
)

__all__ = [
    "attachments",
    "audit",
    "automation",
    "backups",
    "campaigns",
    "commerce",
    "connections",
    "contacts",
    "erasures",
    "hooks",
    "identities",
    "intake",
    "jobs",
    "later",
    "macros",
    "matching",
    "merges",
    "messages",
    "postal",
    "prices",
    "replies",
    "segments",
    "staff",
    "surveys",
    "sync",
    "tags",
    "templates",
    "tokens",
]

# The queue only wakes workers. Its own pages would invite people to repeat jobs that our rows already account for.
for _model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
