"""The same picture again: the order that paints a stored recipe once more, and what came of it.

What is painted is the recipe as it was stored; only the model's weights are those that are here now. The report says
whether both pictures are the same and, if not, how far apart they are and what has changed since.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from fibo_core.engine import Engine, RenderedImage
from fibo_core.engine.adapters import Adapter
from fibo_core.engine.imported import check_repeatable
from fibo_core.engine.request import TOGETHER, GenerationRequest
from fibo_core.errors import FiboError, PictureError
from fibo_core.models.catalogue import find_model
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from fibo_core.store.picture_difference import Difference, difference
from fibo_core.work.orders import Order
from fibo_core.writers import WrittenPrompt

if TYPE_CHECKING:
    from PIL import Image

SHOWN_CHARS = 12  #: of a revision, in a sentence


@dataclass(frozen=True)
class Changed:
    """Something that a picture depends on beside its recipe, then and now; "" where it was not, or is not, there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class AgainReport:
    """How the second painting of picture ``of`` compares with it.

    ``difference`` is None where nothing could be compared, and ``reason`` says why. ``aside`` names the new picture's
    file by its hash where it differs and was not kept, ``generation_id`` the stored one where it was.
    """

    of: str
    difference: Difference | None
    changed: tuple[Changed, ...]
    reason: str = ""
    duration_s: float = 0.0
    aside: str | None = None
    generation_id: str | None = None

    @property
    def same(self) -> bool | None:
        """Bit by bit; None where nobody can tell."""
        return None if self.difference is None else self.difference.is_none

    @property
    def sentence(self) -> str:
        """What came of it, in a line or two."""
        if self._only_alone and self.difference is not None:
            if self.difference.is_none:
                return "The same picture, bit by bit, though it was painted with others in one pass."
            return (
                "It was painted with others in one pass, and alone its pixels differ by "
                f"{self.difference.most} of 255 at most."
            )
        return f"{self._verdict} {self._since}"

    @property
    def _verdict(self) -> str:
        if self.difference is None:
            return self.reason
        if self.difference.is_none:
            return "The same picture, bit by bit."
        it = self.difference
        return (
            f"Not the same: {_percent(it.share)} of the pixels differ, {it.where}, by {it.mean:.2f} of 255 on average "
            f"and {it.most} at most."
        )

    @property
    def _only_alone(self) -> bool:
        """Whether all that has changed is that it was painted with others in one pass, and is painted alone now."""
        if len(self.changed) != 1:
            return False
        (only,) = self.changed
        return (only.name, only.before) == ("precision", f"{only.after}, {TOGETHER}")

    @property
    def _since(self) -> str:
        if self.changed:
            return f"Changed since: {'; '.join(map(_told, self.changed))}."
        return "Model, libraries, device and precision are as they were."


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %" if percent >= 0.01 else "less than 0.01 %"


def _told(changed: Changed) -> str:
    sides = (text[:SHOWN_CHARS] if changed.name == "weights" else text for text in (changed.before, changed.after))
    return f"{changed.name} {' → '.join(text or 'none' for text in sides)}"


def again_order(picture: Generation, *, keep: bool = False) -> Order:
    """The order that paints a stored picture's recipe once more. Raises InputError where that cannot be."""
    request = _paintable(picture)
    written = WrittenPrompt(
        request.prompt, picture.writer, edited=picture.edited, model=picture.writer_model, usage=picture.usage
    )
    return Order(
        kind="generate",
        words=picture.words,
        written=written,
        again_of=picture.id,
        keep=keep,
        model=request.model,
        size=(request.width, request.height),
        steps=request.num_inference_steps,
        guidance=request.guidance_scale,
        negative_prompt=request.negative_prompt,
        seed=request.seed,
    )


def why_not_again(picture: Generation, engine: Engine) -> str | None:
    """Why a picture cannot be painted again here, in one sentence; None where it can."""
    try:
        check_again(picture, engine)
    except FiboError as exc:
        return str(exc)
    return None


def check_again(picture: Generation, engine: Engine) -> None:
    """Raises InputError and ModelMissing for a recipe whose weights or adapters are not here, or are others."""
    request = _paintable(picture)
    engine.revision(request.model)
    engine.adapters(request.model, request.adapters)


def _paintable(picture: Generation) -> GenerationRequest:
    """Raises InputError."""
    check_repeatable(picture.request)
    find_model(picture.request.model)
    for adapter in picture.request.adapters:
        Adapter.of_recipe(adapter)
    return picture.request


def request_again(picture: Generation, engine: Engine) -> GenerationRequest:
    """The stored recipe on the weights that are here now. Raises InputError and ModelMissing."""
    request = _paintable(picture)
    return replace(request, revision=engine.revision(request.model))


def report_again(history: History, picture: Generation, request: GenerationRequest, made: RenderedImage) -> AgainReport:
    """Compares what was painted now with the stored picture."""
    found, reason = None, ""
    try:
        found = difference(_stored(history, picture), made.image)
    except ValueError:
        width, height = made.image.size
        reason = f"The stored file has another size than its recipe's {width}×{height}: they cannot be compared."
    except FiboError as exc:
        reason = f"There is nothing to compare with: {exc}"
    changed = tuple(_changed(picture, request, made))
    return AgainReport(picture.id, found, changed, reason, made.duration_s)


def _stored(history: History, picture: Generation) -> "Image.Image":
    """The stored pixels. Raises StoreError and PictureError."""
    from PIL import Image

    from fibo_core.store.images import DAMAGE

    file = history.image_file(picture.id)
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except DAMAGE as exc:
        raise PictureError(f"The stored file {file} is damaged ({exc}). Keep the new picture in its place.") from exc


def _changed(picture: Generation, request: GenerationRequest, made: RenderedImage) -> Iterator[Changed]:
    """What is otherwise now than when the picture was painted."""
    then: Mapping[str, str] = {
        "weights": picture.request.revision,
        "device": picture.device,
        "precision": picture.precision,
        **picture.versions,
    }
    now = {"weights": request.revision, "device": made.device, "precision": made.precision, **made.versions}
    for name in dict.fromkeys((*then, *now)):
        if (before := then.get(name, "")) != (after := now.get(name, "")):
            yield Changed(name, before, after)


def report_to_record(report: AgainReport) -> dict[str, Any]:
    """The report as JSON-ready values; :func:`report_from_record` gives it back."""
    return asdict(report)


def report_from_record(record: Mapping[str, Any]) -> AgainReport:
    """Raises TypeError, KeyError, ValueError or AttributeError for what is no report."""
    apart = record["difference"]
    return AgainReport(
        of=str(record["of"]),
        difference=None
        if apart is None
        else Difference(
            share=float(apart["share"]),
            mean=float(apart["mean"]),
            most=int(apart["most"]),
            box=None if apart["box"] is None else tuple(map(int, apart["box"])),  # type: ignore[arg-type]
            where=str(apart["where"]),
        ),
        changed=tuple(Changed(str(it["name"]), str(it["before"]), str(it["after"])) for it in record["changed"]),
        reason=str(record["reason"]),
        duration_s=float(record["duration_s"]),
        aside=record["aside"],
        generation_id=record["generation_id"],
    )
