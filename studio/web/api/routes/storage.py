"""What is stored and what frees the disk: usage, the trash and its purge, copies of the database."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from fibo_core.errors import InputError
from fibo_core.store.backup import Backup
from fibo_core.work.care import Purge
from fibo_core.work.runtime import Runtime
from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.models import BackupGiven, GenerationList, PurgeGiven, PurgeTaken, ShareGiven, StorageGiven
from studio.web.api.requests import BoundedRoute, answered, in_thread, json_answer
from studio.web.api.routes.generations import GenerationsQuery

router = APIRouter(tags=["Storage"], route_class=BoundedRoute)

PURGE_WAIT_S = 15.0  #: for a purge; a longer one goes on, and GET /storage tells how far it is


@router.get("/storage", summary="What is stored, and what the disk has left", response_model=StorageGiven)
async def get_storage() -> Response:
    return await answered(lambda: storage_given(get_runtime()))


@router.get("/trash", summary="The deleted pictures", response_model=GenerationList)
async def list_trash(asked: Annotated[GenerationsQuery, Query()]) -> Response:
    """As `GET /generations` with `deleted`; `POST /generations/{id}/restore` brings one back."""

    def given() -> GenerationList:
        query = asked.model_copy(update={"deleted": True}).query()
        return convert.generation_list(
            get_runtime().tools.history.page(query, cursor=asked.cursor, limit=asked.checked_limit)
        )

    return await answered(given)


@router.post(
    "/trash/purge",
    summary="Purge deleted pictures",
    response_model=PurgeGiven,
    responses={202: {"model": PurgeGiven, "description": "It goes on; GET /storage tells how far it is"}},
)
async def purge(taken: PurgeTaken) -> Response:
    """Their files leave the disk, and nothing brings them back; pictures made from them stay."""

    def done() -> Response:
        if taken.all == bool(taken.ids):
            raise InputError("What is purged is not said in one way. Give ids, or all as true.")
        state = get_runtime().care.purge(None if taken.all else taken.ids, wait_s=PURGE_WAIT_S)
        return json_answer(purge_given(state), 202 if state.running else 200)

    return await in_thread(done)


@router.post("/backups", summary="Copy the database", status_code=201, response_model=BackupGiven)
async def make_backup() -> Response:
    """The copy is checked; the newest seven are kept."""

    def given() -> BackupGiven:
        runtime = get_runtime()
        runtime.database.backup()
        return backup_given(runtime.database.backups()[0])

    return await answered(given, 201)


def storage_given(runtime: Runtime) -> StorageGiven:
    """Raises a StoreError."""
    history = runtime.tools.history
    usage = history.disk_usage()
    return StorageGiven(
        folder=str(usage.folder),
        trouble=history.trouble(),
        pictures=usage.pictures,
        bytes=usage.bytes,
        trash_pictures=usage.deleted,
        trash_bytes=usage.trash_bytes,
        trash_unfinished=history.trash.is_unfinished(),
        trash_days=runtime.settings.trash_days,
        free_bytes=usage.free_bytes,
        total_bytes=usage.total_bytes,
        by_month=[ShareGiven(**vars(share)) for share in usage.by_month],
        by_model=[ShareGiven(**vars(share)) for share in usage.by_model],
        purge=purge_given(runtime.care.purging),
        backups=[backup_given(backup) for backup in runtime.database.backups()],
    )


def purge_given(purge: Purge) -> PurgeGiven:
    return PurgeGiven(**vars(purge))


def backup_given(backup: Backup) -> BackupGiven:
    return BackupGiven(path=f"{backup.path.parent.name}/{backup.path.name}", made_at=backup.made_at, bytes=backup.bytes)
