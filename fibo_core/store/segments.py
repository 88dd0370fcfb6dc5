"""Text as the search index is given it: words in one spelling, and writing without blanks between them cut up.

Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer: a search for some characters is then a phrase, found in the
middle of a sentence or of a word. A vowel sign stays with the letter that it stands at: without it, it is another word.
Each symbol is a word by itself, whatever it is glued to.
"""

import re
import unicodedata

#: Scripts without blanks between words; Korean has some, and its particles stick to them.
_RUN = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff"
)
_SIGNS = "".join(
    chr(code)
    for start, end in ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x302A, 0x3030), (0x3099, 0x309B))
    for code in range(start, end)
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
_CUT = re.compile(f"[{_RUN}][{_SIGNS}]*")
#: Written or left out as somebody likes: accents that have no letter of their own, points of Hebrew and Arabic, what
#: joins emoji or says how one is drawn.
_LEFT_OUT = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u0652\u0670\u200d\ufe00-\ufe0f]")
_SAME = str.maketrans("ёЁ", "еЕ")


def segmented(words: str) -> str:
    """``words`` in one spelling, with blanks around each symbol and each character of such a script; the same text
    where it has none."""
    if words.isascii():
        return words
    plain = _LEFT_OUT.sub("", unicodedata.normalize("NFC", words)).translate(_SAME)
    cut = _CUT.sub(lambda match: f" {match[0]} ", plain)
    cut = "".join(f" {each} " if each > "\x7f" and unicodedata.category(each) == "So" else each for each in cut)
    return plain if cut == plain else " ".join(cut.split())
