"""Files behind a URL (s3://, https://, ...): fetched once to a temporary file, with a bound on size."""

import atexit
import re
import shutil
import sys
import tempfile
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from metafuse.errors import ConfigError, MissingExtraError, SourceError
from metafuse.sources.environment import expand

PROTOCOLS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "http", "https", "ftp", "sftp", "hdfs", "memory")
MAX_DOWNLOAD_BYTES = 4 * 2**30
TIMEOUT_S = 60


def fetch(url: str, max_bytes: int = MAX_DOWNLOAD_BYTES) -> Path:
    """Copy the file behind a URL to a temporary folder that is removed when the process ends.

    Args:
        url: Address; `${NAME}` in it stands for an environment variable.
        max_bytes: Most bytes to fetch.
    Returns:
        The copy, under the file's own name.
    Raises:
        SourceError: the address cannot be read, or the file is too large.
        MissingExtraError: the library for this protocol is not installed.
    """
    shown, address = mask_url(url), expand(url)
    name = PurePosixPath(urlsplit(url).path).name
    if not name:
        raise ConfigError(
            f"'{shown}' should end in the name of a file, such as items.csv or photos.zip. Name one file."
        )
    folder = Path(tempfile.mkdtemp(prefix="metafuse-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with _open(address) as stream, (folder / name).open("wb") as copy:
            n_bytes = 0
            while chunk := stream.read(2**20):
                n_bytes += len(chunk)
                if n_bytes > max_bytes:
                    raise SourceError(
                        f"'{shown}' is larger than the {max_bytes:,} bytes that are fetched from a URL. "
                        "Download it yourself and name the file."
                    )
                copy.write(chunk)
    except ImportError as err:
        raise MissingExtraError(f"'{shown}' needs another library: {err}") from err
    except _client_errors() as err:
        if isinstance(err, HTTPError):
            err.close()
        reason = re.sub(r"\S+://\S+", "the address", str(err).rstrip(".")) or type(err).__name__
        # Not chained: the cause repeats the address with what it may hold of credentials.
        raise SourceError(
            f"'{shown}' cannot be fetched: {reason}. Check the address, the network and your access."
        ) from None
    return folder / name


def mask_url(url: str) -> str:
    """Write a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _open(url: str) -> Any:
    if url.lower().startswith(("http://", "https://")):
        # The standard library's client: fsspec's needs a package of its own.
        return urlopen(url, timeout=TIMEOUT_S)
    import fsspec

    return fsspec.open(url, "rb").open()


def _client_errors() -> tuple[type[Exception], ...]:
    """List what clients raise; that of S3 has errors of its own, such as for missing credentials."""
    s3_client = sys.modules.get("botocore.exceptions")
    return (OSError, HTTPException) if s3_client is None else (OSError, HTTPException, s3_client.BotoCoreError)
