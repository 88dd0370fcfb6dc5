"""The prompt writer that needs nothing: rules and a lexicon, no model, no key, no network.

It reads words into a scene and composes the scene into a prompt; the rules live in `rules/`. The same words always
give the same prompt.
"""

from collections.abc import Sequence

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.errors import InputError
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import OnTokens, WrittenPrompt
from fibo_core.writers.languages import is_english
from fibo_core.writers.rules.compose import compose
from fibo_core.writers.rules.edits import edit
from fibo_core.writers.rules.lexicon import load_lexicon
from fibo_core.writers.rules.picture import describe_pictures, hinted_colors
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.scene import MAX_SUBJECTS, Scene, unknown_note
from fibo_core.writers.rules.steps import is_instruction
from fibo_core.writers.values import from_vocabulary, stands_at

ENGLISH_ONLY = "The offline writer reads English: of other languages it keeps the words, and understands none."
MAX_WORDS_CHARS = 4_000  # FIBO reads 3,000 tokens of JSON; the words stand in it at least twice


class OfflineWriter:
    """Implements PromptWriter by rules; deterministic, immediate, safe to share between threads."""

    name = "offline"
    about = "written by rules, offline"

    def expand(
        self,
        words: str,
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A complete prompt of any words; what is not understood stays in short_description, and a note says so.

        Raises InputError for no words at all and for more than MAX_WORDS_CHARS characters.
        """
        words = _checked(words, "The words are", "Say what the picture should show")
        scene = read_scene(words, load_lexicon())
        if cancel is not None:
            cancel.check()
        document = compose(scene, load_lexicon())
        return WrittenPrompt(StructuredPrompt.from_dict(document), self.name, notes=(*_language(words), *_notes(scene)))

    def refine(
        self,
        prompt: StructuredPrompt,
        instruction: str,
        *,
        picture: Image.Image | None = None,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """The prompt changed where the instruction names it; unknown keys, order and scores stay.

        What is not understood is added to short_description in the user's words, and a note says so. Raises
        InputError for an empty instruction and for one of more than MAX_WORDS_CHARS characters.
        """
        instruction = _checked(instruction, "The instruction is", "Say what should change")
        document = prompt.document
        notes = [*_language(instruction), *edit(document, instruction, load_lexicon())]
        if cancel is not None:
            cancel.check()
        return WrittenPrompt(StructuredPrompt.from_dict(document), self.name, notes=tuple(notes))

    def inspire(
        self,
        pictures: Sequence[Image.Image],
        hint: str = "",
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A prompt for a picture like this one: its colours, its light and its setting. Of several, the colours of
        all, the light that they share, and the setting of the first.

        The hint names the things in it ("a red ball") or bends it ("at night"), and may end with its colours ("colors:
        coral, gold"). Notes say what was seen and what is a guess. Raises PictureError for a picture that cannot be
        read, InputError for a hint of more than MAX_WORDS_CHARS characters.
        """
        lexicon = load_lexicon()
        hint = _checked(hint, "The hint is", "Say what it shows") if hint.strip() else ""
        hint, colors = hinted_colors(hint)
        scene, context, notes = describe_pictures(pictures, lexicon, colors)
        if cancel is not None:
            cancel.check()
        instructs = bool(hint) and is_instruction(hint, lexicon)
        if hint and not instructs:
            said = read_scene(hint, lexicon)
            seen = scene.words.replace(f", with {scene.settings[0]} behind", "") if said.settings else scene.words
            said.words = f"{seen}. {hint[:1].upper()}{hint[1:]}"
            said.settings = said.settings or scene.settings
            said.shown = scene.shown | said.shown
            scene, notes = said, [*_language(hint), *notes, *_notes(said)]
        document = compose(scene, lexicon)
        document["context"] = context
        if instructs:
            notes += edit(document, hint, lexicon)
        return WrittenPrompt(StructuredPrompt.from_dict(document), self.name, notes=tuple(notes))

    def suggest_values(
        self,
        prompt: StructuredPrompt,
        path: str,
        wish: str,
        count: int,
        *,
        without: Sequence[str] = (),
        cancel: CancelFlag | None = None,
    ) -> tuple[str, ...]:
        """Usual values, those with a word of the wish first; there may be fewer."""
        return from_vocabulary(path, wish, count, without, stands_at(prompt, path))


def _checked(text: str, what: str, advice: str) -> str:
    """The text with its whitespace made single. Raises InputError where it is empty or too long."""
    text = " ".join(text.split())
    if not text:
        raise InputError(f'{what} empty. {advice}, such as "a red ball on the left".')
    if len(text) > MAX_WORDS_CHARS:
        raise InputError(
            f"{what} {len(text):,} characters long, and at most {MAX_WORDS_CHARS:,} are read. Say it shorter."
        )
    return text


def _language(text: str) -> tuple[str, ...]:
    return () if is_english(text) else (ENGLISH_ONLY,)


def _notes(scene: Scene) -> tuple[str, ...]:
    notes = []
    if scene.unread:
        shown = ", ".join(f'"{words}"' for words in dict.fromkeys(scene.unread) if any(c.isalnum() for c in words))
        if shown:
            notes.append(f"Not understood, kept in the short description: {shown}.")
    if scene.left_out:
        notes.append(
            f"More than {MAX_SUBJECTS} things: {len(scene.left_out)} of them stand in the short description only."
        )
    if scene.unknown:
        notes.append(unknown_note(scene.unknown))
    return tuple(notes)
