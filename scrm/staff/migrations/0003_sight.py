"""The right to see all customers."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('staff', '0002_rota'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='user',
            options={'permissions': [('see_all', 'Can see all customers, whatever their team or channel')], 'verbose_name': 'user', 'verbose_name_plural': 'users'},
        ),
    ]
