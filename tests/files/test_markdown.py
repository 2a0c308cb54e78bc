import json

import pytest

from tfvae.files import markdown
from tfvae.files.markdown import Table

TABLE = Table("Steps", ["model", "images", "ms"], [["a|b", 12_345, 0.12345], ["c", 1, None]], ["In one thread."])


def test_a_head_and_a_row_are_lines_of_markdown():
    assert markdown.head(["fault", "times"], right=["times"]) == "| fault | times |\n| --- | ---: |"
    assert markdown.row(["a|b", "2"]) == "| a\\|b | 2 |"


def test_a_table_is_printed_with_its_title_and_notes():
    assert TABLE.to_markdown().splitlines() == [
        "### Steps",
        "",
        "| model | images | ms |",
        "| --- | ---: | ---: |",
        "| a\\|b | 12,345 | 0.123 |",
        "| c | 1 |  |",
        "",
        "In one thread.",
    ]


def test_json_keeps_every_digit():
    table = json.loads(json.dumps(TABLE.to_dict()))
    assert table["rows"][0] == {"model": "a|b", "images": 12_345, "ms": 0.12345}
    assert table["notes"] == ["In one thread."]


@pytest.mark.parametrize(
    ("text", "plain", "code"),
    [
        ("wall_hue", "wall_hue", "`wall_hue`"),
        ("a|b", "a\\|b", "`a\\|b`"),
        ("a`b", "a\\`b", "`` a`b ``"),
        ("``", "\\`\\`", "``` `` ```"),
        ("<b>\n x", "\\<b> x", "`<b> x`"),
    ],
)
def test_text_from_elsewhere_stays_in_its_cell(text, plain, code):
    assert (markdown.plain(text), markdown.code(text)) == (plain, code)


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match=r"Expected 2 cells.*Received: \['x'\]"):
        Table("t", ["a", "b"], [["x"]])
