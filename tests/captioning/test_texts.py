"""Captions are one clean line, whatever the model said."""

import pytest

from components.captioning.texts import category_caption, clean


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a red mug", "a red mug"),
        ("  a\tred\n\nmug \x00\u200b ", "a red mug"),
        ("<s>a <b>red</b> mug</s>", "a red mug"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("a < b > c", "a c"),
        ("a mug <img src=x", "a mug img src=x"),
        ("=HYPERLINK(1)", "HYPERLINK(1)"),
        ("-@+ a mug", "a mug"),
        ("ein schöner Becher", "ein schöner Becher"),
        ("\u202e", ""),
    ],
)
def test_cleaning(said: str, kept: str):
    assert clean(said, 100) == kept


def test_long_captions_are_cut_at_a_word():
    assert clean("a striped mug, on a floor", 15) == "a striped mug"
    assert clean("x" * 50, 20) == "x" * 20
    assert len(clean("word " * 100, 33)) <= 33


@pytest.mark.parametrize(
    ("category", "caption"),
    [("mug", "a mug"), ("Apple", "an apple"), ("", "an object"), ("<b>", "an object"), ("wine\nglass", "a wine glass")],
)
def test_the_category_as_a_caption(category: str, caption: str):
    assert category_caption(category, 100) == caption


def test_a_category_caption_respects_the_limit():
    assert len(category_caption("o" * 100, 30)) == 30
