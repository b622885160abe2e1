"""What no team has yet, by number: a partial index, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0018_claims")]

    operations = [
        AddIndexBesideWrites(
            model_name="conversation",
            index=models.Index(condition=models.Q(("team", None)), fields=["connection", "id"], name="conversations_teamless"),
        ),
    ]
