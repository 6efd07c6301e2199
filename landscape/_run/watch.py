"""Observing a run: events of its progress, peak memory, and warnings to repeat in the report."""

from __future__ import annotations

import contextlib
import logging
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Start or end of a step of the run, or that it is kept from an earlier run."""

    stage: str
    number: int
    total: int
    status: Literal["started", "done", "kept"]
    seconds: float = 0.0
    peak_memory_mb: float = 0.0


Observer = Callable[[Event], None]


def log(event: Event) -> None:
    """Observer that writes to the log."""
    where = f"stage {event.number} of {event.total}, {event.stage}"
    if event.status == "done":
        logger.info("%s: %.1f s, peak memory %.0f MB", where, event.seconds, event.peak_memory_mb)
    else:
        logger.info("%s: %s", where, event.status)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)  # bytes on macOS, kibibytes on Linux


@contextlib.contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """List that fills with the package's logged warnings while the block runs."""
    messages: list[str] = []
    handler = _Collector(messages)
    package = logging.getLogger("landscape")
    package.addHandler(handler)
    try:
        yield messages
    finally:
        package.removeHandler(handler)


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        listening = [*logging.getLogger("landscape").handlers, *logging.getLogger().handlers]
        if logging.lastResort is not None and all(isinstance(handler, _Collector) for handler in listening):
            logging.lastResort.handle(record)  # as without this handler: a warning without a reader is shown
