"""What paints and who writes here: listed, fetched, loaded, and added to by the user."""

from dataclasses import asdict

from fastapi import APIRouter, Response
from pydantic import Field

from fibo_core.errors import InputError
from fibo_core.models.added import SIDE
from fibo_core.models.catalogue import find_model
from fibo_core.models.download import check_access
from fibo_core.work.adapters import adapters_here, add_adapter, remove_adapter
from fibo_core.work.models import add_model, remove_model
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.web.api import convert
from studio.web.api.models import AdapterGiven, AdapterList, AdapterRemoved, ModelGiven, ModelList, Taken
from studio.web.api.requests import BoundedRoute, answered, in_thread

router = APIRouter(tags=["Models"], route_class=BoundedRoute)


class ModelAdded(Taken):
    """A model to add to the catalogue."""

    name: str = Field(examples=["my-fibo"])
    source: str = Field(description="A folder on the studio's machine, or a repository of the hub")
    steps: int = Field(0, ge=0, description="0: its family's")
    guidance: float = Field(0.0, ge=0.0, description="0: its family's")
    side: int = Field(SIDE, description="Of the square of the area that its shapes have, in pixels")


class AdapterAdded(Taken):
    """A LoRA to copy into the workspace."""

    name: str = Field(examples=["sepia"])
    source: str = Field(description="A file or a folder on the studio's machine, or a repository of the hub")


@router.get("/adapters", summary="The LoRAs that are here", response_model=AdapterList)
async def list_adapters() -> Response:
    return await answered(
        lambda: AdapterList(items=[AdapterGiven(**asdict(each)) for each in adapters_here(get_runtime().settings)])
    )


@router.post("/adapters", summary="Add a LoRA", status_code=201, response_model=AdapterGiven)
async def add_a_lora(taken: AdapterAdded) -> Response:
    """It is checked to be one before anything is copied; what it fits, the answer says."""
    return await answered(
        lambda: AdapterGiven(**asdict(add_adapter(get_runtime().settings, taken.name, taken.source))), status=201
    )


@router.delete("/adapters/{name}", summary="Take a LoRA out", response_model=AdapterRemoved)
async def remove_a_lora(name: str) -> Response:
    """Pictures painted with it stay; one that a job in the queue paints with is refused."""

    def removed() -> AdapterRemoved:
        runtime = get_runtime()
        use = remove_adapter(runtime.settings, runtime.database, name)
        return AdapterRemoved(name=name, pictures=use.pictures, told=use.sentence)

    return await answered(removed)


@router.get("/models", summary="What can paint here", response_model=ModelList)
async def list_models() -> Response:
    return await answered(lambda: convert.model_list(get_runtime()))


@router.post("/models", summary="Add a model", status_code=201, response_model=ModelGiven)
async def add(taken: ModelAdded) -> Response:
    """A folder or a repository of a pipeline that is known. Nothing is fetched, and nothing loaded."""

    def given() -> ModelGiven:
        runtime = get_runtime()
        spec = add_model(
            runtime.settings, taken.name, taken.source, steps=taken.steps, guidance=taken.guidance, side=taken.side
        )
        return convert.model_given(runtime, spec)

    return await answered(given, status=201)


@router.delete("/models/{name}", summary="Take an added model out", status_code=204, response_class=Response)
async def remove(name: str) -> Response:
    """Its weights and its pictures stay."""

    def removed() -> Response:
        runtime, spec = get_runtime(), find_model(name)
        if spec.added and runtime.tools.engine.status().model == spec.name:
            raise InputError(f"{name} is in use. Use another model first.")
        remove_model(runtime.settings, name)
        return Response(status_code=204)

    return await in_thread(removed)


@router.get("/models/{name}", summary="A model", response_model=ModelGiven)
async def get_model(name: str) -> Response:
    return await answered(lambda: convert.model_given(get_runtime(), find_model(name)))


@router.post("/models/{name}/check", summary="Ask the hub whether it may be fetched", response_model=ModelGiven)
async def check(name: str) -> Response:
    def given() -> ModelGiven:
        runtime, spec = get_runtime(), find_model(name)
        if spec.repo is not None:
            check_access(spec, runtime.settings.hf_token)
        return convert.model_given(runtime, spec)

    return await answered(given)


@router.post("/models/{name}/download", summary="Fetch its weights", status_code=202, response_model=ModelGiven)
async def download(name: str) -> Response:
    """Goes on by itself; `GET /models/{name}` says how far it is."""

    def given() -> ModelGiven:
        runtime, spec = get_runtime(), find_model(name)
        if spec.repo is None:
            raise InputError(f"{spec.title} is a folder on this machine: there is nothing to download.")
        get_shell().downloads.start(spec, runtime)
        return convert.model_given(runtime, spec)

    return await answered(given, status=202)


@router.delete("/models/{name}/download", summary="End a download", response_model=ModelGiven)
async def end_download(name: str) -> Response:
    """What has arrived is kept."""

    def given() -> ModelGiven:
        spec = find_model(name)
        if (fetch := get_shell().downloads.get(spec.name)) is not None:
            fetch.cancel.cancel()
        return convert.model_given(get_runtime(), spec)

    return await answered(given)


@router.post("/models/{name}/load", summary="Use it from now on", response_model=ModelGiven)
async def load(name: str) -> Response:
    """Answers once it is loaded; one that does not load leaves the one before."""

    def given() -> ModelGiven:
        runtime, spec = get_runtime(), find_model(name)
        get_shell().model_in_use.choose(runtime, spec.name)
        return convert.model_given(runtime, spec)

    return await answered(given)


@router.post("/models/{name}/unload", summary="Free its memory", response_model=ModelGiven)
async def unload(name: str) -> Response:
    """At once, or when the picture that is being painted is finished."""

    def given() -> ModelGiven:
        runtime, spec = get_runtime(), find_model(name)
        if runtime.tools.engine.status().model == spec.name:
            runtime.tools.engine.unload()
        return convert.model_given(runtime, spec)

    return await answered(given)
