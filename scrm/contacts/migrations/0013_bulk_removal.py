"""Two references are no longer checked by the database, row by row: that of a matching key to its contact and of an event to its address.

A person has some twenty keys; checking each took longer than writing all of them. And an address could only be removed by looking through
all events for it, since no index leads there. The records themselves say what is to be removed with them; SQLite keeps its checks.
"""

import django.db.models.deletion
from django.db import migrations, models

_CHECKED = (("matchkey", "contact"), ("event", "identity"))


def _drop(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for model_name, field_name in _CHECKED:
        model = apps.get_model("contacts", model_name)
        column = model._meta.get_field(field_name).column
        for name in schema_editor._constraint_names(model, [column], foreign_key=True):
            schema_editor.execute(schema_editor._delete_fk_sql(model, name))


def _check_again(apps, schema_editor):
    """Without looking at the rows that are there: that would hold all writers."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for model_name, field_name in _CHECKED:
        model = apps.get_model("contacts", model_name)
        field = model._meta.get_field(field_name)
        to = field.remote_field.model._meta
        name = schema_editor._fk_constraint_name(model, field, f"_fk_{to.db_table}_{to.pk.column}")
        quote = schema_editor.quote_name
        schema_editor.execute(
            f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {name} FOREIGN KEY ({quote(field.column)}) "
            f"REFERENCES {quote(to.db_table)} ({quote(to.pk.column)}) DEFERRABLE INITIALLY DEFERRED NOT VALID"
        )


class Migration(migrations.Migration):

    dependencies = [('contacts', '0012_event_story')]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(_drop, _check_again)],
            state_operations=[
                migrations.AlterField(
                    model_name='matchkey',
                    name='contact',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact'),
                ),
                migrations.AlterField(
                    model_name='event',
                    name='identity',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.identity', verbose_name='address'),
                ),
            ],
        ),
    ]
