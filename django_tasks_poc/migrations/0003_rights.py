from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("django_tasks_poc", "0002_purging")]

    operations = [
        migrations.AlterModelOptions(
            name="task",
            options={
                "permissions": [
                    ("pause_task", "Can pause and resume task"),
                    ("cancel_task", "Can cancel task"),
                    ("retry_task", "Can retry what failed of task"),
                    ("purge_task", "Can purge task"),
                ],
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
            },
        ),
    ]
