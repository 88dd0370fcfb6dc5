"""Text as the search index is given it: writing without blanks between words cut into single characters.

Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer: a search for some characters is then a phrase, found in the
middle of a sentence or of a word.
"""

import re
import unicodedata

#: Scripts without blanks between words; Korean has some, and its particles stick to them.
_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff]"
)


def segmented(words: str) -> str:
    """``words`` with blanks around each character of such a script; the same text where it has none."""
    if words.isascii() or not _RUN.search(words := unicodedata.normalize("NFC", words)):
        return words
    return " ".join(_RUN.sub(lambda match: f" {match[0]} ", words).split())
