"""Reading: from any words to a Scene, left to right, by the phrases of the lexicon.

The reader remembers what the last words were about, so that "on the left", "is red" or "with a red roof" finds its
subject. What it cannot place is kept in ``Scene.unread``, never dropped.
"""

from fibo_core.writers.rules.cast import Cast
from fibo_core.writers.rules.lexicon import Lexicon, Match, Relation, tokenize
from fibo_core.writers.rules.meanings import own, own_more, set_scene, show, show_light_quality
from fibo_core.writers.rules.nouns import ALL_TABLES, PICTURE_TABLES, NounPhrase, NounReader
from fibo_core.writers.rules.scene import Link, Scene, Subject
from fibo_core.writers.rules.wording import wording_end


def read_scene(words: str, lexicon: Lexicon) -> Scene:
    """What the words say, as far as the lexicon understands them; any text is read, none is an error."""
    return _Reader(words, lexicon).read()


class _Reader:
    def __init__(self, words: str, lexicon: Lexicon):
        self.words = words
        self.lexicon = lexicon
        self.tokens = tokenize(words)
        self.nouns = NounReader(self.tokens, lexicon)
        self.scene = Scene(words)
        self.cast = Cast(self.scene, lexicon)
        self.at = 0
        self.fresh = True  # a new clause begins here
        self.named_at = -1  # the token after the last subject's name
        self.preposition = ""
        self.carried = ""  # "with" or "wearing" while its list may go on: "with a red roof and …"

    def read(self) -> Scene:
        while self.at < len(self.tokens):
            for take in (
                self._quote, self._filler, self._shadowless, self._negation, self._says, self._wearing,
                self._style_of, self._of, self._participle, self._phrase, self._preposition, self._joint,
                self._action, self._noun,
            ):  # fmt: skip
                if take():
                    break
            else:
                self._unread(1)
        self.cast.leave_out()
        return self.scene

    # Each of these reads what stands at the current token and moves on, or answers False and leaves it.

    def _quote(self) -> bool:
        token = self.tokens[self.at]
        return token.kind == "quote" and self._letter(token.text, self.at + 1)

    def _letter(self, text: str, end: int) -> bool:
        """The wording up to token ``end`` belongs to the last subject, or is one itself."""
        if self.cast.last is None:
            self.cast.add(Subject(name="lettering", lettering=True))
        subject = self.cast.subject()
        subject.text = f"{subject.text} {text}".strip()
        return self._move(end - self.at)

    def _filler(self) -> bool:
        length = self.lexicon.listed("fillers", self.tokens, self.at)
        match = self.lexicon.match(self.tokens, self.at, *ALL_TABLES)
        return bool(length) and not (match and match.length >= length) and self._move(length)

    def _shadowless(self) -> bool:
        """ "without shadows" is a kind of light, not something that is not there."""
        match = self.lexicon.match(self.tokens, self.at, "shadows")
        if match is None:
            return False
        show(self.scene, match)
        return self._move(match.length)

    def _negation(self) -> bool:
        length = self.lexicon.listed("negations", self.tokens, self.at)
        if not length:
            return False
        return self._unread(max(self.nouns.read(self.at + length).end - self.at, length))

    def _says(self) -> bool:
        explicit = self.lexicon.listed("says_plainly", self.tokens, self.at)
        length = max(self.lexicon.listed("says", self.tokens, self.at), explicit)
        start = self.at + length
        if not length:
            return False
        if start < len(self.tokens) and self.tokens[start].kind == "quote":
            return self._move(length)
        end = wording_end(self.tokens, start, self.lexicon, plainly=bool(explicit))
        return end > start and self._letter(self._typed_text(start, end), end)

    def _wearing(self) -> bool:
        length = self.lexicon.listed("wears", self.tokens, self.at)
        if not length or self.cast.last is None:
            return False
        phrase = self.nouns.read(self.at + length)
        self.cast.subject().clothing = self._typed(phrase)
        self._move(phrase.end - self.at)
        self.carried = "wearing"
        return True

    def _style_of(self) -> bool:
        length = self.lexicon.listed("style_of", self.tokens, self.at)
        if not length:
            return False
        end = self.at + length
        while end < len(self.tokens) and self.tokens[end].kind == "word" and end - self.at - length < 3:
            if self.tokens[end].low in self.lexicon.grammar.joiners:
                break
            end += 1
        self.scene.style = " ".join(token.text for token in self.tokens[self.at + length : end])
        return self._move(end - self.at)

    def _of(self) -> bool:
        """ "a bowl of fruit": the words after "of" belong to the name just read."""
        named = self.cast.named
        if self.tokens[self.at].low != "of" or self.named_at != self.at or named is None:
            return False
        phrase = self.nouns.read(self.at + 1)
        if not phrase.nouns:
            return False
        subject = self.scene.subjects[named]
        subject.name += f" of {self._typed(phrase)}"
        subject.term = subject.term or phrase.thing  # "a bunch of grapes" looks like grapes
        self._move(phrase.end - self.at)
        self.named_at = self.at
        return True

    def _participle(self) -> bool:
        """ "made of glass", "covered in snow": the material of the thing just named, or a detail of it."""
        length = self.lexicon.listed("participles", self.tokens, self.at)
        if not length or self.cast.last is None:
            return False
        named = self.cast.named if self.named_at == self.at and self.cast.named is not None else self.cast.last
        subject, start = self.scene.subjects[named], self.at + length
        texture = self.lexicon.match(self.tokens, start, "textures")
        if texture and self.lexicon.listed("made_of", self.tokens, self.at):
            subject.textures.append(texture.term.say)
            subject.details.append(self._text(self.at, start + texture.length))
            return self._move(length + texture.length)
        phrase = self.nouns.read(start)
        if not phrase.nouns:
            return False
        subject.details.append(self._text(self.at, phrase.end))
        return self._move(phrase.end - self.at)

    def _phrase(self) -> bool:
        """Places, relations, light, medium and whatever else stands by itself."""
        place = self.lexicon.match(self.tokens, self.at, "places")
        if place and (whole := self._of_the_frame(self.at + place.length)):
            return self._place(place, place.length + whole)
        match = self.lexicon.match(self.tokens, self.at, *ALL_TABLES)
        if match is None:
            return False
        term, after = match.term, self.at + match.length
        if isinstance(term, Relation):
            return self._relation(term, after)
        if match.table in ("places", "depths"):
            return self._place(match, match.length)
        if match.table == "directions":
            self.scene.direction = self.scene.direction or term.say
        elif match.table in PICTURE_TABLES and not self._describes_noun(after):
            show(self.scene, match)
        else:
            return False
        return self._move(match.length)

    def _of_the_frame(self, at: int) -> int:
        """ "(on the left) of the picture": how many tokens that is."""
        if at >= len(self.tokens) or self.tokens[at].low not in ("of", "in"):
            return 0
        length = self.lexicon.listed("frame", self.tokens, at + 1)
        return length + 1 if length else 0

    def _relation(self, relation: Relation, after: int) -> bool:
        cast = self.cast
        if not self.nouns.begins_at(after):
            if cast.owner is None:
                return self._move(after - self.at) if relation.key == "beside" else False
            cast.begin_relation(relation)  # "a box with a ball on top"
            cast.link(relation, cast.owner)
            cast.relation = cast.owner = None
            return self._move(after - self.at)
        cast.begin_relation(relation)
        self.preposition = self.tokens[self.at].low
        self.carried = ""
        self.at = after
        return True

    def _place(self, match: Match, length: int) -> bool:
        after = self.at + length
        leads = self.fresh and self.nouns.begins_at(after) and match.table == "places"
        if match.table == "depths" and self.cast.last is None:
            self.cast.depth = match.term.key
        elif leads or self.cast.last is None:
            self.cast.place = match.term.key
        elif match.table == "places":
            self.cast.subject().place = self.cast.subject().place or match.term.key
        else:
            self.cast.subject().depth = match.term.key
        where = self.lexicon.match(self.tokens, after - 1, "settings")  # "in the sky"
        self.scene.implied_setting = self.scene.implied_setting or (where.term.key if where else "")
        return self._move(length)

    def _preposition(self) -> bool:
        low = self.tokens[self.at].low
        grammar = self.lexicon.grammar
        if low not in (*grammar.inside, *grammar.prepositions, *grammar.copulas):
            return False
        if low not in grammar.copulas:
            self.preposition = low
        self.fresh = False
        self.at += 1
        return True

    def _joint(self) -> bool:
        token = self.tokens[self.at]
        if token.kind != "mark" and token.low not in self.lexicon.grammar.joiners:
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
        token = self.tokens[self.at]
        verb = token.kind == "word" and self.nouns.is_verb(self.at)
        pose = self.lexicon.listed("poses", self.tokens, self.at)
        if self.cast.last is None or self.preposition or not (verb or pose):
            return False
        if self.cast.waits:  # "under a tree sits a cat"
            return self._move(1)
        doer, start, end = self.cast.last, self.at, self.at + max(pose, 1)
        subject = self.scene.subjects[doer]
        if pose:
            said = self._text(start, end)
            subject.pose = self.lexicon.grammar.finite_poses.get(said, said)
        elif self._takes_object_with(end):
            end += 1
        phrase = self.nouns.read(end)
        end = start + max(pose, 1) if phrase.setting or not phrase.nouns else phrase.end
        deed = self._text(start, end)
        deed = self.lexicon.grammar.finite_poses.get(deed, deed)
        felt = self.lexicon.match(self.tokens, start, "expressions")
        if felt:
            subject.expression = felt.term.say
        if subject.pose not in deed or not subject.pose:
            subject.action = f"{subject.action} and {deed}" if subject.action else deed
        self._move(end - start)
        self.carried = ""
        if phrase.thing and end == phrase.end and phrase.thing is not subject.term:
            done_to = self.cast.add(self.cast.new_subject(phrase))
            self.named_at = self.at
            beside = self.lexicon.tables.relations["beside"]
            self.scene.links.append(Link(done_to, beside, (doer,)))
        return True

    def _takes_object_with(self, at: int) -> bool:
        """ "looking at the moon": a small word between a verb and what it is done to."""
        small = at < len(self.tokens) and self.tokens[at].low in self.lexicon.grammar.verbs_taking
        return small and self.nouns.begins_at(at + 1)

    def _noun(self) -> bool:
        phrase = self.nouns.read(self.at)
        if phrase.end == self.at or self.tokens[self.at].low == "&":
            return False
        for match in phrase.picture:
            show(self.scene, match)
        preposition, relation, began_clause = self.preposition, self.cast.relation, self.fresh
        carried = self.carried
        self._move(phrase.end - self.at)
        grammar = self.lexicon.grammar
        head = phrase.nouns[-1].lower() if phrase.nouns else ""
        if phrase.unknown:
            self.scene.unread.append(self._typed(phrase))
        elif not head:
            self._quality(phrase)
        elif self._names_nothing(phrase, head):
            self.cast.link_to_it()
        elif phrase.setting and self._is_setting(phrase):
            typed = self._typed(phrase).removeprefix(phrase.determiner).strip()
            set_scene(self.scene, phrase, typed)
            self.cast.relation = None
        elif (
            preposition == "with" and head in grammar.lettering and self.cast.last is not None and self._shows_letters()
        ):
            self.carried = ""
        elif relation is None and self.cast.last is not None and self._owns(phrase, preposition):
            self.carried = "with" if preposition == "with" else ""
        elif relation is None and began_clause and self._owns_more(phrase, carried):
            self.carried = carried
        elif preposition in grammar.inside and relation is None and not phrase.thing:
            self.scene.settings.append(f"{preposition} {self._typed(phrase)}")
        else:
            self._name(phrase, head, preposition, relation)
        return True

    # What a noun phrase turns out to be.

    def _name(self, phrase: NounPhrase, head: str, preposition: str, relation: Relation | None) -> None:
        cast, before = self.cast, self.cast.last
        if preposition in self.lexicon.grammar.inside and relation is None and cast.last is not None:
            relation, cast.relation_of = self.lexicon.tables.relations["inside"], cast.last
        number = cast.name(phrase, head, relation)
        cast.owner = before if preposition == "with" and before != number else None
        self.named_at = self.at
        subject = cast.scene.subjects[number]
        if head in self.lexicon.grammar.lettering:  # "the number 7", "a wooden letter A"
            end = wording_end(self.tokens, self.at, self.lexicon, plainly=False, single=True)
            if end > self.at:
                subject.text = self._typed_text(self.at, end)
                subject.name = f"{subject.name} {subject.text}"
                subject.lettering = True
                self._move(end - self.at)

    def _shows_letters(self) -> bool:
        """ "a sign with the number 7": what stands on the last subject; False where no letters follow."""
        end = wording_end(self.tokens, self.at, self.lexicon, plainly=False, single=True)
        return end > self.at and self._letter(self._typed_text(self.at, end), end)

    def _names_nothing(self, phrase: NounPhrase, head: str) -> bool:
        """ "it", "the scene": words that stand for what is known already ("a blue one" is a new thing)."""
        if head in self.lexicon.grammar.pronouns:
            return not phrase.described or self.cast.last is None
        return len(phrase.nouns) == 1 and head in self.lexicon.grammar.empty_nouns

    def _quality(self, phrase: NounPhrase) -> None:
        """Colours, sizes and the like with no thing after them belong to the subject before."""
        if not phrase.described:
            if phrase.picture:
                show_light_quality(self.scene, phrase, self.lexicon)
            elif phrase.determiner and phrase.end - phrase.start > 1:
                self.scene.unread.append(self._text(phrase.start, phrase.end))
            return
        if self.cast.last is None:
            self.scene.unread.append(self._text(phrase.start, phrase.end))
            return
        subject = self.cast.subject()
        subject.colors += phrase.colors
        subject.textures += phrase.textures
        subject.adjectives += phrase.adjectives
        subject.shape = subject.shape or phrase.shape
        subject.size = subject.size or phrase.size

    def _owns(self, phrase: NounPhrase, preposition: str) -> bool:
        return own(self.cast.subject(), phrase, self._typed(phrase), preposition, self.lexicon)

    def _owns_more(self, phrase: NounPhrase, carried: str) -> bool:
        if not carried or self.cast.last is None:
            return False
        return own_more(self.cast.subject(), phrase, self._typed(phrase), carried, self.lexicon)

    def _is_setting(self, phrase: NounPhrase) -> bool:
        placed = self.at < len(self.tokens) and self.lexicon.match(self.tokens, self.at, "places")
        return not placed and phrase.count is None

    # Small steps.

    def _describes_noun(self, after: int) -> bool:
        """Whether a word of the whole picture stands before a thing: then the noun phrase takes it along."""
        phrase = self.nouns.read(self.at)
        return bool(phrase.nouns) and phrase.end > after

    def _typed(self, phrase: NounPhrase) -> str:
        return self._text(phrase.start, phrase.end)

    def _text(self, start: int, end: int) -> str:
        text = self._typed_text(start, end)
        return text.lower() if text.isupper() else text

    def _typed_text(self, start: int, end: int) -> str:
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
