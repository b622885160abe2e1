"""Where an address came from, with a partial index that is built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("contacts", "0006_identities")]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="origin",
            field=models.CharField(blank=True, db_default="", default="", max_length=80, verbose_name="from"),
        ),
        AddIndexBesideWrites(
            model_name="identity",
            index=models.Index(condition=models.Q(("origin", ""), _negated=True), fields=["origin", "-id"], name="contacts_identity_by_origin"),
        ),
    ]
