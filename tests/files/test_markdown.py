from tfvae.files import markdown


def test_a_table():
    assert markdown.head(["fault", "times"], right=["times"]) == "| fault | times |\n| --- | ---: |"
    assert markdown.row(["a|b", "2"]) == "| a\\|b | 2 |"
