"""Names of photographs in users' files: what each may mean, and when that is uncertain."""

import unicodedata

import pytest

from components.common.data.names import Matches, Names

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Müsli/Äpfel 1.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a/0.jpg", "a/0.jpg"),
        ("./a/0.jpg", "a/0.jpg"),
        ("a\\0.jpg", "a/0.jpg"),
        ("a//b/../0.jpg", "a/0.jpg"),
        (COMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        ("two%20words.jpg", "two words.jpg"),
        ("two%20words.jpg", "two%20words.jpg"),
        ("100%.jpg", "100%.jpg"),
        ("\\xff.jpg", "\\xff.jpg"),
        ("0.jpg", "deep/down/0.jpg"),
        ("/home/me/photos/a/0.jpg", "a/0.jpg"),
        ("C:\\photos\\a\\0.jpg", "a/0.jpg"),
        ("..\\label\\0.jpg", "0.jpg"),
        ("file:///home/me/my%20photos/a/0.jpg", "a/0.jpg"),
        ("s3://bucket//catalogue/a/0.jpg", "a/0.jpg"),
        ("https://shop.example/a/0.jpg?size=full", "a/0.jpg"),
        ("a/0.jpg", "s3://bucket/a/0.jpg"),
    ],
)
def test_one_photograph_in_many_spellings(name: str, uri: str) -> None:
    assert Names([uri, "z/other.jpg"]).match([name]) == Matches({name: uri}, [], {})


@pytest.mark.parametrize("name", ["b/0.jpg", "0.png", "0", "jpg", "a", "", "/", "A/0.jpg", "aa/0.jpg"])
def test_another_folder_or_ending_is_another_photograph(name: str) -> None:
    assert Names(["a/0.jpg"]).match([name]) == Matches({}, [name], {})


def test_the_entire_path_takes_precedence_over_a_part_of_it() -> None:
    uris = ["0.jpg", "a/0.jpg", "b/a/0.jpg"]
    names = {"0.jpg": "0.jpg", "a/0.jpg": "a/0.jpg", "/data/b/a/0.jpg": "b/a/0.jpg"}
    assert Names(uris).match(names).uris == names


def test_names_may_start_below_the_folder_that_all_photographs_share() -> None:
    uris = ["images/0.jpg", "images/more/0.jpg"]
    assert Names(uris).match(["0.jpg", "more/0.jpg"]).uris == {"0.jpg": uris[0], "more/0.jpg": uris[1]}


def test_a_name_that_fits_several_photographs_is_refused() -> None:
    matches = Names(["train/0.jpg", "val/0.jpg", "val/1.jpg"]).match(["0.jpg", "1.jpg", "test/0.jpg"])
    assert matches == Matches({"1.jpg": "val/1.jpg"}, ["test/0.jpg"], {"0.jpg": "could mean train/0.jpg or val/0.jpg"})
    more = Names([f"{folder}/0.jpg" for folder in "abcd"]).match(["0.jpg"])
    assert more.ambiguous == {"0.jpg": "could mean a/0.jpg or b/0.jpg or others"}


def test_different_names_never_mean_the_same_photograph() -> None:
    names = ["cat/0.jpg", "dog/0.jpg"]
    assert Names(["0.jpg"]).match(names).ambiguous == {
        "cat/0.jpg": "could mean 0.jpg, and so could 'dog/0.jpg'",
        "dog/0.jpg": "could mean 0.jpg, and so could 'cat/0.jpg'",
    }
    exact = Names(["cat/0.jpg"]).match(["0.jpg", "cat/0.jpg", "cat\\0.jpg"])
    assert exact.uris == {"cat/0.jpg": "cat/0.jpg", "cat\\0.jpg": "cat/0.jpg"} and list(exact.ambiguous) == ["0.jpg"]


def test_photographs_that_differ_only_in_spelling_need_the_exact_name() -> None:
    uris = [COMPOSED, DECOMPOSED]
    assert Names(uris).match(uris).uris == {uri: uri for uri in uris}
    assert list(Names(uris).match([f"./{COMPOSED}"]).ambiguous) == [f"./{COMPOSED}"]


def test_names_without_endings() -> None:
    names = Names(["train/0.jpg", "train/1.jpg", "train/1.png", "b.c.jpg"], endings=False)
    matches = names.match(["0", "1", "train/0", "b.c", "b"])
    assert matches.uris == {"train/0": "train/0.jpg", "b.c": "b.c.jpg"} and matches.missing == ["b"]
    assert set(matches.ambiguous) == {"0", "1"}
    assert names.fits("1") and not names.fits("2")


def test_no_photographs_and_no_names() -> None:
    assert Names([]).match(["a.jpg"]).missing == ["a.jpg"] and Names(["a.jpg"]).match([]) == Matches({}, [], {})
