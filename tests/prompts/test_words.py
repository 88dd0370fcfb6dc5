"""What people bring along from other programs, among their words: named and left out, or offered; never a word lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.color_codes import NAMES, nearest_color
from fibo_core.prompts.foreign import ForeignRecipe
from fibo_core.prompts.wildcards import expand_wildcards
from fibo_core.prompts.words import read_words

A1111 = """(masterpiece:1.2), best quality, a red ball, <lora:shiny:0.8>
Negative prompt: ugly, (blurry:1.3)
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x768, Model hash: ab12, Version: v1.9"""


def offered(**settings: object) -> ForeignRecipe:
    return ForeignRecipe("", "", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("(masterpiece:1.2), a red ball", "masterpiece, a red ball"),
        ("a (red ball:1.3) on (grass: .8)", "a red ball on grass"),
        ("(masterpiece, (best quality:1.3):1.1), x", "masterpiece, best quality, x"),
        ("((sharp)), (((very sharp))), [blurry]", "sharp, very sharp, blurry"),
        ("(best quality), (solo), a girl", "best quality, solo, a girl"),
        ("a [cat:dog:0.5] on grass", "a cat dog on grass"),
        ("a [red|blue] ball", "a red blue ball"),
        ("{{masterpiece}}, a ball", "masterpiece, a ball"),
        ("(a red ball)++ on (grass)1.3", "a red ball on grass"),
        ("red ball:1.2, box:0.8", "red ball, box"),
        ("hot:: dog::2", "hot, dog"),
        (r"fate \(series\)", "fate (series)"),
        ("a red ball BREAK a blue box", "a red ball a blue box"),
        ("a ball, <lora:shiny:0.8>, <hypernet:x:1>, embedding:easynegative, a box", "a ball, a box"),
        ("a ball --v 6.1 --style raw --tile --s 250 --sref https://x.y/z.png 123", "a ball"),
        ("{(red:1.2)|blue} ball", "{red|blue} ball"),
        ("#ff0000 ball, rgb(0,0,255) box, hsl(60, 100%, 50%) cup", "red ball, blue box, yellow cup"),
        ("a #0f0 ball of rgba(255, 255, 255, 0.5)", "a green ball of white"),
    ],
)
def test_signs_that_fibo_does_not_read_are_left_out_and_named_and_their_words_stay(typed: str, words: str) -> None:
    read = read_words(typed)
    assert read.words == words
    assert read.notes
    assert read.recipe is None
    assert read_words(words).words == words


@pytest.mark.parametrize(
    "words",
    [
        "a (small) red ball",
        "a photo [sic] of a ball, see [1]",
        "a picture (at 10:30) of a ball (3:2) by me@example.com",
        "a house (built 1990: two storeys)",
        'a sign that says "((OPEN)) --ar 3:2 <lora:x:1> #ff0000 Seed: 5"',
        "a sign “(SALE:2.0)” over a door",
        "a COFFEE BREAK sign",
        "a beach —no people, --sitting down",
        "C++ and std::vector on a blackboard",
        "steps: three wooden steps, 3:2, size: large",
        "the #1 fan, #bad, #facade, room #123",
        "((unbalanced, ] and ) too",
        "{2$$red|blue|green} ball",
        "{red::2|blue::1} ball",
        "<https://example.com/a> a ball",
        "桌子上的红色球（小）",
        "ein roter Ball, auf dem Tisch",
        "  two  blanks , and\ta tab ",
        '{"short_description": "(a:1.2) --ar 16:9"}',
        '```json\n{"short_description": "(a:1.2)"}\n```',
    ],
)
def test_words_that_only_look_like_it_stay_to_the_letter(words: str) -> None:
    read = read_words(words)
    assert (read.words, read.notes, read.recipe) == (words, (), None)


@pytest.mark.parametrize(
    ("typed", "words", "recipe"),
    [
        (
            A1111,
            "masterpiece, best quality, a red ball",
            offered(negative_words="ugly, blurry", seed=5, width=512, height=768, steps=20),
        ),
        (" ".join(A1111.split("\n")), "masterpiece, best quality, a red ball", read_words(A1111).recipe),
        ("a red ball, Steps: 20, Seed: 5", "a red ball", offered(seed=5, steps=20)),
        ("a red ball\nNegative prompt: a cat", "a red ball", offered(negative_words="a cat")),
        ("Prompt: a red ball\nNegative prompt: a cat", "a red ball", offered(negative_words="a cat")),
        ("a red ball --ar 16:9", "a red ball", offered(aspect="16:9")),
        ("a red ball —ar 16:9", "a red ball", offered(aspect="16:9")),
        ("a red ball --no cats, dogs --seed 7", "a red ball", offered(negative_words="cats, dogs", seed=7)),
        ("a red ball --w 512 --h 768 --steps 9", "a red ball", offered(width=512, height=768, steps=9)),
        ("size: 512x512, a red ball", "a red ball", offered(width=512, height=512)),
    ],
)
def test_settings_among_the_words_are_offered_to_their_fields(
    typed: str, words: str, recipe: ForeignRecipe | None
) -> None:
    read = read_words(typed)
    assert (read.words, read.recipe) == (words, recipe)


def test_what_is_left_out_is_named_to_the_last_setting() -> None:
    """What has a field is offered; what has none is named, and so is a value that no field can hold."""
    assert read_words(A1111).notes == (
        "Weights and brackets are left out, and their words stay: (masterpiece:1.2).",
        "Left out, as FIBO does not read it: <lora:shiny:0.8>, Sampler: Euler a, CFG scale: 7, Model hash: ab12, "
        "Version: v1.9.",
    )
    assert read_words("a ball, Steps: 900").notes == ("Left out, as FIBO does not read it: Steps: 900.",)
    assert read_words("a ball, seed: -1").notes == ("Left out, as FIBO does not read it: seed: -1.",)
    assert read_words("a ball --seed 5 --ar 3:2 --no cats").settings == "seed 5, shape 3:2, negative prompt “cats”"
    assert read_words("a ball, #ff0000").notes == ("#ff0000 is read as red.",)


@given(st.text(st.sampled_from(list('ab 1:.,()[]{}|"#<>-—\n$')), max_size=60))
def test_no_word_is_ever_lost_between_brackets_and_what_was_read_reads_the_same(text: str) -> None:
    """Whatever the signs: letters that no note names are all there, in order."""
    read = read_words(text)
    if not read.notes and read.recipe is None:
        assert read.words == text
    if not any(sign in text for sign in "<-—#"):
        assert re.findall("[ab]", read.words) == re.findall("[ab]", text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "(a:" * 9_000,
        "[x](" * 9_000,
        "( " * 20_000 + ")" * 20_000,
        "--ar " * 9_000,
        '"a" --ar ' * 9_000,
        "(a:1.2)" + " \n" * 50_000 + ",",
    ],
)
def test_a_wall_of_signs_is_read_in_no_time_to_speak_of(text: str) -> None:
    """Each is read once: a paste of a hundred kilobytes must not stop the page."""
    assert len(read_words(text).words) <= len(text)


@pytest.mark.parametrize("name", NAMES)
def test_each_named_colour_is_called_by_its_name(name: str) -> None:
    assert {nearest_color(*bytes.fromhex(code)) for code in NAMES[name].split()} == {name}


def test_weights_count_where_combinations_are_drawn_and_only_there() -> None:
    """As many pictures as combinations paint each once, whatever it weighs."""
    words = "{red::9|blue::1} ball"
    drawn = [expand_wildcards(words, 1, seed)[0] for seed in range(200)]
    assert drawn.count("red ball") > 150
    assert expand_wildcards(words, 2) == ["red ball", "blue ball"]
    assert expand_wildcards("{9::red|blue} ball", 2) == ["red ball", "blue ball"]
    heavy = "{red::1000000|blue::0.0001|green::0}"
    assert len(set(expand_wildcards(heavy, 2, 1))) == 2


def test_several_choices_are_taken_at_once_where_the_braces_say_so() -> None:
    assert expand_wildcards("{2$$red|blue|green} ball", 3) == ["red, blue ball", "red, green ball", "blue, green ball"]
    assert expand_wildcards("{2$$ and $$a cat|a {red|blue} ball}", 2) == [
        "a cat and a red ball",
        "a cat and a blue ball",
    ]
    assert set(expand_wildcards("{1-2$$a|b}", 3)) == {"a", "b", "a, b"}
    assert len({*expand_wildcards("{3$$a|b|c|d|e|f|{g|h}}", 20, 5)}) == 20
