"""Where a stage's seconds go: chosen functions are temporarily wrapped by ones that measure their time."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Clock:
    """Time per part, in the thread that created the clock.

    seconds: part -> seconds, without those of parts nested in it. calls: the recorded calls, in order.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: list[Call] = []
        self._thread = threading.get_ident()
        self._within = [0.0]

    def timed(
        self, function: Callable[..., Any], part: str, record: bool = False, seen: Callable[[Any], object] = id
    ) -> Callable[..., Any]:
        """The function, whose time counts as `part`. record: keep its calls. seen: called with what it returns."""

        def called(*arguments: Any, **named: Any) -> Any:
            if threading.get_ident() != self._thread:
                return function(*arguments, **named)
            if record:
                self.calls.append((function, arguments, named))
            self._within.append(0.0)
            start = time.perf_counter()
            try:
                result = function(*arguments, **named)
            finally:
                spent = time.perf_counter() - start
                self.seconds[part] += spent - self._within.pop()
                self._within[-1] += spent
            seen(result)
            return result

        return called

    def watch(self, owner: Any, name: str, part: str, record: bool = False) -> None:
        """Times a method of an object for as long as the object exists."""
        setattr(owner, name, self.timed(getattr(owner, name), part, record))

    @contextmanager
    def watching(self, owner: Any, name: str, part: str, seen: Callable[[Any], object] = id) -> Iterator[None]:
        """Times a function of a module or class in this block."""
        original = vars(owner)[name]
        setattr(owner, name, self.timed(original, part, seen=seen))
        try:
            yield
        finally:
            setattr(owner, name, original)
