"""Images through any pretrained vision model of transformers, frozen."""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from metafuse.encoders.base import Encoded, Progress
from metafuse.encoders.models import find_model, fingerprint_model
from metafuse.encoders.pixels import decode_image
from metafuse.encoders.pretrained import PREPROCESSORS, check_preprocessor, first_line, load_frozen
from metafuse.errors import ArtifactError, ConfigError
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

log = logging.getLogger(__name__)

VERSION = 1
MAX_ASPECT = 50
"""Models scale the short side to a fixed length, so a long thin strip would grow without bound."""


class TransformersImageEncoder:
    """A vision model by name or folder; its image vectors, L2-normalised.

    What becomes the vector, the first that the model has:
    1. `get_image_features` (CLIP, SigLIP and their like: the space they share with text);
    2. the pooled output, when its weights came with the model or it has none (ResNet, ConvNeXt, DINOv2);
    3. the class token; 4. the mean over patch tokens, or over a feature map's positions.

    Only safetensors are read and no code that comes with a model is run.

    Args:
        model: A folder saved with save_pretrained, or a hub name.
        revision: Branch, tag or commit of a hub model.
        device: Where it runs, as torch names it.
        batch_size: Images per forward pass; does not change the result.
    """

    modality = "image"

    def __init__(
        self, model: str | Path, *, revision: str | None = None, device: str = "cpu", batch_size: int = 32
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size: expected at least 1, got {batch_size}. Use 32 where in doubt.")
        self.model = model
        self.revision = revision
        self.device = device
        self.batch_size = batch_size

    @cached_property
    def folder(self) -> Path:
        """Where the model's files are.

        Raises:
            ConfigError: there is no such model.
            ArtifactError: the folder lacks usable weights or the file that says how to prepare images.
        """
        return check_preprocessor(
            find_model(self.model, revision=self.revision),
            "It says how images are scaled and normalised: copy it from the original model, or save it there with "
            "AutoImageProcessor.save_pretrained. A text model cannot encode images.",
        )

    @cached_property
    def fingerprint(self) -> str:
        """Weights, configuration, pre-processing and versions of the code, without loading the model."""
        files = fingerprint_model(self.folder, ("config.json", *PREPROCESSORS))
        libraries = f"transformers {version('transformers')}, pillow {version('pillow')}"
        return f"transformers-image/{VERSION}:{files}; {libraries}"

    @cached_property
    def dim(self) -> int:
        """Length of a vector, from encoding an image of noise.

        Raises:
            ConfigError: the model gives the same image another vector each time.
        """
        from PIL import Image

        noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
        first, second = self._forward([noise]), self._forward([noise])
        if not np.allclose(first, second, atol=1e-4):
            raise ConfigError(
                f"model '{self.model}': expected the same vector for the same image, got another each time. "
                "Models that hide patches at random (masked autoencoders) cannot be used; choose another."
            )
        return first.shape[1]

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of image files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for start in range(0, len(values), self.batch_size):
            images: dict[int, Image] = {}
            for position in range(start, min(start + self.batch_size, len(values))):
                try:
                    images[position] = _decode(values[position])
                except MediaError as err:
                    failures[position] = str(err)
            if images:
                matrix[list(images)] = self._forward(list(images.values()))
            if progress is not None:
                progress(min(self.batch_size, len(values) - start))
        return Encoded(matrix, failures)

    def _forward(self, images: "list[Image]") -> Float[np.ndarray, "n_items dim"]:
        import torch

        model, processor, trained_pooler = self._loaded
        vectors = []
        with torch.inference_mode():
            for pixels in _same_size_batches(processor, images):
                pooled = _pool(model, pixels.to(self.device), trained_pooler)
                vectors.append(torch.nn.functional.normalize(pooled.float(), dim=1).cpu().numpy())
        return np.concatenate(vectors)

    @cached_property
    def _loaded(self) -> tuple[Any, Any, bool]:
        from transformers import AutoImageProcessor

        place = str(self.folder)
        try:
            processor = AutoImageProcessor.from_pretrained(
                place, backend="pil", local_files_only=True, trust_remote_code=False
            )
        except (ValueError, OSError, KeyError, ImportError) as err:
            raise ArtifactError(
                f"model folder '{place}': expected to read how images are prepared ({first_line(err)}). "
                "Choose a vision model."
            ) from err
        model, trained_pooler = load_frozen(self.folder, "a vision model", self.device)
        log.info("image model %s on %s", place, self.device)
        return model, processor, trained_pooler


def _decode(content: bytes) -> "Image":
    image = decode_image(content)
    if max(image.size) > MAX_ASPECT * min(image.size):
        width, height = image.size
        raise MediaError(f"has {width:,} x {height:,} pixels, too long a strip for a vision model")
    return image


def _same_size_batches(processor: Any, images: "list[Image]") -> "Iterator[Tensor]":
    # Some processors keep the shape of each image, so a batch may have to be cut where it changes.
    import torch

    prepared = [processor(images=image, return_tensors="pt")["pixel_values"] for image in images]
    for _, group in groupby(prepared, key=lambda pixels: pixels.shape):
        yield torch.cat(list(group))


def _pool(model: Any, pixels: "Tensor", trained_pooler: bool) -> "Tensor":
    if hasattr(model, "get_image_features"):
        output = model.get_image_features(pixel_values=pixels)
        pooled = getattr(output, "pooler_output", output)
        return _checked(pooled, model)
    output = model(pixel_values=pixels)
    pooled = getattr(output, "pooler_output", None)
    if pooled is not None and trained_pooler:
        return _checked(pooled.flatten(1), model)
    hidden: Any = getattr(output, "last_hidden_state", None)
    if getattr(hidden, "ndim", 0) == 4:
        return hidden.mean(dim=(2, 3))
    if getattr(hidden, "ndim", 0) == 3:
        has_class_token = any(name.endswith("cls_token") for name, _ in model.named_parameters())
        return hidden[:, 0] if has_class_token else hidden.mean(dim=1)
    return _checked(hidden, model)


def _checked(pooled: Any, model: Any) -> "Tensor":
    if getattr(pooled, "ndim", 0) != 2:
        raise ConfigError(
            f"model '{model.config.model_type}': expected one vector per image, got {type(pooled).__name__}. "
            "Choose an image encoder such as ViT, DINOv2, CLIP, SigLIP, ResNet or ConvNeXt."
        )
    return pooled
