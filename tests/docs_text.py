"""The pages for users, read as tests need them: links, paths, code blocks, and the commands in them."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
README, RUNBOOK = ROOT / "README.md", ROOT / "infra" / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
AFTER_A_RUN = "after a run"
_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]+) -->\n)?(?P<fence> *```)(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.M | re.S
)
_PATH = re.compile(r"(?<![\w/:.<-])(?:components|pipelines|infra|tests|docs)/[\w.][\w./-]*(?![\w./-]*[<*])")
_SHELL = frozenset({".", "source", "cd", "cp", "eval", "export", "set"})
_MADE_BY_READERS = frozenset({"infra/compose/.env"})
_EXTERNAL = frozenset({"docker", "kubectl", "python"})


@dataclass(frozen=True)
class Block:
    """A block of code. note: the comment above it, which says why it is not run, or that it needs a finished run."""

    page: Path
    line: int
    language: str
    text: str
    note: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's blocks in these languages."""
    text = page.read_text(encoding="utf-8")
    matches = [match for match in _BLOCK.finditer(text) if match["language"] in languages]
    lines = [text.count("\n", 0, match.start()) + 1 for match in matches]
    return [
        Block(page, line, match["language"], match["text"], match["note"] or "")
        for line, match in zip(lines, matches, strict=True)
    ]


def blocks_after_a_run() -> list[Block]:
    """The shell blocks that need a finished run in the folder: tests/pipelines/test_runs.py runs them."""
    return [block for page in PAGES for block in blocks(page, "sh") if block.note == AFTER_A_RUN]


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead, except to other sites."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target for target in targets if "://" not in target]


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub writes them."""
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths(page: Path) -> set[str]:
    """The files and folders of the project that the page names anywhere."""
    return {path.rstrip("./") for path in _PATH.findall(page.read_text(encoding="utf-8"))} - _MADE_BY_READERS


def keys(page: Path) -> set[str]:
    """The dotted words of the page's code, including every parameter that it names."""
    code = re.findall(r"`[^`]+`|```.*?```", page.read_text(encoding="utf-8"), re.S)
    return {word for text in code for word in re.findall(r"(?<![\w./])[a-z_]+(?:\.[a-z_]+)+(?![\w./(])", text)}


def spans(page: Path) -> list[list[str]]:
    """The `objectmate ...` commands in running text and tables, as words; brackets mark what may be left out."""
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    texts = re.findall(r"`objectmate ([^`]+)`", " ".join(prose.split("\n")))
    return [shlex.split(re.sub(r"[\[\]]", "", text)) for text in texts]


def commands(block: Block) -> list[list[str]]:
    """The commands of a shell block as words, without comments and the variables set in front of them."""
    lines = re.sub(r"(?m)(^|\s)#.*$", "", block.text).replace("\\\n", " ").replace("\n", ";")
    lexer = shlex.shlex(lines, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split, lexer.commenters = True, ""
    split: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&|;"):
            split.append([])
        elif split[-1] or not re.match(r"\w+=", word):
            split[-1].append(word)
    return [words for words in split if words]


def check(words: list[str]) -> None:
    """Raises an error unless a command exists and takes these words; nothing is run."""
    program, *rest = words
    if program == "objectmate":
        check_objectmate(rest)
    elif program == "mlflow":
        from mlflow.cli import cli

        _parse(cli, rest)
    elif program == "dvc":
        from dvc.cli.parser import get_main_parser

        get_main_parser().parse_args(rest)
    elif program == "make":
        subprocess.run(["make", "--dry-run", *rest], cwd=ROOT, check=True, capture_output=True)
    else:
        assert program in _SHELL | _EXTERNAL or (ROOT / program).is_file(), f"there is no command {program}"


def check_objectmate(words: list[str]) -> None:
    """Raises an error unless `objectmate` takes these words and has the parameters that they set."""
    from pipelines.parameters import resolve

    given = _parse(_objectmate(), words)
    for setting in given.get("set_") or ():
        key, _, value = setting.partition("=")
        resolve(given["profile"], {key: yaml.safe_load(value)})


def check_options(words: list[str]) -> None:
    """Raises an error unless `objectmate` has this command, with the options named; arguments may be missing."""
    command, words = _subcommand(_objectmate(), words)
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known, f"{command.name} has {sorted(known)}"


def _objectmate() -> Any:
    from typer.main import get_command

    from pipelines.cli.app import app

    return get_command(app)


def _parse(command: Any, words: list[str]) -> dict[str, Any]:
    command, words = _subcommand(command, words)
    return command.make_context(command.name, words).params


def _subcommand(command: Any, words: list[str]) -> tuple[Any, list[str]]:
    """The subcommand that the first words name, and the remaining words."""
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        subcommand = command.get_command(command.context_class(command), words[0])
        assert subcommand, f"{command.name} has no command {words[0]}"
        command, words = subcommand, words[1:]
    return command, words
