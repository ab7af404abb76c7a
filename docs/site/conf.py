"""Sphinx's configuration of the documentation site: `sphinx-build -W -c docs/site . site`.

The pages are the Markdown files of the repository as GitHub shows them; the folder of the sources
is the repository itself, so that links such as ../README.md lead to the same file here and there.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "fastpg"
author = "The fastpg authors"
html_title = "fastpg"
language = "en"

extensions = ["myst_nb", "sphinx_copybutton", "formulas", "pages"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/**.md",
    "docs/**.ipynb",
]
exclude_patterns = [".*", "build", "site"]  # not searched for pages
nb_execution_mode = "off"  # notebooks have their outputs, of docs/run_notebooks.py
nitpicky = True
smartquotes = False

# What is no syntax on GitHub is none here; anchors of headings are made by its rules. Text that a
# pair of ~ strikes through there, mostly by mistake in a formula, is a warning here.
myst_disable_syntax = [
    "front_matter",
    "myst_block_break",
    "myst_line_comment",
    "myst_role",
    "myst_target",
]
myst_enable_extensions = ["strikethrough"]
myst_strikethrough_single_tilde = True
myst_heading_anchors = 4

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["extra"]  # index.html, which leads to the first page
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"
