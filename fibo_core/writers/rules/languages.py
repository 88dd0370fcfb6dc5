"""Whether words are English, which alone the rules read: by their script, and by the small words of other languages."""

import re

_LETTERS = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    "a an the of on in and with at by from to is are under over near left right its it this that".split()  # noqa: SIM905
)
#: Small words that say which language it is; none that is a word of English too, but "die", "in", "on" and "a".
_OTHERS = tuple(
    frozenset(words.split())
    for words in (
        "der die das den dem des ein eine einen einem einer eines und mit auf im am über neben hinter vom zum",
        "le la les un une des du au aux et avec sur sous dans devant derrière sur près de",
        "el la los las un una unos unas y con sobre bajo del al en de junto",
        "il lo la gli le un una uno e con su sotto del della dei sul sulla di",
        "o os as um uma uns umas e com sobre do da dos das no na em de",
        "de het een en met op onder naast voor achter van",
        "en ett och med på under över bredvid av den det",
        "jest na w z pod nad obok i ze",
        "bir ve ile üzerinde altında yanında",
    )
)


def is_english(words: str) -> bool:
    """Whether ``words`` may be English: most of their letters are Latin, and few of their small words another's."""
    letters = _LETTERS.findall(words)
    if sum(letter > "\u024f" for letter in letters) * 2 > len(letters):
        return False
    said = [word.lower() for word in _WORD.findall(words)]
    english = sum(word in _ENGLISH for word in said)
    others = max(len([word for word in said if word in small]) for small in _OTHERS)
    return others < 2 or others <= english
