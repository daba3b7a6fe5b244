"""Photos as files: 16 colours, four bits a pixel, stored without compression.

Stored, because compressors differ between zlib and zlib-ng while stored bytes do not.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

N_COLOURS = 16
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(pixels: NDArray[np.int64]) -> bytes:
    """Encode an RGB image (height, width, 3), width even, as a palette PNG."""
    height, width = pixels.shape[:2]
    index, palette = choose_palette(pixels.reshape(-1, 3))
    index = index.reshape(height, width)
    packed = (index[:, ::2] << 4 | index[:, 1::2]).astype(np.uint8)
    lines = np.hstack([np.zeros((height, 1), np.uint8), packed]).tobytes()  # a leading 0: no filter
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    chunks = {b"IHDR": header, b"PLTE": palette.astype(np.uint8).tobytes(), b"IDAT": _store(lines), b"IEND": b""}
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks.items())


def choose_palette(colours: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut the colours into 16 groups, each time halving the group that varies most.

    Returns:
        The group of each colour, and the mean colour of each group.
    """
    groups = [np.arange(len(colours))]
    spreads = [_squared_spread(colours)]
    while len(groups) < N_COLOURS:
        widest = int(np.argmax([spread.max() for spread in spreads]))
        group, channel = groups.pop(widest), int(np.argmax(spreads.pop(widest)))
        values = colours[group, channel]
        above = values * len(values) > values.sum()
        halves = [group[~above], group[above]]
        groups += halves
        spreads += [_squared_spread(colours[half]) for half in halves]
    index = np.empty(len(colours), dtype=np.int64)
    palette = np.zeros((N_COLOURS, 3), dtype=np.int64)
    for number, group in enumerate(groups):
        index[group] = number
        palette[number] = colours[group].sum(axis=0) // max(len(group), 1)
    return index, palette


def _squared_spread(colours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the squared deviations per channel, in whole numbers."""
    n_colours = max(len(colours), 1)
    return (colours**2).sum(axis=0) - colours.sum(axis=0) ** 2 // n_colours


def _store(data: bytes) -> bytes:
    """Wrap bytes as one uncompressed zlib block (at most 65,535 bytes)."""
    block = struct.pack("<BHH", 1, len(data), len(data) ^ 0xFFFF)
    return b"\x78\x01" + block + data + struct.pack(">I", zlib.adler32(data))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
