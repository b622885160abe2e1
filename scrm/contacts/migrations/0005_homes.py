"""Which addresses come home when a merge is taken back: a partial index, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("contacts", "0004_people")]

    operations = [
        AddIndexBesideWrites(
            model_name="identity",
            index=models.Index(condition=models.Q(("home__isnull", False)), fields=["home"], name="contacts_identity_by_home"),
        ),
    ]
