"""The ways from a picture of History to the other pages."""

from fibo_core.models.catalogue import ModelSpec
from fibo_core.work.runtime import Runtime
from studio.ui.components.vary import open_grid
from studio.ui.navigation import GENERATE, go_to
from studio.ui.session import start_edit, start_inspire, start_refine, use_prompt, use_seed
from studio.ui.state import Way
from studio.ui.viewing import use_all


def take(runtime: Runtime, way: Way, spec: ModelSpec) -> None:
    """Goes to another page with the picture; ``spec`` is the model in use, whose shapes the form can offer.

    Raises GenerationNotFound, GenerationDamaged, and RequestError for what cannot be painted again. Returns where
    there is nothing to go to.
    """
    if way.kind == "paint":
        go_to(GENERATE)
    generation = runtime.tools.history.get(way.id)
    match way.kind:
        case "refine":
            start_refine(generation)
        case "edit":
            start_edit(generation)
        case "inspire":
            start_inspire(runtime, generation)
        case "all":
            use_all(generation, spec)
        case "prompt":
            use_prompt(generation)
        case "seed":
            use_seed(generation)
        case "grid":
            if (batch := runtime.desk.batch_of_picture(generation.id)) is not None:
                open_grid(batch)
