"""Would a release that still runs survive a migration? Asked by `check_migrations` and `doctor`.

While processes are restarted one after the other, and after a rollback, an older release works
on a newer database. It survives what adds: tables, indexes, columns that may be left out of an
INSERT. May import Django alone.
"""

from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration, operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

LOOKED_AT = "is_additive"  # an attribute of a Migration whose author knows better
ADDING = (
    operations.AddIndex,
    operations.RemoveConstraint,
    operations.RemoveIndex,
    operations.RenameIndex,
)
UNKNOWN = (operations.RunPython, operations.RunSQL, operations.SeparateDatabaseAndState)


class MigrationCheck:
    """Of the migrations of this release, on the database of `connection`."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._executor = MigrationExecutor(connection)
        self._loader = self._executor.loader

    def pending(self) -> list[Migration]:
        plan = self._executor.migration_plan(self._loader.graph.leaf_nodes())
        return [migration for migration, _ in plan]

    def unknown(self) -> list[str]:
        """What has been applied by a release that has more than this one, as `app.name`."""
        applied, known = self._loader.applied_migrations, self._loader.graph.nodes
        apps = self._loader.migrated_apps
        return [
            f"{app}.{name}"
            for app, name in sorted(applied)
            if app in apps and (app, name) not in known
        ]

    def find(self, name: str) -> Migration | None:
        """The migration of this release that is called `app.name`."""
        app_label, _, own_name = name.partition(".")
        found: Migration | None = self._loader.graph.nodes.get((app_label, own_name))
        return found

    def objections(self, migration: Migration) -> Iterator[str]:
        """What of it an older release would not survive, one line each."""
        if getattr(migration, LOOKED_AT, False):
            return
        before = self._loader.project_state((migration.app_label, migration.name), at_end=False)
        new_models = set()
        for operation in migration.operations:
            after = before.clone()
            operation.state_forwards(migration.app_label, after)
            if isinstance(operation, operations.CreateModel):
                new_models.add(operation.name_lower)
            elif _model_of(operation) not in new_models and (
                reason := self._reason_against(operation, migration.app_label, before, after)
            ):
                yield f"{migration}: {operation.describe()}: {reason}"
            before = after

    def _reason_against(
        self, operation: Operation, app_label: str, before: ProjectState, after: ProjectState
    ) -> str:
        if isinstance(operation, UNKNOWN):
            return "cannot be judged"
        if isinstance(operation, ADDING) or not self._sql_of(operation, app_label, before, after):
            return ""
        if isinstance(operation, operations.AddField):
            field = operation.field
            is_optional = field.null or field.many_to_many or field.has_db_default()
            return "" if is_optional else "the older release leaves it out: give it a db_default"
        return "the older release expects what was there"

    def _sql_of(
        self, operation: Operation, app_label: str, before: ProjectState, after: ProjectState
    ) -> list[str]:
        """What it would do to the database; nothing, when only names for people change."""
        with self._connection.schema_editor(collect_sql=True, atomic=False) as editor:
            operation.database_forwards(app_label, editor, before, after)
        collected: list[str] = editor.collected_sql
        return [line for line in collected if not line.startswith("--")]


def _model_of(operation: Operation) -> str:
    """Whom it changes, "" = no single model."""
    name = getattr(operation, "model_name", "") or getattr(operation, "name", "")
    return str(name).lower()
