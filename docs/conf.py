"""How the pages of this folder become a site: `make docs`."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

project = "Hallmark"
author = "The Hallmark developers"
release = importlib.metadata.version("hallmark")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["build"]
html_theme = "furo"
html_title = f"Hallmark {release}"
html_copy_source = False

# Headings are link targets, as they are where the repository is browsed.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
