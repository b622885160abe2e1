from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_backup_runs'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='heartbeat',
            options={'verbose_name': 'worker', 'verbose_name_plural': 'workers'},
        ),
        migrations.AlterModelOptions(
            name='timetable',
            options={'verbose_name': 'periodic job', 'verbose_name_plural': 'periodic jobs'},
        ),
    ]
