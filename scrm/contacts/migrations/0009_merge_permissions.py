from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("contacts", "0008_match_keys")]

    operations = [
        migrations.AlterModelOptions(
            name="merge",
            options={
                "permissions": [
                    ("merge_contacts", "Can merge contacts"),
                    ("undo_merge", "Can undo merges"),
                    ("merge_in_crm", "Can merge records inside a CRM, which cannot be undone there"),
                ],
                "verbose_name": "merge",
                "verbose_name_plural": "merges",
            },
        )
    ]
