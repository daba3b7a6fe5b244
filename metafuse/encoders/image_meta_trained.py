"""Images through a backbone that was meta-trained on raw pixels: the checkpoint of `meta-train` as an encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from metafuse.artifact import load_value, open_folder, sha256_file
from metafuse.backbones.normalisation import BatchNorm
from metafuse.encoders.base import Encoded, Progress
from metafuse.encoders.models import BACKBONE
from metafuse.encoders.pixels import decode_image, to_square
from metafuse.errors import ArtifactError
from metafuse.sources.media import MediaError

BATCH = 256
VERSION = 1


class MetaTrainedImageEncoder:
    """Embeds images with the backbone of a checkpoint, frozen, each image on its own.

    Args:
        folder: Checkpoint that meta-train wrote.
        device: "cpu" or "cuda".
    Raises:
        ArtifactError: the folder holds no such backbone, or was changed, or it does not embed each image on its own.
    """

    modality = "image"

    def __init__(self, folder: Path, *, device: str) -> None:
        open_folder(folder)
        self._trained: Any = load_value(folder, BACKBONE)
        if "image_size" not in self._trained.options:
            raise ArtifactError(
                f"'{folder}' holds a '{self._trained.name}' backbone, which takes no images. "
                "Choose a checkpoint trained on images."
            )
        self._backbone = self._trained.build().to(device)
        if any(isinstance(part, BatchNorm) and part.running_mean is None for part in self._backbone.modules()):
            raise ArtifactError(
                f"'{folder}' normalises each batch by itself, so an image's embedding would depend on those beside it. "
                "Expected a backbone trained with statistics='running'; train one with another learner, such as anil."
            )
        self._device = device
        self._sha256 = sha256_file(folder / f"{BACKBONE}.safetensors")

    @property
    def dim(self) -> int:
        """Length of the backbone's embedding."""
        return int(self._backbone.dim)

    @property
    def fingerprint(self) -> str:
        """Weights, options and code version."""
        return f"meta-trained/{VERSION}:{self._trained.name}{dict(self._trained.options)}:{self._sha256}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of image files."""
        import torch

        size, channels = self._trained.options["image_size"], self._trained.options["in_channels"]
        matrix: Float[np.ndarray, "n dim"] = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for start in range(0, len(values), BATCH):
            pixels, places = [], []
            for place in range(start, min(start + BATCH, len(values))):
                try:
                    pixels.append(to_square(decode_image(values[place]), size, channels))
                    places.append(place)
                except MediaError as err:
                    failures[place] = str(err)
            if places:
                with torch.no_grad():
                    images = torch.from_numpy(np.stack(pixels)).to(self._device).float() / 255
                    matrix[places] = self._backbone(images).cpu().numpy()
            if progress is not None:
                progress(min(start + BATCH, len(values)) - start)
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        return Encoded(matrix / np.maximum(lengths, 1e-12), failures)
