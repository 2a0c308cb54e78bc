"""The tables of the zoo in README.md and docs/zoo.md. They follow from the files of the entries."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfvae import zoo
from tfvae.data.names import parse
from tfvae.files import markdown
from tfvae.files.atomic import written_whole
from tfvae.models import MODELS
from tfvae.release.card import card, shown_accuracies, shown_reconstruction, shown_score
from tfvae.release.published import PUBLISHED, SOURCES, Score, shown

# The metrics in the tables; a card has all of them.
_COLUMNS = {"factor_vae": "FactorVAE metric", "mig": "MIG", "dci": "DCI"}
_SHORT = ("factor_vae", "mig")
_INFOMEC = ("infom", "infoe", "infoc")


def table(*, root: str | os.PathLike | None = None) -> str:
    """The zoo's entries as a table in Markdown, one row each, from their scores.json: that of docs/zoo.md."""
    columns = ["entry", "version", "steps", *_COLUMNS.values(), "reconstruction (nats)", "KL (nats)", "category"]
    lines = [markdown.head(columns)]
    for name in zoo.names(root=root):
        scores = zoo.load_scores(name, root=root)
        steps = scores["release"]["steps"]
        lines.append(
            markdown.row(
                [
                    f"[{name}](../zoo/{name}/card.md)",
                    scores["release"]["version"],
                    f"{steps['trained']:,} of {steps['planned']:,}",
                    *(shown_score(scores.get(metric, {})) for metric in _COLUMNS),
                    shown_reconstruction(scores),
                    f"{scores['kl']['total']:.1f}" if "kl" in scores else "-",
                    ", ".join(f"{factor} {value}" for factor, value in shown_accuracies(scores)) or "-",
                ]
            )
        )
    return "\n".join(lines) + "\n"


def short_table(*, root: str | os.PathLike | None = None) -> str:
    """As `table`, with fewer columns: that of README.md."""
    lines = [markdown.head(["entry", "steps", *(_COLUMNS[name] for name in _SHORT), "reconstruction (nats)"])]
    for name in zoo.names(root=root):
        scores = zoo.load_scores(name, root=root)
        found = [shown_score(scores.get(metric, {})) for metric in _SHORT]
        steps = f"{scores['release']['steps']['trained']:,}"
        lines.append(markdown.row([f"[{name}](zoo/{name}/card.md)", steps, *found, shown_reconstruction(scores)]))
    return "\n".join(lines) + "\n"


def published_table(*, root: str | os.PathLike | None = None) -> str:
    """The entries beside what papers report on the same data, and the sources: that of docs/zoo.md."""
    columns = ["data", "method", *_COLUMNS.values(), "InfoM / InfoE / InfoC", "supervision", "training", "source"]
    lines, cited = [markdown.head(columns)], []
    for data in dict.fromkeys(row.data for row in PUBLISHED):
        for name in zoo.names(root=root):
            experiment, scores = zoo.load_experiment(name, root=root), zoo.load_scores(name, root=root)
            if parse(experiment.data)[0] == data:
                means = {metric: (found["score"], None) for metric, found in scores.items() if _is_scored(found)}
                supervision = "pairs of images" if MODELS[experiment.model].paired else "none"
                if experiment.supervision:
                    supervision = f"{experiment.supervision['labels']:,} labels"
                training = f"{scores['release']['steps']['trained']:,} steps, one seed"
                link = f"**[{name}](../zoo/{name}/card.md)**"
                lines.append(markdown.row([data, link, *_cells(means), supervision, training, "this zoo"]))
        for row in PUBLISHED:
            if row.data == data:
                source = SOURCES[row.source]
                cited += [source] if source not in cited else []
                cells = [data, row.method, *_cells(row.scores), "none", "", f"[{cited.index(source) + 1}]"]
                lines.append(markdown.row(cells))
    notes = [f"{place}. {source}" for place, source in enumerate(cited, 1)]
    return "\n".join([*lines, "", *notes]) + "\n"


def refresh(*, root: str | os.PathLike) -> None:
    """Writes all cards again, and the tables of README.md and docs/zoo.md, from the entries' files."""
    root = Path(root)
    for name in zoo.names(root=root):
        _write(root / "zoo" / name / "card.md", card(root / "zoo" / name))
    for page, tables in PAGES.items():
        if (root / page).exists():
            text = (root / page).read_text()
            for name, rows in tables.items():
                text = with_table(text, name, rows(root=root))
            _write(root / page, text)


def with_table(text: str, name: str, table: str) -> str:
    """The text with the table between its two markers replaced; unchanged if it has no markers."""
    begin, end = markers(name)
    before, begin, rest = text.partition(begin)
    _, end, after = rest.partition(end)
    return f"{before}{begin}\n{table}{end}{after}" if begin and end else text


def markers(name: str) -> tuple[str, str]:
    """The lines before and after a table that is written by `refresh`."""
    return f"<!-- {name} table, by tools.release --table -->", f"<!-- end of {name} table -->"


# By page, the tables that it has.
PAGES: dict[str, dict[str, Callable[..., str]]] = {
    "README.md": {"zoo": short_table},
    "docs/zoo.md": {"zoo": table, "published": published_table},
}


def _is_scored(found: Any) -> bool:
    return isinstance(found, Mapping) and found.get("score") is not None


def _cells(scores: Mapping[str, Score]) -> list[str]:
    """A cell for each metric of `_COLUMNS`, and one for InfoMEC's three."""
    single = [shown(scores[name]) if name in scores else "" for name in _COLUMNS]
    parts = [f"{scores[name][0]:.2f}" for name in _INFOMEC if name in scores]
    return [*single, " / ".join(parts)]


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        with written_whole(path) as beside:
            beside.write_text(text)
