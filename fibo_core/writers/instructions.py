"""What a language model is told: who it is, and each task, in this project's own wording.

The form of the answer is not described here: it goes along as a schema made from `caption_schema`.
"""

from collections.abc import Sequence

from fibo_core.prompts.caption_schema import MAX_OBJECTS, MAX_STYLE_WORDS, MAX_SUMMARY_WORDS

SYSTEM = f"""\
You write picture descriptions for FIBO, a text-to-image model that paints from one structured JSON document and \
knows nothing but what stands in it. Answer with that one JSON object and no other word.

How to write it:
- In English, whatever the language you are asked in. Only wording that is to be read in the picture keeps its language.
- Say what can be seen. Be definite: "three ripe pears on a chipped blue plate", not "some fruit". No "or", no "maybe".
- All parts describe one and the same picture: what is night in one part is not noon in another.
- short_description tells the whole picture in at most {MAX_SUMMARY_WORDS} words.
- objects holds the main subjects, the most important first, at most {MAX_OBJECTS}; alike things that stand together \
are one entry with number_of_objects. What lies behind them belongs to background_setting.
- location and direction are given as the viewer sees them; a person's own body parts as the person has them: a left \
hand is the person's left.
- pose, expression, clothing, action, gender and skin_tone_and_texture are for people (clothing and action for animals \
or figures too, where they have them). Elsewhere they are null.
- photographic_characteristics suit the medium. In a painting or a drawing they describe the view.
- text_render is an empty list unless words are asked for or can be read in the given picture; then each is spelled \
exactly.
- artistic_style has at most {MAX_STYLE_WORDS} words. context says what such a picture is for.
- A real person is named only where the request names them."""

SYSTEM_VALUES = """\
You know how pictures are described for FIBO, a text-to-image model that paints from one structured JSON document. You \
are asked for values of one place in such a document: the same picture is painted once with each of them, so that they \
can be compared. Answer with one JSON object, {"values": ["…", "…"]}, and no other word.

How to write a value:
- In English, short, in the style of what stands there now, and complete: it takes that place as it is.
- Say what can be seen. Be definite: no "or", no "such as", no number before it.
- The values differ clearly from one another and from what stands there now."""

_EXPAND = """\
Write the description of a picture from this idea. Keep everything it says; what it leaves open, choose as a good \
photographer or illustrator would, fitting the idea.

The idea:
{words}"""

_REFINE = """\
Here is the description of a picture, and a change that is wanted. Make the change, and what must change with it so \
that the picture stays true to itself (its short_description, above all). Everything else stays word for word, in the \
same order: no improvement, no rephrasing, no new detail. Keys that are missing now stay null unless the change is \
about them.

The description:
{prompt}

The change:
{instruction}"""

_SUGGEST = """\
Here is the description of a picture. Write {count} values for {path} in it.{others}{wish}

The description:
{prompt}"""

_SEEN = """

The picture that was painted from this description is given too. Use it to understand what the change refers to, \
where the description leaves that open; it is no reason to describe anything anew."""

_DESCRIBE = """\
Describe the given picture so that it could be painted again from your words alone: its subjects and where they stand, \
the place, the light and where it comes from, colours, composition, point of view, medium and style. Describe what is \
there; do not name people you recognise."""

_COMBINE = """\
{count} pictures are given. Describe one new picture that belongs with them. What they have in common comes first: \
light, palette, mood, medium, style, the kind of place and of subject. Where they differ the first one, the main one, \
decides: it says what is shown and how it is composed, and the others lend their colours, surfaces and light. It is \
one scene seen at one moment: no collage, no view side by side, and no word about the given pictures. Do not name \
people you recognise."""

_WISH = """

It is changed by the wish below, which comes before everything in the pictures.

The wish:
{hint}"""

_REIMAGINE = """\
Take the given picture as the starting point and describe a new one, changed by the wish below. The wish comes first; \
whatever it leaves open, such as subjects, composition, light, colours, medium and style, is as in the given picture.

The wish:
{hint}"""


_NUMBERS = {2: "Two", 3: "Three", 4: "Four"}


def expand(words: str) -> str:
    """The task of making a whole prompt from a short idea."""
    return _EXPAND.format(words=words)


def refine(prompt: str, instruction: str, *, with_picture: bool) -> str:
    """The task of changing a prompt (as JSON) as instructed and nowhere else."""
    return _REFINE.format(prompt=prompt, instruction=instruction) + (_SEEN if with_picture else "")


def suggest(prompt: str, path: str, there: Sequence[str], wish: str, count: int) -> str:
    """The task of finding values for one place of a prompt (as JSON), other than those that are there."""
    others = f" Others than: {'; '.join(there)}." if there else ""
    wished = f"\nWhat is wished for: {wish}" if wish.strip() else ""
    return _SUGGEST.format(prompt=prompt, path=path, others=others, wish=wished, count=count)


def inspire(hint: str, count: int) -> str:
    """The task of writing down the given picture, or a new one that follows it as the hint says; of several, that of
    one new picture that belongs with them."""
    if count > 1:
        return _COMBINE.format(count=_NUMBERS[count]) + (_WISH.format(hint=hint) if hint else "")
    return _REIMAGINE.format(hint=hint) if hint else _DESCRIBE
