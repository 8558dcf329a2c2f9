"""Insertion into real encodings: the box changes and nothing else, upright, in the scene's own colours."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.common.errors import UserError
from components.common.vision.origin import origin_of
from components.inference.model import TrainedModel
from components.inference.sources import Reference
from tests.inference.scene_data import (
    ARTIST,
    HEIGHT,
    ORIENTATION,
    WIDTH,
    encoded,
    grey_profile,
    ink_profile,
    ramp,
    scenes,
    swapped,
)  # fmt: skip

SCENES = scenes()
BOX = (20, 12, 25, 30)
QUICK = {"steps": 1, "guidance": 1.0}


def changed(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int] | None:
    """The bounding box of the pixels that differ."""
    assert before.mode == after.mode and before.size == after.size
    differs = np.asarray(before) != np.asarray(after)
    return Image.fromarray(differs.any(-1)).getbbox()


def inside(box: tuple, area: tuple | None) -> bool:
    x, y, w, h = box
    return area is not None and x <= area[0] and y <= area[1] and area[2] <= x + w and area[3] <= y + h


@pytest.mark.parametrize("name", SCENES)
def test_only_the_box_of_the_upright_scene_changes(name: str, inserting: TrainedModel, reference: Reference) -> None:
    data, pixels = SCENES[name]
    made = inserting.insert(data, BOX, [reference], **QUICK)
    read = Image.open(io.BytesIO(made.encoded("PNG")))
    assert ORIENTATION not in read.getexif()
    area = changed(pixels, read)
    assert inside(BOX, area)
    assert area[2] - area[0] > 15 and area[3] - area[1] > 20, "the object fills its box"
    if pixels.mode == "RGBA":
        assert read.getchannel("A").tobytes() == pixels.getchannel("A").tobytes()


def test_what_is_lost_is_said_and_the_rest_is_kept(inserting: TrainedModel, reference: Reference) -> None:
    made = {name: inserting.insert(SCENES[name][0], BOX, [reference], **QUICK) for name in SCENES}
    notes = {name: " ".join(picture.notes) for name, picture in made.items()}
    assert {name for name in SCENES if "more than 8 bits" in notes[name]} == {"deep", "deep-grey"}
    assert {name for name in SCENES if "is grey" in notes[name]} == {"deep-grey", "grey-alpha"}
    assert {name for name in SCENES if "CMYK" in notes[name]} == {"cmyk"}
    assert {name for name in SCENES if "transparent" in notes[name]} == {"clear", "grey-alpha", "palette"}
    kept = {name: Image.open(io.BytesIO(picture.encoded("PNG"))) for name, picture in made.items()}
    assert {name for name in SCENES if kept[name].info.get("icc_profile")} == {"profile"}
    assert kept["profile"].info["icc_profile"] == Image.open(io.BytesIO(SCENES["profile"][0])).info["icc_profile"]
    assert {name for name in SCENES if kept[name].getexif().get(ARTIST)} == {"turned"}


def test_the_model_sees_colours_not_numbers(inserting: TrainedModel, reference: Reference) -> None:
    plain = inserting.insert(SCENES["odd"][0], BOX, [reference], **QUICK).image
    managed = inserting.insert(SCENES["profile"][0], BOX, [reference], **QUICK).image
    difference = np.abs(np.asarray(swapped(managed), int) - np.asarray(plain, int))
    assert difference.max() <= 6, "the same picture, but for rounding"
    assert np.abs(np.asarray(managed, int) - np.asarray(plain, int)).max() > 50


def test_grey_and_cmyk_become_srgb_by_their_profile(inserting: TrainedModel, reference: Reference) -> None:
    grey, inks = Image.new("L", (50, 40), 128), Image.new("CMYK", (50, 40), (255, 0, 255, 0))
    cases = [
        (encoded(grey, "PNG", icc_profile=grey_profile()), 188),
        (encoded(inks, "TIFF", icc_profile=ink_profile()), 119),
    ]
    for scene, value in cases:
        made = inserting.insert(scene, (20, 10, 9, 9), [reference], **QUICK)
        assert made.profile is None and "which converted its colours to sRGB" in " ".join(made.notes)
        np.testing.assert_allclose(np.asarray(made.image)[0, 0], value, atol=2)


def test_damaged_metadata_are_left_out_and_the_picture_used(inserting: TrainedModel, reference: Reference) -> None:
    one_way = ink_profile().replace(b"CMYK", b"RGB ")
    for profile in (b"nonsense", one_way, ink_profile()):
        scene = encoded(ramp(), "PNG", icc_profile=profile)
        made = inserting.insert(scene, BOX, [reference], **QUICK)
        assert made.profile is None and "profile that cannot be used" in " ".join(made.notes)
        assert inside(BOX, changed(ramp(), made.image))
    damaged = encoded(ramp(), "JPEG", exif=b"Exif\0\0MM\0*nonsense")
    assert inserting.insert(damaged, BOX, [reference], **QUICK).image.size == (WIDTH, HEIGHT)


def test_of_several_pictures_the_first_is_taken_and_that_is_said(inserting: TrainedModel, reference: Reference) -> None:
    scene = encoded(ramp(), "TIFF", save_all=True, append_images=[ramp(9, 9)])
    made = inserting.insert(scene, BOX, [reference], **QUICK)
    assert inside(BOX, changed(ramp(), made.image)) and "the first one was taken" in " ".join(made.notes)


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 30, 20), (WIDTH - 30, HEIGHT - 20, 30, 20), (0, 0, WIDTH, HEIGHT), (40, 30, 1, 1), (96, 60, 1, 1),
        (3.4, 5.6, 20.3, 10.2), (0, 20, WIDTH, 3), (2, 0, 80, HEIGHT),
    ],
)  # fmt: skip
def test_any_box_in_the_scene_is_filled(box: tuple, inserting: TrainedModel, reference: Reference) -> None:
    whole = tuple(map(round, (box[0], box[1], box[0] + box[2], box[1] + box[3])))
    made = inserting.insert(SCENES["odd"][0], box, [reference], **QUICK).image
    area = changed(ramp(), made)
    assert inside((whole[0], whole[1], whole[2] - whole[0], whole[3] - whole[1]), area)
    for side, limit in enumerate((0, 0, WIDTH, HEIGHT)):
        if whole[side] == limit:
            assert area[side] == limit, "the scene's own edge is no edge of the box"


def test_a_margin_takes_the_shadow_along_and_no_more(inserting: TrainedModel, reference: Reference) -> None:
    made = inserting.insert(SCENES["odd"][0], BOX, [reference], margin=0.2, **QUICK).image
    area = changed(ramp(), made)
    assert not inside(BOX, area)
    assert inside((20 - 6, 12 - 6, 25 + 12, 30 + 12), area)


def test_a_tall_scene_is_wider_for_the_model_than_it_is(inserting: TrainedModel, reference: Reference) -> None:
    tall = ramp(30, 90)
    made = inserting.insert(tall, (5, 10, 20, 70), [reference], **QUICK)
    assert inside((5, 10, 20, 70), changed(tall, made.image))
    assert any("edge repeated" in note for note in made.notes)
    assert changed(tall, ramp(30, 90)) is None, "the caller's picture is left alone"


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_file_says_where_it_comes_from(
    ending: str, inserting: TrainedModel, reference: Reference, tmp_path: Path
) -> None:
    made = inserting.insert(SCENES["turned"][0], BOX, [reference], seed=7, **QUICK)
    made.save(tmp_path / f"out.{ending}")
    data = (tmp_path / f"out.{ending}").read_bytes()
    assert origin_of(data) == made.origin
    assert made.origin.seed == 7 and made.origin.box == "20,12,25,30"
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in data
    assert Image.open(io.BytesIO(data)).size == (HEIGHT, WIDTH)


def test_a_jpeg_stays_as_large_as_it_was(inserting: TrainedModel, reference: Reference) -> None:
    scene = encoded(ramp(200, 200), "JPEG", quality=60)
    made = inserting.insert(scene, BOX, [reference], **QUICK).encoded("JPEG")
    assert abs(len(made) / len(scene) - 1) < 0.2


def test_equal_seeds_give_equal_pictures(inserting: TrainedModel, reference: Reference) -> None:
    first, again, other = (inserting.insert(SCENES["odd"][0], BOX, [reference], seed=s, **QUICK) for s in (3, 3, 4))
    assert first.encoded() == again.encoded()
    assert first.image.tobytes() != other.image.tobytes()


@pytest.mark.parametrize("box", [(80, 0, 18, 5), (-1, 0, 5, 5), (0, 0, 0, 5), (float("nan"), 0, 5, 5), (0, 60, 5, 2)])
def test_a_box_outside_the_scene_is_one_sentence(box: tuple, inserting: TrainedModel, reference: Reference) -> None:
    with pytest.raises(UserError, match="97 x 61 px"):
        inserting.insert(SCENES["odd"][0], box, [reference], **QUICK)


def test_what_cannot_be_used_is_one_sentence(
    inserting: TrainedModel, generating: TrainedModel, reference: Reference, tmp_path: Path
) -> None:
    scene = SCENES["odd"][0]
    broken = tmp_path / "broken.png"
    broken.write_bytes(scene[: len(scene) // 2])
    clear, thin = Image.new("RGBA", (9, 9)), Image.new("RGB", (20_000, 2))
    cases = {
        "0 references": lambda: inserting.insert(scene, BOX, []),
        "4 references": lambda: inserting.insert(scene, BOX, [reference] * 4),
        "No such file": lambda: inserting.insert(tmp_path / "none.png", BOX, [reference]),
        "broken.png is not a usable picture": lambda: inserting.insert(broken, BOX, [reference]),
        "reference 2 is not a usable picture": lambda: inserting.insert(scene, BOX, [reference, b"text"]),
        "reference 1 has no box": lambda: inserting.insert(scene, BOX, [Reference(scene, (90, 0, 30, 5))]),
        "transparent all over": lambda: inserting.insert(scene, BOX, [clear]),
        "reference 1 would need a square of 20000 x 20000 px": lambda: inserting.insert(scene, BOX, [thin]),
        "the scene would need a square": lambda: inserting.insert(thin, (0, 0, 20_000, 2), [reference]),
        "steps is 0": lambda: inserting.insert(scene, BOX, [reference], steps=0),
        "trained for generation": lambda: generating.insert(scene, BOX, [reference]),
        "trained for insertion": lambda: inserting.generate("a mug", [reference]),
        "1 to 2000": lambda: generating.generate(" ", [reference]),
        "JPEG cannot keep": lambda: inserting.insert(SCENES["clear"][0], BOX, [reference], **QUICK).encoded("JPEG"),
    }
    for words, case in cases.items():
        with pytest.raises(UserError, match=words):
            case()


def test_a_generated_picture_has_the_models_size_and_says_so(
    generating: TrainedModel, reference: Reference, tmp_path: Path
) -> None:
    made = generating.generate('a <red> "mug" & co', [reference], steps=1)
    made.save(tmp_path / "out.webp")
    assert made.image.size == (32, 32) and "32 x 32 px" in " ".join(made.notes)
    data = (tmp_path / "out.webp").read_bytes()
    assert origin_of(data).prompt == 'a <red> "mug" & co'
    assert b"digitalsourcetype/trainedAlgorithmicMedia" in data


def test_what_a_model_does_not_read_of_a_prompt_is_said(generating: TrainedModel, reference: Reference) -> None:
    cases = {"a red mug": "", "a zyzzyva on a floor": "words of the prompt: zyzzyva", "red " * 200: "reads the first"}
    for prompt, words in cases.items():
        _, *notes = generating.generate(prompt, [reference], steps=1).notes
        assert bool(notes) == bool(words) and words in " ".join(notes)
