"""Reading: from any words to a Scene, left to right, by the phrases of the lexicon.

The reader remembers what the last words were about, so that "on the left", "is red" or "with a red roof" finds its
subject. What it cannot place is kept in ``Scene.unread``, never dropped.
"""

from fibo_core.writers.rules.lexicon import Camera, Lexicon, Light, Match, Medium, Relation, tokenize
from fibo_core.writers.rules.nouns import ALL_TABLES, PICTURE_TABLES, NounPhrase, NounReader
from fibo_core.writers.rules.scene import MAX_SUBJECTS, Link, Scene, Subject


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
        self.at = 0
        self.fresh = True  # a new clause begins here
        self.last: int | None = None  # the subject spoken of
        self.named_at = -1  # the token after the last subject's name
        self.preposition = ""
        self.relation: Relation | None = None  # said of `last`, or of the next subject when nothing came before
        self.relation_of: int | None = None
        self.place = ""  # said before its subject
        self.waiting: tuple[Relation, int] | None = None  # "under a tree sits …": the tree is known, its subject not

    def read(self) -> Scene:
        while self.at < len(self.tokens):
            for take in (
                self._quote, self._filler, self._negation, self._says, self._wearing, self._style_of,
                self._of, self._phrase, self._preposition, self._joint, self._action, self._noun,
            ):  # fmt: skip
                if take():
                    break
            else:
                self._unread(1)
        self._leave_out()
        return self.scene

    def _leave_out(self) -> None:
        scene = self.scene
        scene.left_out = [subject.name for subject in scene.subjects[MAX_SUBJECTS:]]
        del scene.subjects[MAX_SUBJECTS:]
        scene.links = [link for link in scene.links if max(link.subject, *link.anchors) < MAX_SUBJECTS]

    # Each of these reads what stands at the current token and moves on, or answers False and leaves it.

    def _quote(self) -> bool:
        token = self.tokens[self.at]
        if token.kind != "quote":
            return False
        if self.last is None:
            self._add(Subject(name="lettering"))
        subject = self._subject()
        subject.text = f"{subject.text} {token.text}".strip()
        return self._move(1)

    def _filler(self) -> bool:
        length = self.lexicon.listed("fillers", self.tokens, self.at)
        match = self.lexicon.match(self.tokens, self.at, *ALL_TABLES)
        return bool(length) and not (match and match.length >= length) and self._move(length)

    def _negation(self) -> bool:
        length = self.lexicon.listed("negations", self.tokens, self.at)
        if not length:
            return False
        return self._unread(max(self.nouns.read(self.at + length).end - self.at, length))

    def _says(self) -> bool:
        length = self.lexicon.listed("says", self.tokens, self.at)
        after = self.at + length
        quoted = after < len(self.tokens) and self.tokens[after].kind == "quote"
        return bool(length) and quoted and self._move(length)

    def _wearing(self) -> bool:
        length = self.lexicon.listed("wears", self.tokens, self.at)
        if not length or self.last is None:
            return False
        phrase = self.nouns.read(self.at + length)
        self._subject().clothing = self._typed(phrase)
        return self._move(phrase.end - self.at)

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
        if self.tokens[self.at].low != "of" or self.named_at != self.at or self.last is None:
            return False
        phrase = self.nouns.read(self.at + 1)
        if not phrase.nouns:
            return False
        self._subject().name += f" of {self._typed(phrase)}"
        self._move(phrase.end - self.at)
        self.named_at = self.at
        return True

    def _phrase(self) -> bool:
        """Places, relations, light, medium and whatever else stands by itself."""
        match = self.lexicon.match(self.tokens, self.at, *ALL_TABLES)
        if match is None:
            return False
        term, after = match.term, self.at + match.length
        if isinstance(term, Relation):
            return self._relation(term, after)
        if match.table in ("places", "depths"):
            return self._place(match)
        if match.table == "directions":
            self.scene.direction = self.scene.direction or term.say
        elif match.table in PICTURE_TABLES and not self._describes_noun(after):
            self._picture(match)
        else:
            return False
        return self._move(match.length)

    def _relation(self, relation: Relation, after: int) -> bool:
        if not self.nouns.begins_at(after):
            return self._move(after - self.at) if relation.key == "beside" else False
        self.relation = relation
        self.relation_of = self.last
        self.preposition = self.tokens[self.at].low
        self.at = after
        return True

    def _place(self, match: Match) -> bool:
        after = self.at + match.length
        leads = self.fresh and self.nouns.begins_at(after) and match.table == "places"
        if leads or self.last is None:
            self.place = match.term.key
        elif match.table == "places":
            self._subject().place = self._subject().place or match.term.key
        else:
            self._subject().depth = match.term.key
        self.preposition = ""
        return self._move(match.length)

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
        between = self.relation is not None and self.relation.key == "between"
        if not between:
            self.relation = None
        self.preposition = ""
        self.fresh = True
        self.at += 1
        return True

    def _action(self) -> bool:
        """A verb and what it is done to; a known thing in it is also a subject of its own."""
        token = self.tokens[self.at]
        if token.kind != "word" or self.last is None or self.preposition or not self.nouns.is_verb(self.at):
            return False
        if self.waiting is not None:  # "under a tree sits a cat"
            return self._move(1)
        doer, start, end = self.last, self.at, self.at + 1
        if token.low in self.lexicon.grammar.poses:
            self._subject().pose = token.low
        elif self._takes_object_with(end):
            end += 1
        phrase = self.nouns.read(end)
        end = start + 1 if phrase.setting or not phrase.nouns else phrase.end
        deed = self._text(start, end)
        subject = self.scene.subjects[doer]
        if subject.pose != deed:
            subject.action = f"{subject.action} and {deed}" if subject.action else deed
        self._move(end - start)
        if phrase.thing and end == phrase.end and phrase.thing is not subject.term:
            done_to = self._add(self._new_subject(phrase))
            beside = self.lexicon.tables.relations["beside"]
            self.scene.links.append(Link(done_to, beside, (doer,)))
        return True

    def _takes_object_with(self, at: int) -> bool:
        """ "looking at the moon": a small word between a verb and what it is done to."""
        small = at < len(self.tokens) and self.tokens[at].low in self.lexicon.grammar.verbs_taking
        return small and self.nouns.begins_at(at + 1)

    def _noun(self) -> bool:
        phrase = self.nouns.read(self.at)
        if phrase.end == self.at:
            return False
        if self.tokens[self.at].low == "&":
            return False
        for match in phrase.picture:
            self._picture(match)
        preposition, relation = self.preposition, self.relation
        self._move(phrase.end - self.at)
        grammar = self.lexicon.grammar
        head = phrase.nouns[-1].lower() if phrase.nouns else ""
        if phrase.unknown:
            self.scene.unread.append(self._typed(phrase))
        elif not head:
            self._quality(phrase)
        elif self._names_nothing(phrase, head):
            pass
        elif phrase.setting and self._is_setting(phrase):
            self._setting(phrase)
            self.relation = None
        elif relation is None and self.last is not None and self._belongs(phrase, preposition, head):
            pass
        elif preposition in grammar.inside and relation is None and not phrase.thing:
            self.scene.settings.append(f"{preposition} {self._typed(phrase)}")
        else:
            if preposition in grammar.inside and relation is None and self.last is not None:
                relation, self.relation_of = self.lexicon.tables.relations["inside"], self.last
            self._subject_named(phrase, head, relation)
        return True

    # What a noun phrase turns out to be.

    def _names_nothing(self, phrase: NounPhrase, head: str) -> bool:
        """ "it", "the scene": words that stand for what is known already ("a blue one" is a new thing)."""
        if head in self.lexicon.grammar.pronouns:
            return not phrase.described or self.last is None
        return len(phrase.nouns) == 1 and head in self.lexicon.grammar.empty_nouns

    def _quality(self, phrase: NounPhrase) -> None:
        """Colours, sizes and the like with no thing after them belong to the subject before."""
        if not phrase.described:
            if phrase.determiner and not phrase.picture and phrase.end - phrase.start > 1:
                self.scene.unread.append(self._text(phrase.start, phrase.end))
            return
        if self.last is None:
            self.scene.unread.append(self._text(phrase.start, phrase.end))
            return
        subject = self._subject()
        subject.colors += phrase.colors
        subject.textures += phrase.textures
        subject.adjectives += phrase.adjectives
        subject.size = subject.size or phrase.size

    def _is_setting(self, phrase: NounPhrase) -> bool:
        placed = self.at < len(self.tokens) and self.lexicon.match(self.tokens, self.at, "places")
        return not placed and phrase.count is None

    def _setting(self, phrase: NounPhrase) -> None:
        setting = phrase.setting
        assert setting is not None
        if setting.colored:
            color = " ".join(phrase.colors) or "light gray"
            self.scene.settings.append(f"a plain {color} wall")
        else:
            typed = self._typed(phrase).removeprefix(phrase.determiner).strip()
            plain = typed.lower() in setting.words or phrase.picture
            known = f"a {typed}" if setting.key in typed.lower() else f"{setting.say}, {typed}"
            self.scene.settings.append(setting.say if plain else known)
        self.scene.implied_light = self.scene.implied_light or setting.light

    def _belongs(self, phrase: NounPhrase, preposition: str, head: str) -> bool:
        """Whether the phrase is a part or a garment of the last subject; then it is noted there."""
        subject, typed = self._subject(), self._typed(phrase)
        if preposition == "in" and head in self.lexicon.grammar.clothing:
            subject.clothing = typed
        elif preposition == "with" and (head in self.lexicon.grammar.parts or not phrase.thing):
            subject.details.append(f"with {typed}")
        elif preposition in ("like", "as", "for", "from", "to", "about", "made"):
            subject.details.append(f"{preposition} {typed}")
        else:
            return False
        return True

    def _subject_named(self, phrase: NounPhrase, head: str, relation: Relation | None) -> None:
        known = self._known_subject(phrase, head)
        if known is None:
            subject = self._new_subject(phrase)
            if head in ("one", "ones") and self.last is not None:
                previous = self._subject()
                subject.name, subject.term = previous.name, previous.term
            number = self._add(subject)
        else:
            number = known
        if relation is not None:
            self._link(relation, number)
        else:
            if self.waiting is not None and known is None:
                waited, anchor = self.waiting
                self.scene.links.append(Link(number, waited, (anchor,)))
                self.waiting = None
            self.last = number

    def _link(self, relation: Relation, anchor: int) -> None:
        if self.relation_of is None:
            self.waiting = (relation, anchor)
            self.relation = None
        elif relation.key == "between" and self.scene.links and self.scene.links[-1].relation is relation:
            link = self.scene.links.pop()
            self.scene.links.append(Link(link.subject, relation, (*link.anchors, anchor)))
            self.relation = None
        else:
            if self.relation_of != anchor:
                self.scene.links.append(Link(self.relation_of, relation, (anchor,)))
            if relation.key != "between":
                self.relation = None
        self.last = anchor if self.relation_of is None else self.last

    def _known_subject(self, phrase: NounPhrase, head: str) -> int | None:
        """The subject that "the ball" speaks of again, if one fits."""
        if phrase.determiner not in ("the", "this", "that", "these"):
            return None
        for number, subject in enumerate(self.scene.subjects):
            same = subject.name.split(" of ")[0].split()[-1].lower() == head
            if same and (not phrase.colors or set(phrase.colors) & set(subject.colors)):
                return number
        return None

    def _new_subject(self, phrase: NounPhrase) -> Subject:
        subject = Subject(
            name=phrase.name,
            term=phrase.thing,
            plural=phrase.plural,
            count=phrase.count or 1,
            colors=list(phrase.colors),
            size=phrase.size,
            textures=list(phrase.textures),
            place=phrase.place or self.place,
            adjectives=list(phrase.adjectives),
        )
        self.place = ""
        return subject

    # Small steps.

    def _add(self, subject: Subject) -> int:
        self.scene.subjects.append(subject)
        number = len(self.scene.subjects) - 1
        if self.last is None:
            self.last = number
        self.named_at = self.at
        return number

    def _subject(self) -> Subject:
        assert self.last is not None
        return self.scene.subjects[self.last]

    def _describes_noun(self, after: int) -> bool:
        """Whether a word of the whole picture stands before a thing: then the noun phrase takes it along."""
        phrase = self.nouns.read(self.at)
        return bool(phrase.nouns) and phrase.end > after

    def _picture(self, match: Match) -> None:
        scene, term = self.scene, match.term
        if isinstance(term, Light):
            scene.light = scene.light or term
        elif isinstance(term, Medium):
            scene.medium = scene.medium or term
        elif isinstance(term, Camera):
            scene.camera.append(term)
        elif match.table == "styles":
            scene.style = scene.style or term.say
        elif match.table == "moods":
            scene.moods.append(term.say)
        elif match.table == "schemes":
            scene.scheme = scene.scheme or term.say

    def _typed(self, phrase: NounPhrase) -> str:
        return self._text(phrase.start, phrase.end)

    def _text(self, start: int, end: int) -> str:
        if end <= start:
            return ""
        text = " ".join(self.words[self.tokens[start].start : self.tokens[end - 1].end].split())
        return text.lower() if text.isupper() else text

    def _unread(self, length: int) -> bool:
        self.scene.unread.append(self._text(self.at, self.at + length))
        return self._move(length)

    def _move(self, length: int) -> bool:
        self.at += length
        self.fresh = False
        self.preposition = ""
        return True
