from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tags", "0001_tags")]

    operations = [
        migrations.AddField(
            model_name="tagrule",
            name="opens_case",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A case at Salesforce and Zoho, a ticket at HubSpot.",
                verbose_name="opens a case in the CRM",
            ),
        ),
    ]
