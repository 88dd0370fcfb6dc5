"""The database and the history that settings name, and nothing else of a studio.

Apart from `work/runtime.py`, which builds the writers and the engine too, and imports them.
"""

from fibo_core.settings import Settings
from fibo_core.store.database import Database
from fibo_core.store.history import History


def build_database(settings: Settings) -> Database:
    """The workspace's database, made or migrated. Raises a StoreError that says what is wrong with it."""
    database = Database(settings.database_url or settings.workspace_dir / "studio.db")
    database.migrate()
    return database


def build_history(settings: Settings, database: Database) -> History:
    """The workspace's pictures."""
    return History(settings.workspace_dir, database, settings.cache_dir)
