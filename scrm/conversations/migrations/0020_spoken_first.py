from __future__ import annotations

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    # Its index is built beside those who write.
    atomic = False

    dependencies = [("conversations", "0019_teamless")]

    operations = [
        AddIndexBesideWrites(
            model_name="reservation",
            index=models.Index(
                condition=models.Q(("spoke_first", True)),
                fields=["connection", "quota_day", "identity"],
                name="conversations_spoken_first",
            ),
        ),
    ]
