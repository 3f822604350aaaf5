"""Configuration of the site, as Sphinx reads it. `python -m docs site` builds it; docs/site.py says what is done to the pages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for docs.site, whoever calls Sphinx

from docs.site import alone

project = "Lockstep"
html_title = "Lockstep"
language = "en"
extensions = ["myst_parser", "docs.site"]
source_suffix = {".md": "markdown"}
root_doc = "index"
nitpicky = True

# Anchors of headings as a code host makes them; {#id} for the anchors that pages set themselves.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it would fetch each page, which a browser refuses where pages are files
html_theme_options = {
    "logo": {"text": "Lockstep"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {page: [] for page in alone()}
html_context = {"default_mode": "auto"}
