"""The record of a finding: what stops a run or weakens it, and the call or option that mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What stops a run or weakens its results.

    Attributes
    ----------
    level
        ``"error"``: the data cannot be used so, and a run refuses them. ``"warning"``: results are weaker than they look.
    message
        What was expected, and what was found.
    fix
        Call in Python that mends it; empty where the message says it.
    option
        Option of the command line that mends it; empty where the call in Python does.
    error
        Type of the exception that a run raises.
    """

    level: Literal["error", "warning"]
    message: str
    fix: str = ""
    option: str = ""
    error: type[Exception] = ValueError

    def __str__(self) -> str:
        """The message with what mends it, in Python and on the command line."""
        option = f"on the command line `{self.option}`" if self.option else ""
        mends = ", ".join(filter(None, (f"`{self.fix}`" if self.fix else "", option)))
        text = self.message.rstrip(".;")
        return f"{text}; {mends}." if mends else f"{text}."

    def exception(self) -> Exception:
        """Exception with the message and what mends it."""
        return self.error(str(self))


def caught(check: Callable[..., Any], *args: Any, fix: str = "", option: str = "", **options: Any) -> list[Finding]:
    """What a check refuses, as findings: none where it passes."""
    try:
        check(*args, **options)
    except (ValueError, TypeError, KeyError, OSError) as error:
        return [refusal(error, fix=fix, option=option)]
    return []


def refusal(error: Exception, *, fix: str = "", option: str = "") -> Finding:
    """An exception as a finding; a run raises one of the same type."""
    kind = next(known for known in (KeyError, TypeError, OSError, ValueError) if isinstance(error, known))
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return Finding("error", text, fix, option, FileNotFoundError if isinstance(error, FileNotFoundError) else kind)
