import pytest

from tfvae.cli.values import assigned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps=100", ("steps", 100)),
        ('parameters={"gamma": 10}', ("parameters", {"gamma": 10})),
        ("data=folder:x?size=64", ("data", "folder:x?size=64")),
        ('seed="3"', ("seed", "3")),
    ],
)
def test_a_value_is_json_or_else_text(text, expected):
    assert assigned("set", text) == expected


def test_a_key_alone_is_refused_with_the_form_that_the_flag_expects():
    with pytest.raises(ValueError, match=r"^Expected --set=key=value\. Received: --set=steps$"):
        assigned("set", "steps")
    with pytest.raises(ValueError, match=r"^Expected --metric=A\.B=C\. Received: --metric=mig$"):
        assigned("metric", "mig", "A.B=C")
