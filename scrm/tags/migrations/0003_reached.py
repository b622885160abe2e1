"""From a person and from a message to their tags, removed ones too: for those who go, so that nothing is looked for row by row."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    # Its indexes are built beside those who write.
    atomic = False
    dependencies = [("tags", "0002_cases")]

    operations = [
        AddIndexBesideWrites(model_name="tagassignment", index=models.Index(fields=["contact"], name="tags_of_contact")),
        AddIndexBesideWrites(
            model_name="tagassignment",
            index=models.Index(condition=models.Q(("message__isnull", False)), fields=["message"], name="tags_by_message"),
        ),
    ]
