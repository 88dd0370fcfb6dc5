"""RenderSettings: how to paint, apart from prompt and seed, with the model's defaults where nothing else is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from fibo_core.engine.adapters import asked_of
from fibo_core.engine.imported import ImportedRequest
from fibo_core.engine.request import GenerationRequest
from fibo_core.limits import check_guidance, check_size, check_steps
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.structured_prompt import StructuredPrompt


@dataclass(frozen=True)
class RenderSettings:
    """How to paint, apart from prompt and seed: what a form's settings or a command line's options say.

    ``negative_prompt`` is the user's; "" lets the model's default apply. ``adapters`` are as a user asks
    for them, such as "sepia:0.8".
    """

    model: str
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str = ""
    adapters: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        *,
        aspect: str = "1:1",
        size: tuple[int, int] | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str = "",
        adapters: Sequence[str] = (),
    ) -> "RenderSettings":
        """The model's defaults with what is given laid over. Raises InputError for what no picture can have."""
        width, height = spec.size(aspect) if size is None else size
        steps = spec.num_inference_steps if num_inference_steps is None else num_inference_steps
        guidance = spec.guidance_scale if guidance_scale is None else guidance_scale
        check_size(width, height)
        check_steps(steps)
        check_guidance(guidance)
        return cls(
            model=spec.name,
            width=width,
            height=height,
            num_inference_steps=steps,
            guidance_scale=guidance,
            negative_prompt=negative_prompt,
            adapters=tuple(adapters),
        )

    @classmethod
    def like(cls, request: GenerationRequest, spec: ModelSpec) -> "RenderSettings":
        """What ``request`` was painted with; on another model its nearest shape and that model's defaults."""
        if isinstance(request, ImportedRequest) or request.model != spec.name:
            return cls.of(spec, aspect=spec.nearest_aspect(request.width, request.height))
        return cls.of(
            spec,
            size=(request.width, request.height),
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            negative_prompt="" if spec.fixed_negative is not None else request.negative_prompt,
            adapters=asked_of(request.adapters),
        )

    def request(
        self, prompt: StructuredPrompt, seed: int, revision: str, adapters: tuple[str, ...] = ()
    ) -> GenerationRequest:
        """The request for one picture, with the negative prompt the model is really given; ``revision`` and
        ``adapters`` are as the engine tells them."""
        spec = find_model(self.model)
        if spec.fixed_negative is not None:
            negative = spec.fixed_negative
        else:
            negative = self.negative_prompt.strip() or spec.family.default_negative(prompt)
        return GenerationRequest(
            prompt=prompt,
            negative_prompt=negative,
            seed=seed,
            width=self.width,
            height=self.height,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            model=spec.name,
            revision=revision,
            adapters=adapters,
            family=spec.family.name,
        )
