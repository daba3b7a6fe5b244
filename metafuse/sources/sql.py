"""Tables and queries of any database SQLAlchemy knows, read-only and in a stream."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from metafuse.errors import ConfigError, MissingExtraError, SourceError
from metafuse.sources.base import BATCH_ROWS, Dataset, Rows, Source, check_columns, collect
from metafuse.sources.cells import infer_types, to_batch
from metafuse.sources.environment import expand
from metafuse.sources.media import Media

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_WRITES = re.compile(r"\b(insert|update|delete|merge|drop|alter|truncate|create|grant|revoke|into)\b", re.IGNORECASE)
_SECRET = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
_PARAMETER_LIKE = re.compile(r"(?<![:\w\\]):(?=\w)")
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


@dataclass(frozen=True, repr=False)
class SqlSource(Source):
    """A table or a query of a database.

    Args:
        name: Short name for folders and titles.
        url: SQLAlchemy URL; `${NAME}` stands for an environment variable, read when connecting.
        table: Table or view, with its schema before a dot if need be.
        query: A SELECT statement, instead of a table.
        max_rows: Most rows to take; None for all.
        media: Opens the files that cells name, if they may name any.
    """

    name: str
    url: str
    table: str | None
    query: str | None
    max_rows: int | None
    media: Media

    def __post_init__(self) -> None:
        if self.table and self.query:
            raise ConfigError(f"a source is a table or a query, got both table '{self.table}' and a query. Remove one.")
        if self.query:
            _check_read_only(self.query)
        self._masked_url()

    def __repr__(self) -> str:
        return f"SqlSource({self._masked_url()}, table={self.table!r}, query={self.query!r})"

    @property
    def fingerprint(self) -> str:
        """Hash of the address without its password, the table or query, and how many rows it has.

        A changed cell does not change it: reading everything to find out would cost as much as reading.
        """
        import sqlalchemy as sa

        with self._connect() as connection:
            rows = self._select(connection).subquery("rows")
            n_rows = connection.execute(sa.select(sa.func.count()).select_from(rows)).scalar_one()
        return hashlib.sha256(
            f"{self._masked_url()}{self.table}{self.query}{self.max_rows}{n_rows}".encode()
        ).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in record batches, reading them twice: for the types, and to hand them on."""
        with self._connect() as connection:
            types = infer_types(self._chunks(connection))
            for chunk in self._chunks(connection):
                yield to_batch(chunk, types)

    def read(self) -> Dataset:
        """Read every row.

        Raises:
            SourceError: the database cannot be reached or refuses, or there is no such table or no row.
        """
        with self._connect() as connection:
            chunks = list(self._chunks(connection))
        types = infer_types(chunks)
        return collect(self.name, Rows(to_batch(chunk, types) for chunk in chunks), self.media)

    def _chunks(self, connection: Any) -> Iterator[dict[str, list[object]]]:
        result = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS).execute(
            self._select(connection)
        )
        names = list(result.keys())
        check_columns(names, f"'{self.name}'")
        n_rows = 0
        for rows in result.partitions():
            taken = rows if self.max_rows is None else rows[: self.max_rows - n_rows]
            yield dict(zip(names, map(list, zip(*taken, strict=True)), strict=True))
            n_rows += len(taken)
            if n_rows == self.max_rows:
                result.close()
                return

    def _select(self, connection: Any) -> Any:
        import sqlalchemy as sa

        if self.query:
            # A colon in a query is not a parameter here.
            return sa.text(_PARAMETER_LIKE.sub(r"\\:", self.query.strip().rstrip(";"))).columns()
        table = self._reflect(connection)
        return sa.select(table).order_by(*table.primary_key.columns)

    def _reflect(self, connection: Any) -> Any:
        import sqlalchemy as sa

        inspector = sa.inspect(connection)
        schema, _, table = (self.table or "").rpartition(".")
        known = inspector.get_table_names(schema or None) + inspector.get_view_names(schema or None)
        if self.table is None and len(known) == 1:
            table = known[0]
        elif self.table is not None and self.table in inspector.get_table_names():
            schema, table = "", self.table  # the dot belongs to its name
        if table not in known:
            wanted = f"no table '{self.table}'" if self.table else f"{len(known)} tables and none was named"
            raise SourceError(
                f"'{self._masked_url()}' has {wanted}. It has: {', '.join(known) or 'none'}. "
                "Add #TABLE to the URL, or set table or query in a task file."
            )
        return sa.Table(table, sa.MetaData(), schema=schema or None, autoload_with=connection)

    @contextmanager
    def _connect(self) -> Iterator[Any]:
        import sqlalchemy as sa

        engine = _create_engine(self.url, self._masked_url())
        try:
            with engine.connect() as connection:
                if engine.dialect.name == "postgresql":
                    # Both readings of a stream see the same rows, and nothing can be written.
                    connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
                yield connection
        except sa.exc.SQLAlchemyError as err:
            # Not chained: what drivers say and the frames they keep can hold the password.
            raise SourceError(
                f"'{self._masked_url()}' cannot be read: {_reason(err, self.url)}. Check that the database runs, that "
                "the user and password are right, and that the table or query exists."
            ) from None
        finally:
            engine.dispose()

    def _masked_url(self) -> str:
        url = _parse(self.url)
        query = {key: "***" if _SECRET.search(key) else value for key, value in url.query.items()}
        return str(url.set(query=query).render_as_string(hide_password=True))


def read_sql(
    url: str,
    table: str | None = None,
    query: str | None = None,
    *,
    name: str | None = None,
    max_rows: int | None = None,
    media: Media | None = None,
) -> SqlSource:
    """Take a table or query of a database as source; nothing is connected to before it is read.

    Args:
        url: SQLAlchemy URL, as for `SqlSource`.
        table: Table or view; may be left out with a query, or where there is only one table.
        query: A SELECT statement.
        name: Short name; the table's or database's where None.
        max_rows: Most rows to take; None for all.
        media: Opens the files that cells name; None where they may name none.
    Raises:
        ConfigError: there are both table and query, or the query is not one SELECT.
        SourceError: the URL cannot be understood.
        MissingExtraError: SQLAlchemy is not installed.
    """
    database = PurePath(_parse(url).database or "database").stem
    return SqlSource(name or table or database, url, table, query, max_rows, media or Media(files=False))


def _import_sqlalchemy() -> Any:
    try:
        import sqlalchemy as sa
    except ImportError as err:
        raise MissingExtraError('databases need SQLAlchemy: pip install "metafuse[sql]"') from err
    return sa


def _parse(url: str) -> Any:
    sa = _import_sqlalchemy()
    try:
        return sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise SourceError(
            f"'{url.partition('://')[0]}://...' is no database URL: it should read "
            "dialect://user:${NAME}@host/database or sqlite:///file. Take the password from the environment."
        ) from None


def _create_engine(text: str, masked: str) -> Any:
    sa = _import_sqlalchemy()
    url = _expanded(text)
    try:
        if url.get_backend_name() == "sqlite":
            return sa.create_engine("sqlite://", creator=_sqlite_opener(url.database), poolclass=sa.pool.NullPool)
        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        raise SourceError(
            f"'{masked}': no database is called '{url.drivername}'. A source is an existing file or folder, hf://, "
            "s3://, https:// or a SQLAlchemy URL such as postgresql:// or sqlite:///."
        ) from None
    except ImportError as err:
        raise MissingExtraError(
            f"'{masked}' needs the driver '{err.name}': pip install \"metafuse[sql]\" for PostgreSQL, "
            f"otherwise pip install {err.name}"
        ) from err


def _expanded(text: str) -> Any:
    url = _parse(text)
    return url.set(
        drivername=_DRIVERS.get(url.drivername, url.drivername),
        username=expand(url.username) if url.username else None,
        password=expand(str(url.password)) if url.password else None,
        host=expand(url.host) if url.host else None,
        database=expand(url.database) if url.database else None,
        query={key: expand(value) if isinstance(value, str) else value for key, value in url.query.items()},
    )


def _sqlite_opener(database: str | None) -> Any:
    path = Path(database or "")
    if not path.is_file():
        raise SourceError(
            f"'{database or 'sqlite://'}' should be an existing SQLite file. Check the path in sqlite:///PATH."
        )
    return lambda: sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _check_read_only(query: str) -> None:
    bare = _QUOTED.sub(" ", query).strip().rstrip(";")
    write = _WRITES.search(bare)
    if ";" in bare or write or not re.match(r"(select|with)\b", bare, re.IGNORECASE):
        found = f"'{write[0]}'" if write else "several statements" if ";" in bare else f"'{bare.split(' ')[0]}'"
        raise ConfigError(f"a query must be one SELECT statement that changes nothing, got {found}. Rewrite the query.")


def _reason(err: Exception, url: str) -> str:
    """Say in one line why a database refused, without anything secret of the URL."""
    text = str(getattr(err, "orig", None) or err).strip().splitlines()[0].rstrip(".")
    expanded = _expanded(url)
    secrets = [expanded.password, *(value for key, value in expanded.query.items() if _SECRET.search(key))]
    for secret in filter(None, secrets):
        text = text.replace(str(secret), "***")
    return text
