"""Names from files do not act on a terminal, whichever command prints them."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.table import Table
from rich.tree import Tree
from typer.testing import CliRunner

from components.common.data.reading import Dataset
from components.common.harmless import harmless, json_text, sentences
from components.common.terminal import Terminal, shown
from components.ingest.params import Params
from components.ingest.stage import run
from pipelines.cli.app import app
from pipelines.cli.stopping import in_one_sentence

ROOT = Path(__file__).parents[2]
WORLD = ROOT / "components/sandbox/world/corpus/images"
ACTING = "\x1b]0;title\x07 \x1b[2J\x9b31m \u202egpj.exe\u2028\r\n\t\udc80"
NAME = "a\x1b[31m[bold]b\nNothing is left\x9b2J.jpg"


def acts(text: str) -> bool:
    return bool(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", text))


def test_what_acts_is_written_out_and_letters_stay() -> None:
    assert not acts(harmless(ACTING)) and "\n" not in harmless(ACTING)
    assert harmless("\x1b[2J") == r"\x1b[2J" and harmless("\u202e") == r"\u202e"
    harmless(ACTING).encode()  # halves of characters, too
    for letters in ("Tasse Käse 茶碗.jpg", "🍵 a\u00a0b", "[bold]x[/bold]"):
        assert harmless(letters) == letters
    assert sentences("two\nlines\x1b") == "two\nlines\\x1b"


def test_json_stays_json_and_acts_no_more() -> None:
    value = {"name": ACTING.replace("\udc80", ""), "tea": "茶"}
    assert json.loads(json_text(value)) == value and not acts(json_text(value)) and "茶" in json_text(value)


@pytest.mark.parametrize("part", ["line", "table", "tree"])
def test_a_terminal_prints_no_text_that_acts_and_keeps_its_own_colours(part: str) -> None:
    table, tree = Table("name"), Tree("root")
    table.add_row("\x1b[2Jx")
    tree.add("\x1b[2Jx")
    screen, parts = StringIO(), {"line": "[red]\x1b[2Jx", "table": table, "tree": tree}
    Terminal(file=screen, force_terminal=True, width=60, highlight=False).print(parts[part])
    assert r"\x1b" in screen.getvalue() and "\x1b[2J" not in screen.getvalue()
    assert part != "line" or "\x1b[31m" in screen.getvalue()


def test_brackets_in_a_name_are_no_markup() -> None:
    screen = StringIO()
    Terminal(file=screen, width=60).print(f"[bold]{shown('[red]x[/red]')}[/bold]")
    assert screen.getvalue() == "[red]x[/red]\n"


def test_every_module_prints_through_these_two() -> None:
    """So that a new command cannot forget it."""
    own = {ROOT / "components/common/terminal.py"}
    modules = [path for room in ("components", "pipelines") for path in (ROOT / room).rglob("*.py")]
    forbidden = re.compile(r"rich\.console import .*\bConsole\b|rich\.markup import|import rich$", re.MULTILINE)
    assert {path for path in modules if forbidden.search(path.read_text(encoding="utf-8"))} == own


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a photograph and a refused file whose names act on a terminal."""
    home = tmp_path_factory.mktemp("run")
    (home / "photographs").mkdir()
    (home / "photographs" / NAME).write_bytes((WORLD / "00000.jpg").read_bytes())
    (home / "photographs" / f"empty {NAME}").write_bytes(b"")
    outputs = {name: home / "data" / name for name in ("images", "quarantine", "subjects", "rights")}
    run({}, outputs, Params(images=str(home / "photographs"), min_side=32))
    assert Dataset(home / "data/images").rows()[0]["uri"] == NAME
    return home


@pytest.mark.parametrize(
    "words",
    [
        ("lineage", "view", "images:0"),
        ("lineage", "view", "images:0", "--json"),
        ("lineage", "view", "quarantine:0"),
        ("lineage", "find", "images.uri=*"),
        ("takedown", "plan", NAME),
    ],
)
def test_commands_print_names_harmlessly(workspace: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str]) -> None:
    monkeypatch.chdir(workspace)
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    assert not acts(done.output) and "u001b" in done.output.replace("x1b", "u001b")
    assert "\nNothing is left" not in done.output


def test_an_error_prints_them_harmlessly(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace)
    monkeypatch.setattr("sys.argv", ["objectmate", "lineage", "view", "no\x1b[2J.jpg"])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit):
        in_one_sentence(app)
    said = capsys.readouterr().err
    assert r"no\x1b[2J.jpg is not an id" in said and not acts(said)
