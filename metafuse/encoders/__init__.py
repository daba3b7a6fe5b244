"""Raw values to features, one file per modality or model family."""

from metafuse.registry import Registry

AUDIO_ENCODERS = Registry(
    "audio encoder",
    {
        "statistics": "metafuse.encoders.audio_statistics:AudioStatisticsEncoder",
        "transformers": "metafuse.encoders.audio:TransformersAudioEncoder",
    },
)

IMAGE_ENCODERS = Registry(
    "image encoder",
    {
        "handcrafted": "metafuse.encoders.image_handcrafted:HandcraftedImageEncoder",
        "meta-trained": "metafuse.encoders.image_meta_trained:MetaTrainedImageEncoder",
        "transformers": "metafuse.encoders.image:TransformersImageEncoder",
    },
)

WRAPPING_ENCODERS = Registry(
    "wrapping encoder",
    {
        "document": "metafuse.encoders.document:DocumentEncoder",
        "log": "metafuse.encoders.log:LogEncoder",
        "pdf pages": "metafuse.encoders.pdf:PdfPagesEncoder",
        "pdf text": "metafuse.encoders.pdf:PdfTextEncoder",
        "video frames": "metafuse.encoders.video:VideoFramesEncoder",
        "video sound": "metafuse.encoders.video_sound:VideoSoundEncoder",
    },
)
"""Built around the shared encoder of text, images or sounds, as `WRAPPING_ENCODERS.build(name, encoder)`."""

FITTED_ENCODERS = Registry(
    "fitted encoder",
    {
        "geo": "metafuse.encoders.geo:fit_geo",
        "series": "metafuse.encoders.series:fit_series",
        "vector": "metafuse.encoders.vector:fit_vector",
    },
)
"""Modality -> what fits its encoder to the values of a source."""

READERS = Registry(
    "reader",
    {
        "audio": "metafuse.encoders.sound:read_sound",
        "geo": "metafuse.encoders.geo:read_place",
        "vector": "metafuse.encoders.vector:read_vector",
    },
)
"""Modality -> cell and media to what its encoders take; series are read as cleaning says, other media as files, and
other cells as texts."""
