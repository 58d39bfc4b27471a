from click.testing import CliRunner

from mediaindex.cli.immich_disconnect import immich_disconnect


def test_help_says_how_words_left_in_immich_are_taken_out_later() -> None:
    told = " ".join(CliRunner().invoke(immich_disconnect, ["--help"]).output.split())

    assert "connected again, immich revert --all takes it out" in told
    assert "by hand" not in told
