"""How Sphinx builds the site; no page loads anything from another machine."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError, PycodeError
from sphinx.pycode import ModuleAnalyzer

project = "AdaptLab"
author = "the AdaptLab contributors"
language = "en"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = [".doctrees", "extra", "templates"]
templates_path = ["templates"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"  # browsers show it without a script

html_theme = "furo"
html_title = "AdaptLab"
html_static_path = ["static"]
html_extra_path = ["extra"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
# It is fetched, which a browser refuses to a page that was opened as a file.
html_show_search_summary = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {
        "color-foreground-muted": "#595d63",
        "color-brand-primary": "#0a5a9c",
        "color-brand-content": "#0a5a9c",
    },
    "dark_css_variables": {
        "color-foreground-muted": "#b5b8bd",
        "color-brand-primary": "#8ab4f8",
        "color-brand-content": "#8ab4f8",
    },
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"


def as_restructured_text(app, what, name, obj, options, lines):
    """Docstrings are plain sentences with code between single backticks; whatever else would be
    markup is text.
    """
    lines[:] = ["".join(_part(part) for part in re.split(r"(`[^`]+`)", line)) for line in lines]


def _part(part: str) -> str:
    return f"`{part}`" if part.startswith("`") else re.sub(r"([\\*|]|_(?!\w))", r"\\\1", part)


def only_ours(modname, analyze=ModuleAnalyzer.for_module):
    """Sources of other libraries, in which our classes have their bases, take longer to read than
    our own, and say nothing here.
    """
    if not modname.startswith("adaptlab"):
        raise PycodeError(modname)
    return analyze(modname)


ModuleAnalyzer.for_module = only_ours


def plain_captions(app, pagename, templatename, context, doctree):
    """Captions of the list of pages claim to be headings, and of no level."""
    context["furo_navigation_tree"] = context.get("furo_navigation_tree", "").replace(
        ' role="heading"', ""
    )


def _mathml(node, as_block: bool) -> str:
    formula = node.astext()
    try:
        return tex2mathml(formula, as_block=as_block)
    except MathError as error:
        problem = f"the formula {formula!r} cannot be converted to MathML ({error})"
        raise ExtensionError(f"{problem}. Write it with other commands.") from error


def inline_math(translator, node):
    translator.body.append(_mathml(node, as_block=False))
    raise SkipNode


def block_math(translator, node):
    translator.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>\n')
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    app.connect("autodoc-process-docstring", as_restructured_text)
    app.connect("html-page-context", plain_captions, priority=900)  # after the theme's own
