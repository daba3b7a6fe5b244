"""What a cell looks and sounds like in a report: a picture for most media, a player for sounds and videos."""

from collections.abc import Callable

from metafuse.encoders.pdf import draw_pages
from metafuse.encoders.pixels import decode_image
from metafuse.encoders.series_values import load_series, read_series
from metafuse.encoders.sound import read_sound
from metafuse.report.curves import curve
from metafuse.report.photos import thumbnail
from metafuse.report.players import first_frame, sound_player, video_player
from metafuse.schema import Modality
from metafuse.sources.media import Media, MediaError

Show = Callable[[object, Media], str]


def picture(cell: object, modality: Modality, media: Media) -> str | None:
    """Draw a cell as a data URI: a photo, a video's first frame, a PDF's first page, a series as a curve.

    Returns:
        None for a modality that has no looks, and for a file that cannot be read: the quarantine says why, and of a
        loaded run the files may be gone.
    """
    return _shown(_PICTURES.get(modality), cell, media)


def player(cell: object, modality: Modality, media: Media) -> str | None:
    """Make the beginning of a sound or a video playable, as a data URI; None as for `picture`."""
    return _shown(_PLAYERS.get(modality), cell, media)


def _shown(show: Show | None, cell: object, media: Media) -> str | None:
    if show is None:
        return None
    try:
        return show(cell, media)
    except MediaError:
        return None


_PICTURES: dict[Modality, Show] = {
    Modality.IMAGE: lambda cell, media: thumbnail(decode_image(media.read(cell), min_side=128)),
    Modality.VIDEO: lambda cell, media: thumbnail(first_frame(media.read(cell))),
    Modality.PDF: lambda cell, media: thumbnail(decode_image(draw_pages(media.read(cell))[0])),
    Modality.SERIES: lambda cell, media: curve(load_series(read_series(cell, media))),
}
_PLAYERS: dict[Modality, Show] = {
    Modality.AUDIO: lambda cell, media: sound_player(read_sound(cell, media)),
    Modality.VIDEO: lambda cell, media: video_player(media.read(cell)),
}
PICTURED, PLAYED = tuple(_PICTURES), tuple(_PLAYERS)
