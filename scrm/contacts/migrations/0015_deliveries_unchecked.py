"""The event of a delivery is no longer checked by the database, row by row: a delivery is written in the transaction that writes its
event and never later, and goes with it. SQLite keeps its check.
"""

import django.db.models.deletion
from django.db import migrations, models


def _drop(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    model = apps.get_model("contacts", "eventdelivery")
    for name in schema_editor._constraint_names(model, [model._meta.get_field("event").column], foreign_key=True):
        schema_editor.execute(schema_editor._delete_fk_sql(model, name))


def _check_again(apps, schema_editor):
    """Without looking at the rows that are there: that would hold all writers."""
    if schema_editor.connection.vendor != "postgresql":
        return
    model = apps.get_model("contacts", "eventdelivery")
    field = model._meta.get_field("event")
    to = field.remote_field.model._meta
    name = schema_editor._fk_constraint_name(model, field, f"_fk_{to.db_table}_{to.pk.column}")
    quote = schema_editor.quote_name
    schema_editor.execute(
        f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {name} FOREIGN KEY ({quote(field.column)}) "
        f"REFERENCES {quote(to.db_table)} ({quote(to.pk.column)}) DEFERRABLE INITIALLY DEFERRED NOT VALID"
    )


class Migration(migrations.Migration):

    dependencies = [('contacts', '0014_match_frequencies')]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(_drop, _check_again)],
            state_operations=[
                migrations.AlterField(
                    model_name='eventdelivery',
                    name='event',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.event'),
                ),
            ],
        ),
    ]
