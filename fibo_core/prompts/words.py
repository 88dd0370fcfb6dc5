"""Typed words as a writer is to be given them: without what other programs' users write between them.

Weights, brackets, LoRA tags and flags are signs that FIBO does not read; settings among the words (`--ar 16:9`,
"Steps: 20, Seed: 5", "Negative prompt: …") are for the fields of a form, and are offered to them. Nothing is left out
unsaid. Wildcards stay: `wildcards.py` reads them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fibo_core.limits import SEED_MAX, STEPS_MAX, STEPS_MIN
from fibo_core.prompts.color_codes import CODE, name_color_code
from fibo_core.prompts.emphasis import QUOTED, without_emphasis
from fibo_core.prompts.flags import without_flags
from fibo_core.prompts.foreign import ForeignRecipe, recipe_of_settings
from fibo_core.prompts.mend import holds_caption
from fibo_core.prompts.wildcards import looks_like_json

NAMED = 8  #: pieces that a note names
PIECE_SHOWN = 60  #: characters of each

_PAIR = r'[A-Z][\w \-/]{0,40}:[ \t]*(?:"(?:\\.|[^\\"\n])*"|[^,\n]*)'
_PAIRS = re.compile(_PAIR, re.IGNORECASE)
_SETTINGS = re.compile(
    r"(?:(?<=[\s,;.])|^)(?:(?:steps|seed|cfg[ _]scale)[ \t]*:[ \t]*-?\d[\d.]{0,20}"
    r"|size[ \t]*:[ \t]*\d{1,5}[ \t]*[x×][ \t]*\d{1,5})"
    rf"(?=[ \t]*(?:[,;\n]|$|Negative prompt))(?:[ \t]*[,;\n]\s*(?!Negative prompt){_PAIR})*",
    re.IGNORECASE,
)
_TAGS = re.compile(
    r"<(?!https?:|ftp:|mailto:)[A-Za-z_]{2,20}:[^<>\n]{1,200}>"  # <lora:x:0.8>
    r"|\bembedding:[\w.-]{1,100}"  # ComfyUI's
    r"|(?<![A-Z] )(?<!\w)(?:BREAK|ADDCOMM|ADDBASE|ADDCOL|ADDROW)(?!\w)(?! [A-Z]{2})"  # not of "COFFEE BREAK"
)
_NEGATIVE = re.compile(r"(?:(?<=[\s,;.])|^)negative[ _]prompts?\s*:", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:positive )?prompt\s*:\s*", re.IGNORECASE)
_PARTS = re.compile(r"(?P<word>\b[\w-]{1,40})::(?:-?\d{1,3}(?:\.\d{1,4})?)?(?=\s|$)")  # Midjourney's "hot:: dog::2"


@dataclass(frozen=True)
class TypedWords:
    """What somebody typed. ``words`` are for a writer; ``notes`` say, a sentence each, what was left out or read
    otherwise; ``recipe`` holds the settings that stood among the words, None where none did."""

    words: str
    notes: tuple[str, ...] = ()
    recipe: ForeignRecipe | None = None

    @property
    def settings(self) -> str:
        """ "seed 5, 16:9, negative prompt “blurry”": what was found among the words, "" where nothing was."""
        if self.recipe is None:
            return ""
        negative = [f"negative prompt “{_short(self.recipe.negative_words)}”"] if self.recipe.negative_words else []
        return ", ".join([part for part in (self.recipe.settings(), *negative) if part])


def read_words(text: str) -> TypedWords:
    """Reads what somebody typed; never raises. JSON is left as it is.

    Where nothing is to be left out, the words are those typed, to the letter.
    """
    if looks_like_json(text) or holds_caption(text):
        return TypedWords(text)
    lines: list[str] = []
    rest = _outside_quotes(_SETTINGS, text, lambda match: _taken(lines, match[0]))
    rest, flags = without_flags(rest)
    tags: list[str] = []
    rest = _outside_quotes(_TAGS, rest, lambda match: _taken(tags, match[0]))
    rest, negative = _without_negative(rest)
    if lines or flags or negative or (_LABEL.match(rest) and "ositive" in rest[:10]):
        rest = _LABEL.sub("", rest)
    rest, emphasis = without_emphasis(rest)
    negative, _ = without_emphasis(negative)
    rest = _outside_braces(_PARTS, rest, lambda match: _taken(emphasis, match[0], match["word"] + ","))
    colors: dict[str, str] = {}
    rest = _outside_quotes(CODE, rest, lambda match: _color(colors, match))
    words = text if rest == text else _tidied(rest)
    negative = ", ".join(part for part in (_tidied(negative), flags.negative) if part)
    recipe, left = _recipe([*lines, *flags.settings], negative, flags.aspect)
    notes = (
        *_note("Weights and brackets are left out, and their words stay", emphasis),
        *_note("Left out, as FIBO does not read it", [*tags, *flags.unread, *left]),
        *(f"{code} is read as {name}." for code, name in colors.items()),
    )
    return TypedWords(words, notes, recipe)


def _without_negative(text: str) -> tuple[str, str]:
    match = _NEGATIVE.search(text)
    return (text, "") if match is None else (text[: match.start()], text[match.end() :])


def _recipe(lines: list[str], negative: str, aspect: str) -> tuple[ForeignRecipe | None, list[str]]:
    """The settings that a form has a field for, and the others as they were typed."""
    line = ", ".join(lines)
    said = recipe_of_settings("", negative, line)
    seed = said.seed if said.seed is not None and said.seed <= SEED_MAX else None
    steps = said.steps if said.steps is not None and STEPS_MIN <= said.steps <= STEPS_MAX else None
    recipe = ForeignRecipe("", "", negative, seed, said.width, said.height, steps, aspect="" if said.width else aspect)
    offered = {"seed": seed, "steps": steps, "size": said.width, "width": said.width, "height": said.height}
    left = [pair for pair in _PAIRS.findall(line) if offered.get(pair.split(":")[0].strip().lower()) is None]
    return (None if recipe == ForeignRecipe("", "") else recipe), left


def _taken(found: list[str], said: str, instead: str = " ") -> str:
    found.append(said.strip())
    return instead


def _color(found: dict[str, str], match: re.Match[str]) -> str:
    name = name_color_code(match)
    if name is None:
        return match[0]
    found[match[0]] = name
    return name


def _outside_quotes(pattern: re.Pattern[str], text: str, replace: Callable[[re.Match[str]], str]) -> str:
    """``text`` with what ``pattern`` finds replaced, but for what stands between quotation marks."""
    return _outside(QUOTED, pattern, text, replace)


def _outside_braces(pattern: re.Pattern[str], text: str, replace: Callable[[re.Match[str]], str]) -> str:
    return _outside(rf"{QUOTED}|\{{[^{{}}]*\}}", pattern, text, replace)


def _outside(kept: str, pattern: re.Pattern[str], text: str, replace: Callable[[re.Match[str]], str]) -> str:
    pieces, position = [], 0
    for span in re.finditer(kept, text):
        pieces += [pattern.sub(replace, text[position : span.start()]), span[0]]
        position = span.end()
    return "".join((*pieces, pattern.sub(replace, text[position:])))


def _tidied(text: str) -> str:
    """Without the commas and blanks that nothing stands between any more."""
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = re.sub(r"(?: ?\n){3,}", "\n\n", text)
    text = re.sub(r"\s*,(?:\s*,)+", ",", text)
    text = re.sub(r"\s+([,.;])", r"\1", text)
    return text.strip(" \t\n,;")


def _note(what: str, pieces: list[str]) -> list[str]:
    named = [_short(piece) for piece in dict.fromkeys(pieces)]
    if not named:
        return []
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return [f"{what}: {', '.join(named[:NAMED])}{more}."]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= PIECE_SHOWN else text[: PIECE_SHOWN - 1] + "…"
