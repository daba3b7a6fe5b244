"""Text files: is the content in the encoding it is said to be in, and if not, in which one is it?"""

import codecs
from dataclasses import dataclass

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.files import StoredFile, read_chunks


@dataclass(frozen=True)
class TextScan:
    """What one pass over a text file found.

    Args:
        encoding: Python's name of its encoding.
        size_bytes: Its size.
        n_quotes: How many double quotes it holds.
    """

    encoding: str
    size_bytes: int
    n_quotes: int


def scan_text(file: StoredFile, encoding: str | None) -> TextScan:
    """Check that a file is text in its encoding.

    Args:
        file: The file.
        encoding: Python's name of an encoding; None for UTF-8, with or without a byte order mark.
    Raises:
        ConfigError: there is no such encoding.
        SourceError: the file is empty or not in that encoding.
    """
    try:
        name = codecs.lookup(encoding or "utf-8").name
    except LookupError as err:
        raise ConfigError(f"encoding '{encoding}' is not known. Use 'utf-8', 'latin-1', 'cp1252' or 'utf-16'.") from err
    name = "utf-8" if name == "utf-8-sig" else name
    decoder = codecs.getincrementaldecoder(name)()
    size_bytes = n_quotes = 0
    for chunk in read_chunks(file):
        size_bytes += len(chunk)
        n_quotes += chunk.count(b'"')
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as err:
            position = size_bytes - len(err.object) + err.start
            raise _wrong_encoding(file.name, name, position, err.object) from err
        if name == "utf-8" and b"\0" in chunk:
            raise _wrong_encoding(file.name, name, size_bytes - len(chunk) + chunk.index(b"\0"), chunk)
    if size_bytes == 0:
        raise SourceError(f"'{file.name}' has no rows: the file is empty. Check that it is the right one.")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as err:
        raise _wrong_encoding(file.name, name, size_bytes - len(err.object), err.object) from err
    return TextScan(name, size_bytes, n_quotes)


def _wrong_encoding(file_name: str, encoding: str, position: int, sample: bytes) -> SourceError:
    guess = _guess_encoding(sample)
    return SourceError(
        f"'{file_name}' should be {encoding.upper()} text, but byte {position} is not; it looks like {guess}. "
        f'Set encoding = "{guess}" in a task file, or save the file as UTF-8.'
    )


def _guess_encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in sample:
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    # 0x80-0x9f are control characters in latin-1 and printable ones (quotes, dashes, the euro) in cp1252.
    return "cp1252" if any(0x80 <= byte <= 0x9F for byte in sample) else "latin-1"
