"""How `make docs` builds the site. What is generated from the code comes from docs/_ext/promdrill_site."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "promdrill"
author = "the promdrill authors"
project_copyright = "the promdrill authors, Apache-2.0"
release = version_of("promdrill")
version = release.partition(".dev")[0]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "promdrill_site"]
exclude_patterns = ["_ext", "README.md", "benchmarks"]  # the last: part of benchmarks.md
nitpicky = True
default_role = "py:obj"  # a name in backticks in a docstring is a link where the site has such a page
language = "en"

myst_heading_anchors = 4
myst_enable_extensions = ["deflist", "fieldlist"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "promdrill"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
