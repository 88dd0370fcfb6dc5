"""Instructions: "make the ball green and move it to the right" split into steps, each with what it touches and says."""

from fibo_core.writers.rules.lexicon import Lexicon, Token, tokenize
from fibo_core.writers.rules.nouns import NounPhrase, NounReader
from fibo_core.writers.rules.step_reader import read_step
from fibo_core.writers.rules.steps import ONLY_FIRST, VERBS, Step


def read_steps(instruction: str, lexicon: Lexicon) -> list[Step]:
    """The steps of an instruction, in order; one that is not understood has no target and says nothing."""
    steps: list[Step] = []
    carried: list[NounPhrase] = []
    kind = carried_words = ""
    for start, end in _split(instruction, lexicon):
        step = read_step(instruction[start:end], kind, lexicon)
        kind = step.kind if step.kind in ("add", "remove", "move", "change") else ""
        if carried and step.target != "named":  # a name of which nothing was said after all
            steps.append(Step("change", carried_words))
        step.phrases = carried + step.phrases if step.target == "named" else step.phrases
        carried = []
        new = step.kind == "move" and any(p.determiner in ("a", "an") or p.count for p in step.phrases)
        if step.target == "named" and step.kind in ("change", "move") and not (step.says_something or new):
            carried_words = step.words
            carried = step.phrases  # "the ball | and the box green"
            continue
        steps.append(step)
    if carried:
        steps.append(Step("change", carried_words))
    return steps


def is_instruction(text: str, lexicon: Lexicon) -> bool:
    """Whether a text begins with a verb that asks for a change ("make it night")."""
    tokens = tokenize(text)
    return bool(tokens) and tokens[0].low not in ONLY_FIRST and any(lexicon.listed(k, tokens, 0) for k in VERBS)


def _split(text: str, lexicon: Lexicon) -> list[tuple[int, int]]:
    """Where the steps of a text begin and end: before a verb, or "the …" that has more said of it."""
    tokens = tokenize(text)
    nouns = NounReader(tokens, lexicon)
    starts = [0]
    for at in range(1, len(tokens)):
        before = tokens[at - 1]
        if not (before.kind == "mark" or before.low in lexicon.grammar.joiners):
            continue
        again = tokens[at].low == tokens[0].low in ("no", "without")  # "no ball, no box"
        carries_on = tokens[at].low in ONLY_FIRST and not again
        verb = any(lexicon.listed(kind, tokens, at) for kind in VERBS) and not carries_on
        light = before.kind == "mark" and lexicon.match(tokens, at, "lights", "shadows", "directions")
        if verb or light or _speaks_of(tokens, at, nouns, lexicon):
            starts.append(tokens[at].start)
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _speaks_of(tokens: list[Token], at: int, nouns: NounReader, lexicon: Lexicon) -> bool:
    if lexicon.listed("it", tokens, at):
        return True
    if tokens[at - 1].kind == "mark":  # "man on the left, woman on the right"
        phrase = nouns.read(at)
        if phrase.thing and not phrase.determiner and lexicon.match(tokens, phrase.end, "places"):
            return True
    if tokens[at].low != "the" or lexicon.match(tokens, at + 1, "places", "lights"):
        return False
    end = nouns.read(at).end
    if any(_says_how(tokens, word, lexicon) == end - word for word in range(at + 2, end)):
        return True  # "the box | darker"
    return end > at + 1 and end < len(tokens) and tokens[end].kind == "word"


def _says_how(tokens: list[Token], at: int, lexicon: Lexicon) -> int:
    """How many words at ``at`` say how a thing shall look: a colour, or a comparison."""
    match = lexicon.match(tokens, at, "comparisons", "colors")
    return match.length if match else max(lexicon.listed(name, tokens, at) for name in ("bigger", "smaller"))
