"""How `make docs` makes the pages of docs/ into a site: Sphinx, MyST for Markdown, the theme Furo."""

import re
from pathlib import Path

from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
# Pages name files of the repository, which the site does not have.
REPOSITORY = "https://github.com/eventflow/eventflow/blob/main/"

project = "EventFlow"
copyright = "the EventFlow authors"
html_title = "EventFlow"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["site", "dist", "adr/README.md"]
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_extra_path = []

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block"]
# A comment in front of a block is for the runner of blocks, not for readers.
myst_fence_as_directive = []
# The blocks of these languages are shown as they are.
highlight_language = "text"


def links_that_leave(app, docname, source):
    """A link to a file outside of docs/ leads to the repository."""
    folder = Path(app.srcdir, docname).parent

    def outside(match):
        target, anchor = match.group(2), match.group(3) or ""
        path = (folder / target).resolve()
        if "://" in target or target.startswith("#") or path.is_relative_to(app.srcdir):
            return match.group(0)
        if not path.exists():
            logging.getLogger(__name__).warning("%s: there is no %s", docname, target)
        return f"{match.group(1)}{REPOSITORY}{path.relative_to(ROOT)}{anchor})"

    source[0] = re.sub(r"(\]\()([^)#\s]+)(#[^)\s]*)?\)", outside, source[0])


def scripts_in_files(app, exception):
    """The server's Content-Security-Policy allows no scripts within pages: each becomes a file."""
    if exception:
        return
    scripts = {}
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text()

        def to_file(match):
            body = match.group(1).strip()
            name = scripts.setdefault(body, f"_static/page-{len(scripts)}.js")
            up = "../" * len(page.relative_to(app.outdir).parent.parts)
            return f'<script src="{up}{name}"></script>'

        page.write_text(re.sub(r"<script>(.*?)</script>", to_file, text, flags=re.S))
    for body, name in scripts.items():
        Path(app.outdir, name).write_text(body + "\n")


def setup(app):
    app.connect("source-read", links_that_leave)
    app.connect("build-finished", scripts_in_files)
