"""Raw values to features, one file per modality or model family."""

from metafuse.registry import Registry

IMAGE_ENCODERS = Registry(
    "image encoder",
    {
        "handcrafted": "metafuse.encoders.image_handcrafted:HandcraftedImageEncoder",
        "meta-trained": "metafuse.encoders.image_meta_trained:MetaTrainedImageEncoder",
        "transformers": "metafuse.encoders.image:TransformersImageEncoder",
    },
)
