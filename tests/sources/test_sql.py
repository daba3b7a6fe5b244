import datetime as dt
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from metafuse.errors import ConfigError, MissingExtraError, SourceError
from metafuse.sources.sql import read_sql

PASSWORD = "s3cret@/word"
ROWS = [(1, "it's broken", 9.5, dt.datetime(2026, 1, 2, 3)), (2, None, None, None), (3, "ok: fine", 1.0, None)]


@pytest.fixture
def sqlite(tmp_path):
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("create table returns (id integer primary key, note text, price real)")
    connection.executemany("insert into returns values (?, ?, ?)", [row[:3] for row in ROWS])
    connection.commit()
    yield connection, f"sqlite:///{path}"
    connection.close()


def test_the_only_table_is_read(sqlite):
    source = read_sql(sqlite[1])
    assert source.name == "shop"
    assert source.read().frame["note"].tolist()[0] == "it's broken"
    assert sum(batch.num_rows for batch in source.batches()) == 3


def test_several_tables_are_listed(sqlite):
    sqlite[0].execute("create table shops (name text)")
    with pytest.raises(SourceError, match=r"2 tables and none was named\. It has: returns, shops"):
        read_sql(sqlite[1]).read()
    with pytest.raises(SourceError, match=r"no table 'shop'\. It has: returns, shops"):
        read_sql(sqlite[1], "shop").read()
    with pytest.raises(SourceError, match="'shops' has no rows"):
        read_sql(sqlite[1], "shops").read()


def test_odd_table_names_are_quoted(sqlite):
    sqlite[0].execute('create table "my; drop ""table" (x int)')
    sqlite[0].execute('insert into "my; drop ""table" values (7)')
    sqlite[0].commit()
    assert read_sql(sqlite[1], 'my; drop "table').read().frame["x"].tolist() == [7]


@pytest.mark.parametrize(
    "query",
    [
        "select id, note from returns where note like '%: f%' -- a comment; with a delete",
        "SELECT id, note FROM returns WHERE note = 'ok: fine' or note = ':x';",
        "with part as (select * from returns) select id, note from part where id = 3",
    ],
)
def test_a_query_is_run_as_written(sqlite, query):
    assert read_sql(sqlite[1], query=query).read().frame["id"].tolist() == [3]


@pytest.mark.parametrize("max_rows", [1, 2])
def test_only_the_first_rows_are_taken(sqlite, max_rows):
    for table, query in (("returns", None), (None, "select * from returns order by id")):
        assert len(read_sql(sqlite[1], table, query, max_rows=max_rows).read().frame) == max_rows


@pytest.mark.parametrize(
    ("query", "got"),
    [
        ("delete from returns", "'delete'"),
        ("select 1; drop table returns", "'drop'"),
        ("select 1; select 2", "several statements"),
        ("with x as (delete from returns returning *) select * from x", "'delete'"),
        ("pragma table_info(returns)", "'pragma'"),
    ],
)
def test_only_select_is_allowed(sqlite, query, got):
    with pytest.raises(ConfigError, match=f"one SELECT statement that changes nothing, got {got}"):
        read_sql(sqlite[1], query=query)


def test_sqlite_is_opened_read_only(sqlite, tmp_path):
    with pytest.raises(SourceError, match="should be an existing SQLite file"):
        read_sql(f"sqlite:///{tmp_path}/other.db", "x").read()
    assert not (tmp_path / "other.db").exists()


def test_columns_of_mixed_type_are_text_in_every_batch(sqlite, monkeypatch):
    monkeypatch.setattr("metafuse.sources.sql.BATCH_ROWS", 1)
    sqlite[0].execute("insert into returns values (4, 'x', 'free')")
    sqlite[0].commit()
    batches = list(read_sql(sqlite[1], "returns").batches())
    assert [batch["price"].to_pylist() for batch in batches] == [["9.5"], [None], ["1.0"], ["free"]]


def test_the_fingerprint_follows_query_and_row_count(sqlite):
    before = read_sql(sqlite[1], "returns").fingerprint
    assert read_sql(sqlite[1], "returns").fingerprint == before
    assert read_sql(sqlite[1], query="select * from returns").fingerprint != before
    sqlite[0].execute("delete from returns where id = 1")
    sqlite[0].commit()
    assert read_sql(sqlite[1], "returns").fingerprint != before


def test_a_table_and_a_query_are_too_much(sqlite):
    with pytest.raises(ConfigError, match="both table 'returns' and a query"):
        read_sql(sqlite[1], "returns", "select 1")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD.replace('@', '%40').replace('/', '%2F')}@127.0.0.1:1/x",
        "postgresql://u@127.0.0.1:1/x?password=s3cret",
    ],
)
def test_a_database_that_is_down_is_named_without_the_password(url):
    source = read_sql(url, "returns")
    with pytest.raises(SourceError, match=r"cannot be read: .*refused.*Check that the database runs") as caught:
        source.read()
    assert caught.value.__cause__ is None
    for text in (str(caught.value), repr(source), source.name):
        assert "s3cret" not in text


def test_what_is_no_url_shows_no_password():
    with pytest.raises(SourceError, match=r"'postgresql://\.\.\.' is no database URL") as caught:
        read_sql("postgresql://u:s3cret@host:notaport/x")
    assert "s3cret" not in str(caught.value)


def test_an_unset_variable_is_named():
    with pytest.raises(ConfigError, match="environment variable NO_SUCH_PASSWORD"):
        read_sql("postgresql://u:${NO_SUCH_PASSWORD}@127.0.0.1:1/x", "returns").read()


def test_missing_sqlalchemy_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[sql\]"'):
        read_sql("sqlite:///x.db")


def find_postgres() -> Path | None:
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) + ([Path(on_path)] if on_path else [])
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres():
    """Starts a PostgreSQL server with one table; yields its address without user and password."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="metafuse-postgres-"))  # pytest's own folders are closed to other users
    as_user = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL cannot be started as root without runuser")
        folder.chmod(0o755)
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd=folder)

    cluster, password = str(folder / "data"), f"--pwfile={folder}/password"
    run(f"{binaries}/initdb", "-D", cluster, "-U", "tester", "-A", "scram-sha-256", password, "--no-sync")
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run(f"{binaries}/pg_ctl", "-D", cluster, "-w", "-l", f"{folder}/log", "-o", settings, "start")
    try:
        url = sa.URL.create("postgresql+psycopg", "tester", PASSWORD, "127.0.0.1", port, "postgres")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("create schema sales"))
            connection.execute(
                sa.text(
                    "create table sales.returns (id int primary key, note text, price numeric(8, 2), at timestamptz, "
                    "tags jsonb, photo bytea, ok boolean, shop uuid default gen_random_uuid())"
                )
            )
            connection.execute(
                sa.text("create table big as select n as id, 'note ' || n as note from generate_series(1, 20000) n")
            )
            connection.execute(
                sa.text(
                    "create function add_row() returns int language sql as 'insert into big values (0) returning id'"
                )
            )
            for row_id, note, price, at in ROWS:
                connection.execute(
                    sa.text("insert into sales.returns values (:id, :note, :price, :at, '{\"a\": [1]}', 'x', true)"),
                    {"id": row_id, "note": note, "price": price, "at": at and at.replace(tzinfo=dt.UTC)},
                )
        engine.dispose()
        yield f"127.0.0.1:{port}/postgres"
    finally:
        run(f"{binaries}/pg_ctl", "-D", cluster, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def url(postgres, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD", PASSWORD)
    return f"postgresql://tester:${{TEST_PASSWORD}}@{postgres}"


def test_postgres_types_become_plain(url):
    frame = read_sql(url, "sales.returns").read().frame
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["price"].tolist()[0] == 9.5
    assert frame["at"][0] == dt.datetime(2026, 1, 2, 3)
    assert frame["tags"][0] == '{"a": [1]}'
    assert frame["photo"][0] == b"x"
    assert frame["ok"].all()
    assert len(frame["shop"][0]) == 36


def test_postgres_streams_in_batches(url):
    sizes = [batch.num_rows for batch in read_sql(url, "big").batches()]
    assert len(sizes) == 3
    assert sum(sizes) == 20000


def test_postgres_runs_a_query(url):
    query = "select id::text as id, note from sales.returns where note like '%''s%' and price > 1"
    assert read_sql(url, query=query).read().frame.to_dict("list") == {"id": ["1"], "note": ["it's broken"]}


def test_postgres_writes_nothing_even_through_a_function(url):
    query = "select add_row() as id"
    with pytest.raises(SourceError, match="read-only transaction"):
        read_sql(url, query=query).read()


def test_a_refused_password_is_not_shown(url, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD", "wr0ng")
    source = read_sql(url, "big")
    with pytest.raises(SourceError, match="password authentication failed") as caught:
        source.read()
    assert "wr0ng" not in str(caught.value) + repr(source)
    assert caught.value.__cause__ is None


def test_a_password_in_the_url_is_accepted_and_never_shown(url):
    quoted = PASSWORD.replace("@", "%40").replace("/", "%2F")
    source = read_sql(url.replace("${TEST_PASSWORD}", quoted), "big")
    assert len(source.read().frame) == 20000
    assert "s3cret" not in repr(source) + source.fingerprint
    with pytest.raises(SourceError, match="no table 'no'") as caught:
        read_sql(url.replace("${TEST_PASSWORD}", quoted), "no").read()
    assert "s3cret" not in str(caught.value)
