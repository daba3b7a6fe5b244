import pytest

from metafuse.errors import ConfigError
from metafuse.sources.environment import expand


def test_references_are_replaced_and_other_text_stays(monkeypatch):
    monkeypatch.setenv("HOST", "db")
    monkeypatch.setenv("PORT", "5432")
    assert expand("${HOST}:${PORT}/$HOST/{PORT}") == "db:5432/$HOST/{PORT}"


def test_an_unset_variable_is_named():
    with pytest.raises(ConfigError, match="environment variable NO_SUCH_NAME"):
        expand("x${NO_SUCH_NAME}")
