"""A hook of MkDocs: the site also has the files of the repository that its pages link to.

A page in docs/ links to a file anywhere in the repository by its relative path, as GitHub shows it. Such a file becomes
a page under repository/: Markdown as it is, code as a listing; pictures are copied. Links between them keep working.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
FOLDER = "repository/"
LINK = re.compile(r"(\]\(|<img src=\")([^)\s#\"]+)((?:#[^)\s]*)?[)\"])")
FENCE = re.compile(r"^```.*?^```$|^ {4}.*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
PICTURES = (".png", ".gif", ".svg")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files that pages link to, and those that these link to."""
    pending = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
    while pending:
        source, text = pending.pop()
        for path in linked(source, text):
            uri = uri_of(path)
            if files.get_file_from_path(uri) is not None or uri == path:
                continue
            if path.endswith(PICTURES):
                files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
                continue
            content = page_of(path)
            files.append(File.generated(config, uri, content=content))
            pending.append((uri, content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links that leave docs/ to the pages that were added."""
    source = page.file.src_uri

    def pointed(match: re.Match) -> str:
        path = resolved(source, match[2])
        if path is None:
            return match[0]
        return f"{match[1]}{posixpath.relpath(uri_of(path), posixpath.dirname(source) or '.')}{match[3]}"

    return outside_code(markdown, pointed)


def linked(source: str, text: str) -> list[str]:
    """The files of the repository that a page links to, by their paths from its top."""
    found: list[str] = []

    def note(match: re.Match) -> str:
        path = resolved(source, match[2])
        found.extend([] if path is None else [path])
        return match[0]

    outside_code(text, note)
    return found


def outside_code(text: str, replace: Callable[[re.Match], str]) -> str:
    """The text with its links replaced, except those in code."""
    parts, start = [], 0
    for code in FENCE.finditer(text):
        parts += [LINK.sub(replace, text[start : code.start()]), code[0]]
        start = code.end()
    return "".join([*parts, LINK.sub(replace, text[start:])])


def resolved(source: str, link: str) -> str | None:
    """The file that a link of a page names, by its path from the top of the repository; None for other links."""
    if re.match(r"[a-z]+:|/", link):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(repository_path(source)), link))
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    return path if (ROOT / path).is_file() else None


def repository_path(uri: str) -> str:
    """Where the source of a page is, from the top of the repository."""
    if not uri.startswith(FOLDER):
        return f"docs/{uri}"
    path = uri.removeprefix(FOLDER)
    return path if (ROOT / path).is_file() else path.removesuffix(".md")


def uri_of(path: str) -> str:
    """Where a file of the repository is in the site's sources."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return FOLDER + path if path.endswith((".md", *PICTURES)) else f"{FOLDER}{path}.md"


def page_of(path: str) -> str:
    """The page about a file: itself, if it is Markdown, or a listing."""
    text = (ROOT / path).read_text()
    if path.endswith(".md"):
        return text
    return f"# {path}\n\n```{Path(path).suffix.removeprefix('.').replace('pyi', 'py')}\n{text}```\n"
