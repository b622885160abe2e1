"""Paths relative to the client's base address, as the vendor has them: family, version, object type."""

from __future__ import annotations

from django.urls import path

from ..gateway import endpoint
from . import batches, links, objects, vocabulary

OBJECTS = "crm/objects/<str:version>/<str:kind>"
RECORD = f"{OBJECTS}/<str:record_id>"
PROPERTIES = "crm/properties/<str:version>/<str:kind>"
LINKS = "crm/associations/<str:version>/<str:kind>/<str:to_kind>"
PIPELINES = "crm/pipelines/<str:version>/<str:kind>"

urlpatterns = [
    path(f"{OBJECTS}/batch/create", endpoint(POST=batches.create)),
    path(f"{OBJECTS}/batch/read", endpoint(POST=batches.read)),
    path(f"{OBJECTS}/batch/update", endpoint(POST=batches.update)),
    path(f"{OBJECTS}/batch/upsert", endpoint(POST=batches.upsert)),
    path(f"{OBJECTS}/batch/archive", endpoint(POST=batches.archive)),
    path(f"{OBJECTS}/search", endpoint(POST=objects.search_records)),
    path(f"{OBJECTS}/merge", endpoint(POST=objects.merge_records)),
    path(f"{OBJECTS}/gdpr-delete", endpoint(POST=objects.erase_record)),
    path(OBJECTS, endpoint(GET=objects.list_records, POST=objects.create_record)),
    path(RECORD, endpoint(GET=objects.read_record, PATCH=objects.update_record, DELETE=objects.archive_record)),
    path(f"{RECORD}/associations/default/<str:to_kind>/<str:to_id>", endpoint(PUT=links.put_default)),
    path(f"{RECORD}/associations/<str:to_kind>/<str:to_id>", endpoint(PUT=links.put_typed, DELETE=links.remove)),
    path(f"{RECORD}/associations/<str:to_kind>", endpoint(GET=links.list_links)),
    path(f"{LINKS}/batch/associate/default", endpoint(POST=links.batch_default)),
    path(f"{LINKS}/batch/create", endpoint(POST=links.batch_create)),
    path(f"{LINKS}/batch/read", endpoint(POST=links.batch_read)),
    path(f"{LINKS}/batch/archive", endpoint(POST=links.batch_archive)),
    path(f"{LINKS}/labels", endpoint(GET=links.labels)),
    path(f"{PROPERTIES}/batch/create", endpoint(POST=vocabulary.add_properties)),
    path(f"{PROPERTIES}/groups", endpoint(GET=vocabulary.list_groups, POST=vocabulary.add_group)),
    path(PROPERTIES, endpoint(GET=vocabulary.list_properties, POST=vocabulary.add_property)),
    path(
        f"{PROPERTIES}/<str:name>",
        endpoint(GET=vocabulary.read_property, PATCH=vocabulary.change_property, DELETE=vocabulary.archive_property),
    ),
    path(PIPELINES, endpoint(GET=vocabulary.list_pipelines)),
    path(f"{PIPELINES}/<str:pipeline_id>", endpoint(GET=vocabulary.read_pipeline)),
    path("crm/owners/<str:version>", endpoint(GET=vocabulary.list_owners)),
    path("crm/owners/<str:version>/<str:owner_id>", endpoint(GET=vocabulary.read_owner)),
    path("account-info/<str:version>/details", endpoint(GET=vocabulary.account_details)),
]
