"""Lines, tables and trees on a terminal, through rich; see `harmless` for what no text may do there."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from components.common.harmless import harmless, sentences


def shown(text: object) -> str:
    """A name or value in rich's markup: harmless, and with brackets that are only brackets."""
    return escape(harmless(str(text)))


class Terminal(Console):
    """A rich console on which no text acts on the terminal, even inside tables or trees."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich's; control codes of its own, such as those of a progress bar, stay."""
        for part in super().render(renderable, options):
            yield part if part.control else Segment(sentences(part.text), part.style)
