"""Reading: from any words to a Scene, left to right, by the phrases of the lexicon.

The reader remembers what the last words were about, so that "on the left", "is red" or "with a red roof" finds its
subject. What it cannot place is kept in ``Scene.unread``, and a thing it does not know in ``Scene.unknown``.
"""

from collections.abc import Sequence

from fibo_core.writers.rules.cast import Cast
from fibo_core.writers.rules.compose import article
from fibo_core.writers.rules.lexicon import Lexicon, Match, Term, Token, tokenize
from fibo_core.writers.rules.nouns import ALL_TABLES, PICTURE_TABLES, NounPhrase, NounReader
from fibo_core.writers.rules.scene import MAX_SUBJECTS, Scene, Subject

MAX_WORDING = 6  # words that are painted without quotation marks


def read_scene(words: str, lexicon: Lexicon, about: Subject | None = None) -> Scene:
    """What the words say, as far as the lexicon understands them; any text is read, none is an error.

    ``about`` is whom they speak of from the first word on; it is the scene's first subject.
    """
    return _Reader(words, lexicon, about).read()


def wording_end(tokens: Sequence[Token], start: int, lexicon: Lexicon, *, plainly: bool = False) -> int:
    """The token after the words to be painted that begin at ``start``; ``start`` where none do.

    A quotation, capitals and numbers are such; with ``plainly`` any words are, up to a mark or a place.
    """
    if start >= len(tokens) or tokens[start].kind == "quote":
        return min(start + 1, len(tokens))
    all_loud = all(token.text.isupper() for token in tokens if token.kind == "word" and token.text.isalpha())
    end = start
    while end < len(tokens) and tokens[end].kind == "word" and not all_loud:
        if not (tokens[end].text.isupper() or tokens[end].text.isdecimal()):
            break
        end += 1
    while plainly and start + MAX_WORDING > end < len(tokens) and tokens[end].kind == "word":
        if end > start and (tokens[start].text.isupper() or lexicon.match(tokens, end, "places", "relations")):
            break
        end += 1
    return end


class _Reader:
    def __init__(self, words: str, lexicon: Lexicon, about: Subject | None):
        self.words = words
        self.lexicon = lexicon
        self.tokens = tokenize(words)
        self.nouns = NounReader(self.tokens, lexicon)
        self.about = about
        self.scene = Scene(words, [about] if about else [])
        self.cast = Cast(self.scene, lexicon)
        self.at = 0
        self.fresh = about is None  # a new clause begins here
        self.named_at = -1  # the token after the last subject's name
        self.preposition = ""
        self.lit_by = ""  # what the setting is lit by where nobody says
        self.carried = ""  # "with" or "wearing" while its list may go on: "with a red roof and …"

    def read(self) -> Scene:
        takes = (
            self._quote, self._filler, self._shadows, self._negation, self._says, self._wearing,
            self._of, self._change, self._participle, self._phrase, self._preposition, self._joint, self._action,
            self._noun,
        )  # fmt: skip
        while self.at < len(self.tokens):
            if not any(take() for take in takes):
                self._unread(1)
        scene = self.scene
        if self.lit_by:
            scene.show("lights", self.lexicon.table["lights"][self.lit_by])
        known = []
        for number, subject in enumerate(scene.subjects):
            if subject is not self.about and not subject.term and not subject.lettering:
                scene.unknown.append(subject.name)
                if subject.text:  # 'a zorgle that says "HI"' leaves what it says
                    subject.name, subject.lettering = "lettering", True
                elif self.about is None:  # a change may name what the prompt has, though the lexicon lacks it
                    continue
            known.append(number)
        scene.left_out = [scene.subjects[number].name for number in known[MAX_SUBJECTS:]]
        scene.keep_subjects(known[:MAX_SUBJECTS])
        return scene

    # Each of these reads what stands at the current token and moves on, or answers False and leaves it.

    def _quote(self) -> bool:
        return self.tokens[self.at].kind == "quote" and self._letter(self.at, self.at + 1)

    def _letter(self, start: int, end: int) -> bool:
        """The words from ``start`` to ``end`` are painted: on the last subject, or by themselves."""
        if end <= start:
            return False
        if self.cast.last is None:
            self.cast.add(Subject(name="lettering", lettering=True))
        subject = self.cast.subject()
        subject.text = f"{subject.text} {self._typed(start, end)}".strip()
        return self._move(end - self.at)

    def _filler(self) -> bool:
        length = self.lexicon.listed("fillers", self.tokens, self.at)
        match = self.lexicon.match(self.tokens, self.at, *ALL_TABLES)
        return bool(length) and not (match and match.length >= length) and self._move(length)

    def _shadows(self) -> bool:
        """ "without shadows" is a kind of light, not something that is not there."""
        match = self.lexicon.match(self.tokens, self.at, "shadows")
        return match is not None and self._show(match) and self._move(match.length)

    def _negation(self) -> bool:
        length = self.lexicon.listed("negations", self.tokens, self.at)
        return bool(length) and self._unread(max(self.nouns.read(self.at + length).end - self.at, length))

    def _says(self) -> bool:
        plainly = self.lexicon.listed("says_plainly", self.tokens, self.at)
        length = plainly or self.lexicon.listed("says", self.tokens, self.at)
        start = self.at + length
        return bool(length) and self._letter(start, wording_end(self.tokens, start, self.lexicon, plainly=plainly > 0))

    def _wearing(self) -> bool:
        length = self.lexicon.listed("wears", self.tokens, self.at)
        if not length or self.cast.last is None:
            return False
        phrase = self.nouns.read(self.at + length)
        self.cast.subject().clothing = self._text(phrase.start, phrase.end)
        self._move(phrase.end - self.at)
        self.carried = "wearing"
        return True

    def _of(self) -> bool:
        """ "a bowl of fruit": the words after "of" belong to the name just read."""
        phrase = self.nouns.read(self.at + 1)
        if self.tokens[self.at].low != "of" or self.named_at != self.at or not phrase.nouns:
            return False
        subject = self.scene.subjects[self.cast.named]
        subject.name += f" of {self._text(phrase.start, phrase.end)}"
        subject.term = subject.term or phrase.thing  # "a bunch of grapes" looks like grapes
        self._move(phrase.end - self.at)
        self.named_at = self.at
        return True

    def _change(self) -> bool:
        """ "much bigger", "darker": how what an instruction is about shall change."""
        if not self.cast.changes:
            return False
        start, lexicon, subject = self.at, self.lexicon, self.cast.subject()
        strongly = lexicon.listed("strongly", self.tokens, start)
        bigger = lexicon.listed("bigger", self.tokens, start + strongly)
        smaller = lexicon.listed("smaller", self.tokens, start + strongly)
        if bigger or smaller:
            subject.grow = (1 if bigger else -1) * (2 if strongly else 1)
            return self._move(strongly + (bigger or smaller))
        match = lexicon.match(self.tokens, start, "comparisons", *PICTURE_TABLES)
        if match and match.table == "comparisons":
            subject.tone = match.term.say
            return self._move(match.length)
        length = 0 if match else lexicon.listed("becoming", self.tokens, start)
        self.named_at = start + length if self.named_at == start else self.named_at
        return bool(length) and self._move(length)

    def _participle(self) -> bool:
        """ "made of glass", "covered in snow": a detail of the thing just named."""
        length = self.lexicon.listed("participles", self.tokens, self.at)
        end = self.nouns.read(self.at + length).end
        if not length or self.cast.last is None or end == self.at + length:
            return False
        named = self.cast.named if self.named_at == self.at else self.cast.last
        self.scene.subjects[named].details.append(self._text(self.at, end))
        return self._move(end - self.at)

    def _phrase(self) -> bool:
        """Places, relations, light, medium and whatever else stands by itself."""
        match = self.lexicon.match(self.tokens, self.at, *ALL_TABLES)
        if match is None:
            return False
        after = self.at + match.length
        if match.table == "relations":
            return self._relation(match.term, after)
        if match.table == "places":
            return self._place(match)
        phrase = self.nouns.read(self.at)
        describes = phrase.nouns and phrase.end > after  # then the noun phrase takes it along
        if match.table == "directions" or (match.table in PICTURE_TABLES and not describes):
            return self._show(match) and self._move(match.length)
        return False

    def _relation(self, relation: Term, after: int) -> bool:
        if not self.nouns.begins_at(after):
            self.cast.link_back(relation)  # "a box with a ball on top"
            return bool(self.cast.last) and self._move(after - self.at)
        self.cast.relation = relation
        self.preposition = self.tokens[self.at].low
        self.carried = ""
        self.at = after
        return True

    def _place(self, match: Match) -> bool:
        cast, after = self.cast, self.at + match.length
        leads = cast.last is None or (self.fresh and self.nouns.begins_at(after))
        (cast if leads else cast.subject()).place = match.term.key
        where = self.lexicon.match(self.tokens, after - 1, "settings")  # "in the sky"
        self.scene.settings += [where.term.say] if where and not self.scene.settings else []
        return self._move(match.length)

    def _preposition(self) -> bool:
        low = self.tokens[self.at].low
        if not self.lexicon.is_one_of(low, "inside", "prepositions", "copulas"):
            return False
        if not self.lexicon.is_one_of(low, "copulas"):
            self.preposition = low
        self.fresh = False
        self.at += 1
        return True

    def _joint(self) -> bool:
        token = self.tokens[self.at]
        if token.kind != "mark" and not self.lexicon.is_one_of(token.low, "joiners"):
            return False
        if self.cast.relation is not None and self.cast.relation.key != "between":
            self.cast.relation = None
        if token.text in ".;:":
            self.carried = ""
        self.preposition = ""
        self.fresh = True
        self.at += 1
        return True

    def _action(self) -> bool:
        """A verb and what it is done to; a known thing in it is also a subject of its own."""
        pose = self.lexicon.listed("poses", self.tokens, self.at)
        verb = self.tokens[self.at].kind == "word" and self.nouns.is_verb(self.at)
        if self.cast.last is None or self.preposition or not (verb or pose):
            return False
        if self.cast.waiting is not None:  # "under a tree sits a cat"
            return self._move(1)
        subject, start, end = self.cast.subject(), self.at, self.at + max(pose, 1)
        if pose:
            said = self._text(start, end)
            subject.pose = {"sits": "sitting", "stands": "standing", "lies": "lying"}.get(said, said)
        phrase = self.nouns.read(end)
        if not phrase.nouns and self.lexicon.listed("verbs_taking", self.tokens, end):  # "looking at the moon"
            phrase = self.nouns.read(end + 1)
        done_to = phrase.nouns and not phrase.setting
        end = phrase.end if done_to else end
        deed = self._text(start, end)
        if self.lexicon.listed("expressions", self.tokens, start):
            subject.expression = self.tokens[start].low
        felt = deed == subject.expression
        if (not pose or done_to) and not felt:
            subject.action = f"{subject.action} and {deed}" if subject.action else deed
        self._move(end - start)
        self.carried = ""
        if done_to and phrase.thing and phrase.thing is not subject.term:
            last = self.cast.last
            self.cast.name(phrase)
            self.cast.last = last
            self.named_at = self.at
        return True

    def _noun(self) -> bool:
        phrase = self.nouns.read(self.at)
        if phrase.end == self.at or self.tokens[self.at].low == "&":
            return False
        for match in phrase.picture:
            self._show(match)
        preposition, relation, carried = self.preposition, self.cast.relation, self.carried
        leads_list = carried if self.fresh else ""
        self._move(phrase.end - self.at)
        quality = self.lexicon.match(self.tokens, phrase.start, "colors", "textures")
        follows = self.named_at == phrase.start and not preposition and not phrase.determiner
        if quality and follows and quality.length == phrase.end - phrase.start:  # "the ball | orange", "it | glass"
            said = self.cast.subject()
            (said.colors if quality.table == "colors" else said.textures).append(quality.term.say)
        elif not phrase.nouns:
            self._quality(phrase)
        elif self._stands_for_known(phrase):
            self.cast.link_back(relation)
            self.named_at = self.at if self.cast.last is not None else -1
        elif phrase.setting and not phrase.count and not self.lexicon.match(self.tokens, self.at, "places"):
            self._set_scene(phrase)
            self.cast.relation = None
        elif relation is None and self.cast.last is not None and self._owns(phrase, preposition, leads_list):
            pass
        elif self.lexicon.is_one_of(preposition, "inside") and relation is None and not phrase.thing:
            self.scene.settings.append(f"{preposition} {self._text(phrase.start, phrase.end)}")
            self.scene.unknown.append(phrase.name)
        else:
            self._name(phrase, preposition)
        return True

    def _name(self, phrase: NounPhrase, preposition: str) -> None:
        cast = self.cast
        if self.lexicon.is_one_of(preposition, "inside") and cast.relation is None and cast.last is not None:
            cast.relation = self.lexicon.table["relations"]["inside"]
        subject = self.scene.subjects[cast.name(phrase)]
        self.named_at = self.at
        end = wording_end(self.tokens, self.at, self.lexicon)
        if self.lexicon.is_one_of(phrase.head, "lettering") and end > self.at:  # "the number 7", "a wooden letter A"
            subject.text = self._typed(self.at, end)
            subject.name = f"{subject.name} {subject.text}"
            subject.lettering = True
            self._move(end - self.at)

    def _stands_for_known(self, phrase: NounPhrase) -> bool:
        """ "it", "the scene": words that stand for what is known already ("a blue one" is a new thing)."""
        if self.lexicon.is_one_of(phrase.head, "pronouns"):
            return not phrase.described or self.cast.last is None
        return len(phrase.nouns) == 1 and self.lexicon.is_one_of(phrase.head, "empty_nouns")

    def _quality(self, phrase: NounPhrase) -> None:
        """Colours, sizes and the like with no thing after them belong to the subject before."""
        if any(match.table == "lights" for match in phrase.picture):
            for word in phrase.adjectives:  # "soft morning light": the word before a light says what light it is
                kind = self.lexicon.match(tokenize(f"{word} light"), 0, "lights")
                if kind and kind.length == 2:
                    self._show(kind)
        elif (phrase.picture and not phrase.described) or (phrase.determiner and phrase.end == phrase.start + 1):
            return
        elif self.cast.last is None or not (phrase.described or phrase.adjectives):
            self.scene.unread.append(self._text(phrase.start, phrase.end))
        else:
            subject = self.cast.subject()
            subject.colors += phrase.colors
            subject.textures += phrase.textures
            subject.adjectives += phrase.adjectives
            subject.shape = subject.shape or phrase.shape
            subject.size = subject.size or phrase.size
            subject.count = phrase.count or subject.count
            felt = [word for word in phrase.adjectives if self.lexicon.is_one_of(word, "expressions")]
            subject.expression = felt[0] if felt else subject.expression

    def _set_scene(self, phrase: NounPhrase) -> None:
        """The background a phrase names, in its own words or, where it says no more, in those of the lexicon."""
        setting, scene = phrase.setting, self.scene
        assert setting is not None
        typed = self._text(phrase.start, phrase.end).removeprefix(phrase.determiner).strip()
        if setting.key == "wall":
            words = [word for word in phrase.adjectives if word != "plain"]
            look = " ".join([*phrase.colors, *words]) or "light gray"
            scene.settings.append(f"a {look} wall" if phrase.textures else f"a plain {look} wall")
        elif setting.say and (typed.lower() in setting.words or phrase.picture):
            scene.settings.append(setting.say)
        else:
            alone = typed if phrase.plural else f"{article(typed)} {typed}"
            own = not setting.say or setting.key in typed.lower()
            scene.settings.append(alone if own else f"{setting.say}, {typed}")
        self.lit_by = self.lit_by or setting.light

    def _owns(self, phrase: NounPhrase, preposition: str, carried: str) -> bool:
        """Notes a part or a garment on the subject spoken of; False where the phrase is none.

        ``carried`` is the word that began a list of them: "with a red roof and a blue door".
        """
        subject, lexicon = self.cast.subject(), self.lexicon
        typed = self._text(phrase.start, phrase.end)
        part, garment = lexicon.is_one_of(phrase.head, "parts"), lexicon.is_one_of(phrase.head, "clothing")
        if preposition == "with" and lexicon.is_one_of(phrase.head, "lettering"):  # "a sign with the number 7"
            return self._letter(self.at, wording_end(self.tokens, self.at, lexicon))
        if garment and (preposition == "in" or (carried == "wearing" and not preposition)):
            subject.clothing = f"{subject.clothing} and {typed}" if subject.clothing else typed
            self.carried = "wearing"
        elif preposition == "with" and (part or not phrase.thing):
            subject.details.append(f"with {typed}")
            self.carried = "with"
        elif carried == "with" and part:
            subject.details.append(f"and {typed}")
            self.carried = "with"
        elif preposition in ("like", "as", "for", "from", "to", "about", "made"):
            subject.details.append(f"{preposition} {typed}")
        elif not preposition and part and not phrase.thing and not phrase.determiner:
            subject.details.append(f"with {typed}")  # "black cat, yellow eyes"
        else:
            return False
        return True

    def _show(self, match: Match) -> bool:
        self.scene.show(match.table, match.term)
        return True

    def _text(self, start: int, end: int) -> str:
        text = self._typed(start, end)
        return text.lower() if text.isupper() else text

    def _typed(self, start: int, end: int) -> str:
        """Exactly what was typed, with single spaces; without its marks where it is one quotation."""
        if end <= start:
            return ""
        if end == start + 1 and self.tokens[start].kind == "quote":
            return self.tokens[start].text
        return " ".join(self.words[self.tokens[start].start : self.tokens[end - 1].end].split())

    def _unread(self, length: int) -> bool:
        self.scene.unread.append(self._text(self.at, self.at + length))
        return self._move(length)

    def _move(self, length: int) -> bool:
        self.at += length
        self.fresh = False
        self.preposition = ""
        return True
