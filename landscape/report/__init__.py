"""Reports of results: a summary in numbers, the tables, the figures, and one HTML page with all of them."""

import sys
from types import ModuleType
from typing import Any

from landscape.report._figures import Drawn, figures
from landscape.report._page import report
from landscape.report._summary import SCHEMA, summarise
from landscape.report._tables import file_stem, harmless, tables

__all__ = ["SCHEMA", "Drawn", "figures", "file_stem", "harmless", "report", "summarise", "tables"]


class _Callable(ModuleType):
    """Importing this package sets ``landscape.report`` to the module, which is also the name of the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return report(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
