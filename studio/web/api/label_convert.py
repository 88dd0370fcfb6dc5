"""Labels and collections between the API's models and the core's values."""

from collections.abc import Sequence

from fibo_core.errors import InputError
from fibo_core.store.collection_store import Collection, TagCount
from fibo_core.store.label_store import ChangeState
from fibo_core.store.labels import LabelChange
from fibo_core.store.search import HistoryQuery
from studio.web.api.label_models import (
    ChangeGiven,
    CollectionGiven,
    CollectionList,
    LabelChangeTaken,
    LabelsTaken,
    TagGiven,
    TagList,
)
from studio.web.api.models import GenerationChange


def generation_change(taken: GenerationChange) -> LabelChange:
    return LabelChange(
        favorite=taken.favorite,
        rating=taken.rating,
        tags=_all(taken.tags),
        collections=_all(taken.collections),
    )


def label_change(taken: LabelChangeTaken) -> LabelChange:
    return LabelChange(
        favorite=taken.favorite,
        rating=taken.rating,
        tags=_all(taken.tags),
        add_tags=tuple(taken.add_tags),
        remove_tags=tuple(taken.remove_tags),
        collections=_all(taken.collections),
        add_to=tuple(taken.add_to),
        remove_from=tuple(taken.remove_from),
        deleted=taken.deleted,
    )


def labels_query(taken: LabelsTaken) -> HistoryQuery | None:
    """The search whose pictures are changed; None where pictures are named. Raises InputError for both, or neither."""
    searched = taken.q is not None or taken.mode or taken.model is not None or taken.favorite or taken.deleted
    if (taken.ids is None) == (not searched):
        raise InputError("Name pictures by ids, or search them by q: one of the two. An empty q is all pictures.")
    if taken.ids is not None:
        return None
    return HistoryQuery(
        text=taken.q or "", mode=taken.mode, model=taken.model, favorite=taken.favorite, deleted=taken.deleted
    )


def change_given(state: ChangeState) -> ChangeGiven:
    return ChangeGiven(
        undo=state.token,
        state=state.state,
        total=state.total,
        done=state.done,
        changed=state.changed,
        missing=state.missing,
        error=state.error,
    )


def tag_list(tags: Sequence[TagCount]) -> TagList:
    return TagList(items=[TagGiven(name=tag.name, pictures=tag.pictures) for tag in tags])


def collection_list(collections: Sequence[Collection]) -> CollectionList:
    return CollectionList(items=[collection_given(each) for each in collections])


def collection_given(collection: Collection) -> CollectionGiven:
    return CollectionGiven(**vars(collection))


def _all(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
