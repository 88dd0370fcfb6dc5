"""Wording: which of the typed words are to be painted as letters, where no quotation marks say so."""

from collections.abc import Sequence

from fibo_core.writers.rules.lexicon import Lexicon, Token

MAX_PLAIN_WORDS = 6


def wording_end(tokens: Sequence[Token], start: int, lexicon: Lexicon, *, plainly: bool, single: bool = False) -> int:
    """The token after the wording that begins at ``start``; ``start`` where none does.

    Capitals and numbers are wording; with ``plainly`` any words are, up to a mark or a place. With ``single`` it is
    one token, a quotation too.
    """
    typed_loud = all(token.text.isupper() for token in tokens if token.kind == "word" and token.text.isalpha())
    if start >= len(tokens):
        return start
    if tokens[start].kind == "quote":
        return start + 1
    end = start
    while end < len(tokens) and tokens[end].kind == "word" and not typed_loud:
        if not (tokens[end].text.isupper() or tokens[end].text.isdecimal()):
            break
        end += 1
        if single:
            break
    if end > start or not plainly:
        return end
    while end < len(tokens) and tokens[end].kind == "word" and end - start < MAX_PLAIN_WORDS:
        if end > start and lexicon.match(tokens, end, "places", "relations", "lights"):
            break
        end += 1
    return end
