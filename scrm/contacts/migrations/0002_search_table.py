"""The side table behind the search, see scrm/core/search.py."""

from django.db import migrations

from scrm.core.search import create_table


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_contacts")]
    operations = [create_table("contacts_search")]
