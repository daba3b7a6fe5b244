import functools
import http.server
import threading

import fsspec
import pytest

from metafuse.errors import ConfigError, MissingExtraError, SourceError
from metafuse.sources.remote import fetch, mask_url


@pytest.fixture
def server(tmp_path):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    (tmp_path / "items.csv").write_text("a,b\n1,2\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_under_its_own_name(server):
    path = fetch(f"{server}/items.csv?signature=abc")
    assert path.name == "items.csv"
    assert path.read_text() == "a,b\n1,2\n"


def test_a_file_over_the_bound_is_not_kept(server):
    with pytest.raises(SourceError, match="larger than the 5 bytes"):
        fetch(f"{server}/items.csv", max_bytes=5)


def test_a_missing_file_is_named_without_the_query(server):
    with pytest.raises(SourceError, match=r"items\.json' cannot be fetched: HTTP Error 404") as caught:
        fetch(f"{server}/items.json?token=secret")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_other_protocols_go_through_fsspec(monkeypatch):
    monkeypatch.setenv("FOLDER", "deep")
    with fsspec.open("memory://deep/items.csv", "wb") as stream:
        stream.write(b"a\n1\n")
    assert fetch("memory://${FOLDER}/items.csv").read_bytes() == b"a\n1\n"


def test_an_unset_variable_is_named():
    with pytest.raises(ConfigError, match="environment variable NO_SUCH_VARIABLE"):
        fetch("https://example.org/${NO_SUCH_VARIABLE}/items.csv")


def test_a_url_without_a_file_is_refused():
    with pytest.raises(ConfigError, match="should end in the name of a file"):
        fetch("https://example.org/")


def test_a_missing_library_is_named(monkeypatch):
    def fail(*args, **options):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "open", fail)
    with pytest.raises(MissingExtraError, match="Install s3fs"):
        fetch("s3://bucket/items.csv")


def test_masking_leaves_host_and_path():
    assert mask_url("https://user:secret@example.org/a/b.csv?token=secret#secret") == "https://example.org/a/b.csv"
