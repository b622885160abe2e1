"""The side table behind the search, see scrm/core/search.py."""

from django.db import migrations

from scrm.core.search import create_table


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_conversations")]
    operations = [create_table("conversations_search")]
