"""Sphinx configuration. `make docs` builds offline; a warning is an error.

LANDSCAPE_DOCS_LINKS=1    link to the documentation of other packages (fetches their inventories)
LANDSCAPE_DOCS_EXECUTE=1  execute the tutorials, so that their results are shown
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout serves where the package is not installed
sys.path.insert(0, str(Path(__file__).parent))

import landscape

landscape.report  # noqa: B018  # the function: asked for before its package, of the same name, is imported

project = "landscape"
author = "The landscape developers"
copyright = f"{datetime.now(UTC):%Y}, {author}"
version = release = landscape.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
    "_prose_returns",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
suppress_warnings = [
    "mystnb.unknown_mime_type",
    "ref.footnote",  # a reference may belong to the docstring as a whole
    "autosummary.import_cycle",  # the packages are listed by their full names, below the module that holds them
    "ref.python",  # attributes of several classes share a name (n_genes); full names are still checked
]

# The API is what `__all__` says.
autosummary_generate = True
autosummary_generate_overwrite = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
typehints_defaults = "braces"
typehints_use_signature = False
always_document_param_types = True

# A broken link to a public name is an error. Names of private files come from annotations only, and other packages' names
# become links where their inventories may be fetched.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!landscape).*"),
    ("py:.*", r"landscape(\.\w+){3,}"),
    ("py:mod", r"landscape(\.\w+){2}"),
]
if os.environ.get("LANDSCAPE_DOCS_LINKS"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "anndata": ("https://anndata.readthedocs.io/en/stable/", None),
        "networkx": ("https://networkx.org/documentation/stable/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "pandas": ("https://pandas.pydata.org/pandas-docs/stable/", None),
        "python": ("https://docs.python.org/3/", None),
        "scanpy": ("https://scanpy.readthedocs.io/en/stable/", None),
        "scipy": ("https://docs.scipy.org/doc/scipy/", None),
        "scvi-tools": ("https://docs.scvi-tools.org/en/stable/", None),
        "torch": ("https://docs.pytorch.org/docs/stable/", None),
    }

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache" if os.environ.get("LANDSCAPE_DOCS_EXECUTE") else "off"
nb_execution_raise_on_error = True
nb_execution_timeout = 600

html_theme = "sphinx_book_theme"
html_title = "landscape"
html_static_path = ["_static"]
html_theme_options = {"show_toc_level": 2, "use_download_button": False}
