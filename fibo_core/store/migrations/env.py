"""What Alembic runs a migration with: the connection, in a transaction, from `Database.migrate`."""

from alembic import context

from fibo_core.store.tables import GenerationTable


def is_ours(name: str | None, kind: str, parent_names: object) -> bool:
    """The search index and its shadow tables are made by hand and are no part of the mapped tables."""
    return kind != "table" or not (name or "").startswith("generation_search")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=GenerationTable.metadata,
    include_name=is_ours,
)
with context.begin_transaction():
    context.run_migrations()
