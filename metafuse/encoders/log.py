"""Log lines: parameters masked, then read as text, each template once."""

from collections.abc import Sequence

from metafuse.columns.log_masks import mask_line
from metafuse.encoders.base import Encoded, Encoder, Progress

VERSION = 1


class LogEncoder:
    """Encode log lines by the text of their templates.

    Two lines that differ in nothing but times, addresses, paths, numbers and other parameters get the same features,
    so a million lines of a hundred templates cost a hundred texts.

    Args:
        text: Encoder of the masked lines.
    """

    modality = "text"

    def __init__(self, text: Encoder) -> None:
        self.text = text

    @property
    def dim(self) -> int:
        """Length of the text encoder's rows."""
        return self.text.dim

    @property
    def fingerprint(self) -> str:
        """The text encoder's, and the version of the masks."""
        return f"log/{VERSION}:{self.text.fingerprint}"

    def encode(self, values: Sequence[str], progress: Progress | None = None) -> Encoded:
        """Encode log lines."""
        masked = [mask_line(value) for value in values]
        places = {template: place for place, template in enumerate(dict.fromkeys(masked))}
        rows = [places[template] for template in masked]
        encoded = self.text.encode(list(places), progress)
        if progress is not None and len(values) > len(places):
            progress(len(values) - len(places))
        failures = {row: encoded.failures[place] for row, place in enumerate(rows) if place in encoded.failures}
        return Encoded(encoded.matrix[rows], failures)
