"""Counting: how many of a thing a prompt shows, made more or fewer."""

import re
from copy import deepcopy

from fibo_core.writers.rules.arrange import arrange
from fibo_core.writers.rules.compose import MAX_SINGLED_OUT, NUMBERS, article, beside_others
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.mentions import Mention, find_mentions
from fibo_core.writers.rules.staging import remove
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Target, field_text, objects_of

MAX_COUNT = 999


def count(draft: Draft, step: Step, found: list[Target]) -> None:
    """Shows as many of the found objects as a step says: few of them as objects of their own, many as one cluster."""
    shown = sum(_number(draft, target) for target in found)
    wanted = step.count if step.count is not None else round(shown * step.factor) if step.factor else shown + step.more
    wanted = min(max(wanted, 0), MAX_COUNT)
    name = found[0].name
    if wanted == shown:
        said = f"is already one {name}" if shown == 1 else f"are already {_say(shown)} {draft.lexicon.plural(name)}"
        draft.notes.append(f"There {said}.")
        return
    if wanted == 0:
        remove(draft, found)
        return
    others = len(objects_of(draft.document)) - len(found)
    before = _mentions(draft, found)
    if wanted + others <= MAX_SINGLED_OUT:
        _spread(draft, found, wanted)
    else:
        _gather(draft, found, wanted)
    _say_so(draft, found[0], before, wanted)


def _number(draft: Draft, target: Target) -> int:
    number = draft.entry(target).get("number_of_objects")
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 1


def _say(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def _spread(draft: Draft, found: list[Target], wanted: int) -> None:
    """One object each: the first ones stay, new ones are copies of the last with places of their own."""
    objects = draft.document["objects"]
    first = draft.entry(found[0])
    if first.pop("number_of_objects", None) is not None:
        first["description"] = _renumbered(field_text(first, "description"), found[0], 1, draft.lexicon)
    gone = sorted((target.index for target in found[wanted:]), reverse=True)
    for index in gone:
        del objects[index]
    model = draft.entry(found[min(len(found), wanted) - 1])
    for _ in range(wanted - len(found)):
        added = deepcopy(model)
        number = len(objects_of(draft.document))
        cell = arrange([number], draft.cells(), [])[number]
        added["location"] = draft.place_at(cell).key
        objects.append(added)
    for entry in draft.entries():
        relationship = field_text(entry, "relationship")
        if not relationship or relationship in (beside_others(n) for n in range(3)):
            entry["relationship"] = beside_others(len(draft.entries()) - 1)
    draft.remember(draft.targets()[-1:] if wanted > len(found) else found[:wanted])


def _gather(draft: Draft, found: list[Target], wanted: int) -> None:
    """One object that is a cluster of them all."""
    entry = draft.entry(found[0])
    entry["description"] = _renumbered(field_text(entry, "description"), found[0], wanted, draft.lexicon)
    entry["number_of_objects"] = wanted
    for target in sorted(found[1:], key=lambda target: -target.index):
        del draft.document["objects"][target.index]
    draft.remember(found[:1])


def _mentions(draft: Draft, found: list[Target]) -> list[Mention]:
    """Where the short description speaks of the things that are counted, the last first."""
    spans: dict[int, Mention] = {}
    for target in found:
        for mention in draft.summary.mentions(target, draft.entry(target), several=True):
            spans[mention.first] = mention
    return [spans[first] for first in sorted(spans, reverse=True)]


def _say_so(draft: Draft, target: Target, mentions: list[Mention], wanted: int) -> None:
    text = draft.summary.text
    if len(mentions) == 1:
        place = mentions[0].place
        if place is not None:  # they do not all stand there any more
            text = text[: place.start].rstrip() + text[place.end :]
        draft.summary.text = _recount(text, mentions[0], wanted, draft.lexicon)
    else:
        name = target.name if wanted == 1 else draft.lexicon.plural(target.name)
        draft.summary.say_more(f", {_say(wanted)} {name} in all")


def _renumbered(text: str, target: Target, wanted: int, lexicon: Lexicon) -> str:
    for mention in find_mentions(text, target.names, lexicon)[:1]:
        return _recount(text, mention, wanted, lexicon)
    return text


def _recount(text: str, mention: Mention, wanted: int, lexicon: Lexicon) -> str:
    """The text with another number before the mention, and its name in the number that goes with it."""
    *before, last = text[mention.noun : mention.end].split()
    one = lexicon.singular(last.lower()) if mention.plural else last
    noun = one if wanted == 1 else last if mention.plural else lexicon.plural(last)
    rest = " ".join([text[mention.qualities : mention.noun].strip(), *before, noun]).strip()
    number = article(rest) if wanted == 1 else _say(wanted)
    if re.match(r"[A-Z]", text[mention.first :]) and mention.first == 0:
        number = number.capitalize()
    return f"{text[: mention.first]}{number} {rest}{text[mention.end :]}"
