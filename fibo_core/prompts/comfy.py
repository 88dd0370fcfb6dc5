"""ComfyUI's graphs: from the node that samples back to the words, the seed and the size it was given.

A picture carries two: `prompt`, the graph that was run (inputs by name), and `workflow`, the one that was drawn (values
in the order of a node's widgets). The first says all; the second is read where a program has dropped the first.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Node = dict[str, Any]  # its inputs: a value, or a link (node, output) to another node
Link = tuple[str, int]

#: Which of the widgets of common nodes hold what, in the order in which they stand.
_WIDGETS: Mapping[str, tuple[str, ...]] = {
    "KSampler": ("seed", "", "steps", "cfg"),
    "KSamplerAdvanced": ("", "noise_seed", "", "steps", "cfg"),
    "CLIPTextEncode": ("text",),
    "EmptyLatentImage": ("width", "height"),
    "EmptySD3LatentImage": ("width", "height"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "RandomNoise": ("noise_seed",),
    "BasicScheduler": ("", "steps"),
    "FluxGuidance": ("guidance",),
    "PrimitiveNode": ("value",),
}
_TEXTS = ("text", "t5xxl", "text_g", "prompt", "positive", "clip_l", "text_l", "string", "value")
_SETTINGS = {
    "seed": ("seed", "noise_seed"),
    "steps": ("steps",),
    "cfg": ("cfg", "guidance"),
    "width": ("width",),
    "height": ("height",),
    "model": ("ckpt_name", "unet_name", "model_name"),
}
_SAMPLES = {"seed", "noise_seed", "noise", "sigmas", "steps"}  # a node that samples has one of these
_NO_WORDS = ("negative", "clip", "vae", "model", "image", "control_net", "latent_image", "samples")


def read_graph(prompt: Mapping[str, Any], workflow: Mapping[str, Any]) -> dict[str, Any]:
    """`words` and what is known of seed, steps, cfg, width, height and model; {} where no node samples from words."""
    nodes = _nodes_run(prompt) or _nodes_drawn(workflow)
    samplers = []
    for inputs in nodes.values():
        if not _SAMPLES & inputs.keys():
            continue
        samplers.append(inputs)
        starts = [inputs[name] for name in ("positive", "guider", "conditioning") if name in inputs]
        words = ", ".join(dict.fromkeys(text for start in starts for text in _words(start, nodes)))
        if words:
            return {"words": words, **_settings(inputs, nodes)}
    texts = [inputs["text"] for inputs in nodes.values() if isinstance(inputs.get("text"), str)]
    if samplers and len(texts) == 1:  # they hang together in a way that is not known here, and there is one candidate
        return {"words": texts[0], **_settings(samplers[0], nodes)}
    return {}


def _nodes_run(prompt: Mapping[str, Any]) -> dict[str, Node]:
    nodes = {}
    for id, node in prompt.items():
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict) and "class_type" in node:
            nodes[id] = {name: _link(value) or value for name, value in node["inputs"].items()}
    return nodes


def _nodes_drawn(workflow: Mapping[str, Any]) -> dict[str, Node]:
    given, links = workflow.get("nodes"), workflow.get("links")
    if not isinstance(given, list) or not isinstance(links, list):
        return {}
    outputs = {link[0]: (str(link[1]), 0) for link in links if isinstance(link, list) and len(link) > 2 and link[0]}
    nodes: dict[str, Node] = {}
    for node in given:
        if not isinstance(node, dict) or node.get("mode") in (2, 4):  # muted, bypassed
            continue
        values = node.get("widgets_values")
        names = _WIDGETS.get(str(node.get("type")), ())
        inputs: Node = dict(values) if isinstance(values, dict) else {}
        if isinstance(values, list):
            inputs |= {name: value for name, value in zip(names, values, strict=False) if name}
        slots = node.get("inputs")
        for slot in slots if isinstance(slots, list) else []:
            if isinstance(slot, dict) and isinstance(slot.get("link"), int) and slot["link"] in outputs:
                inputs[str(slot.get("name"))] = outputs[slot["link"]]
        nodes[str(node.get("id"))] = inputs
    return nodes


def _link(value: Any) -> Link | None:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int):
        return str(value[0]), value[1]
    return None


def _words(start: Any, nodes: Mapping[str, Node]) -> Iterator[str]:
    """The texts on the way back from an input, nearest first."""
    if isinstance(start, str):
        yield start.strip()
        return
    for inputs in _upstream(start, nodes, without=_NO_WORDS):
        text = next((inputs[name] for name in _TEXTS if isinstance(inputs.get(name), str) and inputs[name].strip()), "")
        if text:
            yield text.strip()


def _settings(sampler: Node, nodes: Mapping[str, Node]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    reached = [
        sampler,
        *(node for value in sampler.values() for node in _upstream(value, nodes, without=("negative",))),
    ]
    for inputs in reached:
        for name, keys in _SETTINGS.items():
            for key in keys:
                value = inputs.get(key)
                if isinstance(value, tuple):  # from a node of its own
                    value = next(iter(nodes.get(value[0], {}).values()), None)
                if isinstance(value, int | float | str) and not isinstance(value, bool):
                    found.setdefault(name, value)
    return found


def _upstream(start: Any, nodes: Mapping[str, Node], without: tuple[str, ...]) -> Iterator[Node]:
    """The node a link leads to, and those it is made from, each once, nearest first; not by the inputs named."""
    waiting, seen = [start], set()
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, tuple) or link[0] in seen or link[0] not in nodes:
            continue
        seen.add(link[0])
        yield nodes[link[0]]
        waiting += [value for name, value in nodes[link[0]].items() if name not in without]
