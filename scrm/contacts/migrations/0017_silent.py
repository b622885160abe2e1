from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    """Who may have no conversation yet, for the lists of agents who see a part."""

    atomic = False
    dependencies = [("contacts", "0016_match_ties")]

    operations = [
        AddIndexBesideWrites(
            "contact",
            models.Index(
                condition=models.Q(
                    ("last_inbound_at", None),
                    ("merged_into", None),
                    ("owner", None),
                    models.Q(("last_activity_at__lte", models.F("created_at")), ("own__isnull", False), _connector="OR"),
                ),
                fields=["id"],
                name="contacts_silent",
            ),
        ),
    ]
