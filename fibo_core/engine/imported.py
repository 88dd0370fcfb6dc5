"""What is known of a picture that another program made: settings to be shown and found, and none to paint by.

A :class:`GenerationRequest` in form, so that rows, lists and pages hold it as any other; not held to FIBO's limits.
"""

from dataclasses import dataclass

from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import RequestError
from fibo_core.limits import check_seed

IMPORTED_SIDE_MAX = 65_535  #: px, a JPEG's longest


@dataclass(frozen=True)
class ImportedRequest(GenerationRequest):
    """Size in pixels as the picture is; steps and guidance 0 where they are not known.

    ``model`` is as the other program named it, "" where it did not, and ``revision`` the SHA-256 of the pixels: by it a
    copy is known.
    """

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for side in (self.width, self.height):
            if not 1 <= side <= IMPORTED_SIDE_MAX:
                raise RequestError(f"The size is {self.width}×{self.height}, which no picture has.")

    @property
    def recipe_hash(self) -> str:
        """The pixels' own: no recipe leads to them."""
        return self.revision


def check_repeatable(request: GenerationRequest) -> None:
    """Raises RequestError for a picture that came from another program."""
    if isinstance(request, ImportedRequest):
        words = "its words, or from " if request.prompt.document else ""
        raise RequestError(
            f"This picture was made by another program, and cannot be painted again here. Start from {words}what is to "
            "be seen in it."
        )
