"""The site is built without a warning, and needs nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT
from tools.docs_site import linked, outside_code, uri_of

pytest.importorskip("material")
pytest.importorskip("mkdocstrings")


class Page(HTMLParser):
    """What a page loads, where it links to, and the names that others can link to."""

    def __init__(self, path: Path):
        super().__init__()
        self.loaded, self.links, self.names = [], [], {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.names |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a":
            self.links += [values["href"]] if values.get("href") else []
        else:
            self.loaded += [values[key] for key in ("src", "href") if values.get(key)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", f"--site-dir={folder}"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_page_is_there(site):
    expected = {page.removeprefix("docs/").removesuffix(".md") for page in PAGES if page.startswith("docs/")}
    assert {f"{page}.html" for page in expected} <= {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert (site / "repository/zoo/factor_vae-dsprites/traversals.gif").is_file()
    assert (site / "repository/studies/every_model/vae.png").is_file()


def test_no_page_loads_anything_from_elsewhere(site, pages):
    for path, page in pages.items():
        assert [address for address in page.loaded if urlsplit(address).netloc] == [], path
    for path in site.rglob("*.css"):
        assert "url(http" not in path.read_text(), path
        assert "@import" not in path.read_text(), path


def test_docstrings_are_read_as_they_are_meant(site):
    # A line "A vote: ..." before an indented formula would become a box of that title.
    boxes = [re.findall("<summary>(.*?)</summary>", path.read_text()) for path in (site / "reference").glob("*.html")]
    assert {title for titles in boxes for title in titles} <= {"References"}


def test_links_lead_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for address in (*page.links, *page.loaded):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            named = target in pages and parts.fragment not in pages[target].names and parts.fragment != "__skip"
            if not target.exists() or named:
                broken.append((path.relative_to(site).as_posix(), address))
    assert broken == []


def test_links_of_the_readme_lead_somewhere():
    addresses = []
    outside_code((ROOT / "README.md").read_text(), lambda match: addresses.append(match[2]) or match[0])
    assert len(addresses) > 30
    assert [address for address in addresses if not (ROOT / address).exists()] == []


def test_the_readme_is_read_to_the_end():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_links_in_code_are_left_alone():
    picture = "zoo/vae-dsprites/traversals.png"
    text = f'[a](../README.md) `[b](../LICENSE)`\n```\n[c](../setup.py)\n```\n<img src="../{picture}">'
    assert linked("index.md", text) == ["README.md", picture]
    assert uri_of("setup.py") == "repository/setup.py.md"
    assert uri_of("docs/index.md") == "index.md"
