"""A page's contents as one file of HTML."""

from importlib import resources
from pathlib import Path

import jinja2

import tfvae
from tfvae.files.atomic import written_whole
from tfvae.report.contents import Contents, Subject


def write_html(contents: Contents, subject: Subject, path: Path) -> None:
    """Writes the page, whole or not at all."""
    folder = resources.files("tfvae.report").joinpath("assets")
    read = {name: (folder / name).read_text() for name in ("page.html", "style.css", "decoder.js", "sliders.js")}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    html = environment.from_string(read["page.html"]).render(
        **vars(contents) | {"skipped": contents.skipped_by_reason()},
        quick=subject.quick,
        seed=subject.seed,
        version=tfvae.__version__,
        style=read["style.css"],
        decoder_script=read["decoder.js"],
        sliders_script=read["sliders.js"],
    )
    with written_whole(path) as beside:
        beside.write_text(html, encoding="utf-8")
