"""Which migrations an older release survives."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder

from sioweb_project.migration_check import MigrationCheck

NAME = models.CharField(max_length=10)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def check() -> MigrationCheck:
    return MigrationCheck(connection)


def objections(check: MigrationCheck, *steps: Operation, is_additive: bool = False) -> list[str]:
    """Of a migration that comes after all others of its app."""
    graph = check._loader.graph
    [leaf] = [node for node in graph.leaf_nodes() if node[0] == "sites"]
    body = {"dependencies": [leaf], "operations": list(steps), "is_additive": is_additive}
    migration = type("Migration", (Migration,), body)("9999_test", "sites")
    key = ("sites", migration.name)
    graph.add_node(key, migration)
    graph.add_dependency(migration, key, leaf)
    return list(check.objections(migration))


@pytest.mark.parametrize(
    "step",
    [
        operations.CreateModel("New", [("id", models.AutoField(primary_key=True))]),
        operations.AddField("site", "new", models.IntegerField(null=True)),
        operations.AddField("site", "new", models.IntegerField(db_default=0)),
        operations.AddField("site", "new", models.ManyToManyField("sites.apikey")),
        operations.AddIndex("site", models.Index(fields=["name"], name="new_index")),
        operations.AlterModelOptions("site", {"verbose_name": "tenant"}),
    ],
)
def test_what_only_adds_is_survived(check: MigrationCheck, step: Operation) -> None:
    assert objections(check, step) == []


def test_a_label_that_changes_is_survived(check: MigrationCheck) -> None:
    field = check._loader.project_state().models["sites", "site"].fields["name"].clone()
    field.help_text = "Another text."
    assert objections(check, operations.AlterField("site", "name", field)) == []


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (operations.RemoveField("site", "auth_scheme"), "expects what was there"),
        (operations.RenameField("site", "auth_scheme", "scheme"), "expects what was there"),
        (operations.RenameModel("Site", "Tenant"), "expects what was there"),
        (operations.DeleteModel("ApiKey"), "expects what was there"),
        (operations.AlterField("site", "name", NAME), "expects what was there"),
        (operations.AddField("site", "new", models.IntegerField(default=0)), "db_default"),
        (operations.RunPython(operations.RunPython.noop), "cannot be judged"),
        (operations.RunSQL("SELECT 1"), "cannot be judged"),
    ],
)
def test_what_takes_away_or_cannot_be_judged_is_told(
    check: MigrationCheck, step: Operation, reason: str
) -> None:
    [objection] = objections(check, step)
    assert objection.startswith("sites.9999_test: ")
    assert reason in objection


def test_what_happens_to_a_table_of_the_same_migration_is_survived(check: MigrationCheck) -> None:
    new = operations.CreateModel("New", [("id", models.AutoField(primary_key=True))])
    step = operations.AddField("new", "size", models.IntegerField(default=0))
    assert objections(check, new, step) == []


def test_a_migration_that_somebody_has_looked_at_is_believed(check: MigrationCheck) -> None:
    step = operations.RunPython(operations.RunPython.noop)
    assert objections(check, step, is_additive=True) == []


def said(*names: str) -> list[str]:
    call_command("check_migrations", *names, stdout=(text := StringIO()))
    return text.getvalue().splitlines()


def test_pending_ones_are_told_and_judged() -> None:
    recorder = MigrationRecorder(connection)
    names = "0005_reauth_seconds", "0006_former_names"
    for name in names:
        recorder.record_unapplied("sites", name)
    try:
        lines = said()
    finally:
        for name in names:
            recorder.record_applied("sites", name)
    assert [line for line in lines if line.startswith("pending")] == [
        f"pending sites.{name}" for name in names
    ]
    [refused] = [line for line in lines if line.startswith("refused")]
    assert refused.startswith("refused sites.0005_reauth_seconds: Add field reauth_seconds")


def test_what_a_newer_release_has_applied_is_told() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("sites", "9999_of_a_newer_release")
    try:
        assert said() == ["unknown sites.9999_of_a_newer_release"]
    finally:
        recorder.record_unapplied("sites", "9999_of_a_newer_release")


def test_applied_ones_are_judged_by_name() -> None:
    assert said("sites.0001_initial") == []
    [refused] = said("sites.0005_reauth_seconds")
    assert refused.startswith("refused sites.0005_reauth_seconds: ")
    with pytest.raises(CommandError, match=r"'sites\.0099': this release has no such migration"):
        said("sites.0099")
