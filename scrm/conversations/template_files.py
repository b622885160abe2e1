"""The example files that templates were approved with: sent again where a header has no file of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from connectors.errors import ConnectorError
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.connections.services import channel_of
from scrm.conversations.models import MessageTemplate
from scrm.conversations.template_drafts import card_samples_of, sample_of

# The platform keeps an uploaded file for 30 days.
KEEP_FILES = timedelta(days=7)


def held_files(template: MessageTemplate) -> dict[str, Mapping[str, str]]:
    """The example files that lie here, by the key of the place: {path, mime_type, filename}."""
    cards = {f"card_{index}_header": sample for index, sample in card_samples_of(template).items()}
    return cards | ({"header": sample} if (sample := sample_of(template)) else {})


def handed_over(connection: Connection, sample: Mapping[str, str], kind: str) -> dict[str, str]:
    """The platform's id of an example file, as a template's value; one that was handed over lately is used again.

    Raises `ValidationError` when the file is gone or the platform does not take it.
    """
    key = f"template-file:{connection.pk}:{hashlib.sha256(sample['path'].encode()).hexdigest()}"
    external_id = cache.get(key)
    if external_id is None:
        try:
            with default_storage.open(sample["path"]) as file:
                content = file.read()
            external_id = channel_of(connection).upload(content, sample["mime_type"], sample["filename"])
        except OSError:
            raise ValidationError(_("The example file is no longer stored here; choose a file.")) from None
        except ConnectorError as error:
            raise ValidationError(_("The platform did not take the file: %(error)s") % {"error": worded(str(error))}) from error
        cache.set(key, external_id, KEEP_FILES.total_seconds())
    return {"id": external_id, "filename": sample["filename"]} if kind == "document" else {"id": external_id}
