"""The card and the draft of the EU's summary: every figure against the rows, and nothing said that was not measured."""

import re
import shutil
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from components.common.errors import UserError
from pipelines.cli.lineage_export import export_command
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.eu_summary import KEYS
from pipelines.lineage.exports.export import FORMATS, export

Row = tuple[str, ...]


@pytest.fixture(scope="module")
def card(exported_run: Workspace) -> str:
    return export(exported_run, ["card"], exported_run.root / "out")[0].read_text()


def rows(text: str) -> list[Row]:
    """The cells of every line of a table; an escaped bar is no border."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines]


def summary(run: Workspace, folder: Path, declared: str = "") -> dict[str, list[Row]]:
    """Key of a field -> (status, statement) of each of its lines."""
    said = folder / "said.yaml"
    said.write_text(declared or "{}\n")
    (path,) = export(run, ["eu-summary"], folder, declared=said)
    found: dict[str, list[Row]] = {}
    for _, key, status, statement in rows(path.read_text()):
        if key not in ("key", "---"):
            found.setdefault(key, []).append((status, statement))
    return found


def test_the_card_counts_rows_rejects_and_splits(card: str) -> None:
    cells = rows(card)
    assert ("images", "5", "a photograph that was accepted") in [row[:3] for row in cells]
    assert {("quarantine", "ingest", "opted-out", "2"), ("quarantine", "ingest", "truncated", "1")} <= set(cells)
    assert {("detection_rejects", "detection", "overlap", "4"), ("train", "2"), ("validation", "1")} <= set(cells)


def test_the_card_counts_rights_and_calls_none_of_them_known(card: str) -> None:
    cells = rows(card)
    assert {("CC0-1.0", "2"), ("House rules", "1"), ("(unknown)", "1")} <= set(cells)
    assert {("iptc", "2"), ("robots.txt", "1"), ("labels", "1")} <= set(cells) and ("sidecar", "1") not in cells
    assert "with a rights signal: 2; with the date on which one was checked: 1." in card
    assert {("a.example", "2"), ("b.example", "1")} <= set(cells)
    assert "5 photographs. Without a known licence: 1; with the name to credit: 1; with a rights" in card
    front = yaml.safe_load(card.split("---\n")[1])
    assert (front["license"], front["size_categories"]) == ("unknown", ["n<1K"])
    assert "- The licence of 1 photograph is unknown." in card


def test_the_card_has_gates_window_and_making(card: str) -> None:
    cells = rows(card)
    assert ("recurrence", "pass", "all is well", "1", "0.5") in cells
    assert ("lower end of the window, cosine", "0.93") in cells
    making = next(row for row in cells if row[:2] == ("embedding", "2026-01-01T00:03:00+00:00"))
    assert making[2:4] == ("1.5", "c" * 12) and "encoder dddddddddddd" in making[4]
    assert "- mining: mining went well" in card


def test_the_card_of_a_stopped_run_says_so_and_what_was_left_out(
    exported_run: Workspace, stopped_run: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(exported_run.root, tmp_path / "run")
    gate = "data/gate_recurrence"
    shutil.copytree(stopped_run.root / gate, tmp_path / "run" / gate, dirs_exist_ok=True)
    card = export(Workspace(tmp_path / "run"), ["card"], tmp_path)[0].read_text()
    assert "- The gate recurrence is undecided: 3 of 12 are right. Next: label " in card
    assert "did not make: assembly_rejects, backgrounds, captioning_rejects, captions, gate_model" in card
    assert "- The run has made no training samples." in card


def test_values_cannot_break_out_of_the_card(stopped_run: Workspace, tmp_path: Path) -> None:
    said = tmp_path / "said.yaml"
    said.write_text("title: '<script>x</script> | [a](b)'\n")
    card = export(stopped_run, ["card"], tmp_path, declared=said)[0].read_text()
    assert r"# &lt;script&gt;x&lt;/script&gt; \| \[a\](b)" in card
    assert "<script>" not in card.split("---\n", 2)[2]


def test_the_summary_measures_what_can_be_measured(exported_run: Workspace, tmp_path: Path) -> None:
    fields = summary(exported_run, tmp_path)
    assert fields["images"] == [
        ("measured", "less than 1 million (5 photographs were accepted; 3 training samples were made from them)")
    ]
    assert fields["latest_acquisition"][0] == ("measured", "11/2025, of the photographs that say so (3 do not)")
    assert fields["top_domains"][0] == (
        "measured", "most frequent tenth of 2 domains of source addresses: a.example (2)",
    )  # fmt: skip
    assert fields["reservations"][0] == (
        "measured",
        "2 rows kept out because of an opt-out; 2 of 5 photographs that were used carry a signal; "
        "of these, 1 with the date of the check",
    )
    assert fields["model"][0][1].startswith("model_insertion (")


def test_the_summary_attests_nothing(exported_run: Workspace, tmp_path: Path) -> None:
    fields = summary(exported_run, tmp_path)
    assert fields.keys() == KEYS.keys()
    assert {key for key, lines in fields.items() if ("TO BE PROVIDED", "") not in lines} == {"modalities", "images"}
    for key in ("public_datasets", "crawled_data", "illegal_content", "user_data"):
        assert fields[key] == [("TO BE PROVIDED", "")]


def test_what_a_person_declares_stands_beside_what_is_measured(exported_run: Workspace, tmp_path: Path) -> None:
    fields = summary(exported_run, tmp_path, "provider: Ada's shop\nlicensed_data: all of it\nmarket_date:\n")
    assert fields["provider"] == [("declared", "Ada's shop")]
    measured = (
        "licences of the photographs: CC0-1.0 (2), CC-BY-4.0 (1), House rules (1); ingest.licence states CC0-1.0 for "
        "photographs whose labels name no licence"
    )
    assert fields["licensed_data"] == [("measured", measured), ("declared", "all of it")]
    assert fields["market_date"] == [("TO BE PROVIDED", "")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("provdier: x\n", "there is no declaration 'provdier'"), ("provider: [a, b]\n", "'provider' must be one text")],
)
def test_a_wrong_declaration_is_refused(exported_run: Workspace, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "said.yaml").write_text(text)
    with pytest.raises(UserError, match=sentence):
        export(exported_run, ["card"], tmp_path, declared=tmp_path / "said.yaml")


def test_wrong_words_are_refused(exported_run: Workspace, tmp_path: Path) -> None:
    for formats, receiver, sentence in (
        (["croisant"], "", "there is no export 'croisant': choose from croissant"),
        (["card"], "http://localhost:1", "only OpenLineage events are sent to --to"),
    ):
        with pytest.raises(UserError, match=sentence):
            export(exported_run, formats, tmp_path, receiver)
    with pytest.raises(UserError, match="there is no file"):
        export(exported_run, ["card"], tmp_path, declared=tmp_path / "none.yaml")


def test_a_folder_without_a_finished_stage_is_refused(exported_run: Workspace, tmp_path: Path) -> None:
    shutil.copy(exported_run.params, tmp_path)
    with pytest.raises(UserError, match=r"no stage of the run in .* has finished"):
        export(Workspace(tmp_path), ["card"], tmp_path)


def test_the_command_writes_all_formats_beside_the_datasets(exported_run: Workspace) -> None:
    app = typer.Typer()
    app.command()(export_command)
    done = CliRunner().invoke(app, ["--workspace", str(exported_run.root)])
    assert done.exit_code == 0, done.output
    written = [Path(line) for line in done.output.splitlines() if line.startswith(str(exported_run.root))]
    formats = ["croissant.json", "openlineage.jsonl", "prov.json", "README.md", "eu-training-summary.md"]
    assert written == [exported_run.dataset(name) for name in (*formats, "explorer/index.html")]
    assert all(path.stat().st_size for path in written)


def test_a_takedown_knows_every_file_of_an_export(exported_run: Workspace, tmp_path: Path) -> None:
    export(exported_run, FORMATS, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(FORMATS.values())
