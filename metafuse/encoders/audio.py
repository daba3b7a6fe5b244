"""Sounds through any pretrained audio model of transformers, frozen."""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32

from metafuse.encoders.base import Encoded, Progress
from metafuse.encoders.models import find_model, fingerprint_model
from metafuse.encoders.pretrained import PREPROCESSORS, check_preprocessor, first_line, load_frozen
from metafuse.encoders.sound import decode_sound, sound_libraries
from metafuse.errors import ArtifactError, ConfigError
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

VERSION = 1
WINDOW_S = 10.0
"""Longest piece that goes through a model at once, where the model itself says nothing."""
LEAST_S = 0.1
"""Shorter sounds are filled up with silence: models need a few frames."""

Window = Float32[np.ndarray, " _"]


class TransformersAudioEncoder:
    """An audio model by name or folder; the mean of what it says over time, L2-normalised.

    What becomes the vector, the first that the model has:
    1. `get_audio_features` (CLAP and its like: the space they share with text);
    2. the pooled output, when its weights came with the model (audio spectrogram transformers);
    3. the mean over the frames that hold sound (wav2vec 2.0, HuBERT, WavLM, and the encoder of Whisper).

    A long sound is cut into windows, whose vectors are averaged by their length. Windows of different length are not
    padded to share a batch, as padding changes what some models say. Only safetensors are read and no code that comes
    with a model is run.

    Args:
        model: A folder saved with save_pretrained, or a hub name.
        revision: Branch, tag or commit of a hub model.
        device: Where it runs, as torch names it.
        batch_size: Windows per forward pass; does not change the result.
    """

    modality = "audio"

    def __init__(
        self, model: str | Path, *, revision: str | None = None, device: str = "cpu", batch_size: int = 8
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size: expected at least 1, got {batch_size}. Use 8 where in doubt.")
        self.model = model
        self.revision = revision
        self.device = device
        self.batch_size = batch_size

    @cached_property
    def folder(self) -> Path:
        """Where the model's files are.

        Raises:
            ConfigError: there is no such model.
            ArtifactError: the folder lacks usable weights or the file that says how to prepare sounds.
        """
        return check_preprocessor(
            find_model(self.model, revision=self.revision),
            "It says at which rate sounds are read and how they are prepared: copy it from the original model, or save "
            "it there with AutoFeatureExtractor.save_pretrained. A text model cannot encode sounds.",
        )

    @cached_property
    def fingerprint(self) -> str:
        """Weights, configuration, pre-processing and versions of the code, without loading the model."""
        files = fingerprint_model(self.folder, ("config.json", *PREPROCESSORS))
        # Spectrogram transformers prepare sounds with torchaudio where there is one, and with other code otherwise.
        torchaudio = f", torchaudio {version('torchaudio')}" if find_spec("torchaudio") else ""
        libraries = f"transformers {version('transformers')}, {sound_libraries()}{torchaudio}"
        return f"transformers-audio/{VERSION}:{files}; {libraries}"

    @cached_property
    def dim(self) -> int:
        """Length of a vector, from encoding a second of noise.

        Raises:
            ConfigError: the model gives the same sound another vector each time.
        """
        noise = np.random.default_rng(0).normal(0, 0.1, self._sample_rate).astype(np.float32)
        first, second = self._forward([noise]), self._forward([noise])
        if not np.allclose(first, second, atol=1e-4):
            raise ConfigError(
                f"model '{self.model}': expected the same vector for the same sound, got another each time. "
                "Choose a model that hides nothing at random when it encodes."
            )
        return first.shape[1]

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of sound files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for start in range(0, len(values), self.batch_size):
            windows: dict[int, list[Window]] = {}
            for position in range(start, min(start + self.batch_size, len(values))):
                try:
                    windows[position] = self._cut(decode_sound(values[position], self._sample_rate).samples)
                except MediaError as err:
                    failures[position] = str(err)
            for position, vector in zip(windows, self._pooled(list(windows.values())), strict=True):
                matrix[position] = vector
            if progress is not None:
                progress(min(self.batch_size, len(values) - start))
        return Encoded(matrix, failures)

    def _cut(self, samples: Window) -> list[Window]:
        """Cut a sound into equal windows, as few as the model's longest allows."""
        least = int(LEAST_S * self._sample_rate)
        samples = np.pad(samples, (0, max(0, least - len(samples))))
        n_windows = int(np.ceil(len(samples) / (self._window_s * self._sample_rate)))
        return np.array_split(samples, n_windows)

    def _pooled(self, sounds: list[list[Window]]) -> Iterator[Float[np.ndarray, " dim"]]:
        """Average the vectors of each sound's windows by their length, L2-normalised."""
        pieces = [window for windows in sounds for window in windows]
        vectors = iter(self._forward(pieces)) if pieces else iter(())
        for windows in sounds:
            total = sum(len(window) * next(vectors) for window in windows)
            yield total / max(float(np.linalg.norm(total)), 1e-12)

    def _forward(self, windows: list[Window]) -> Float[np.ndarray, "n_windows dim"]:
        import torch

        order = sorted(range(len(windows)), key=lambda place: len(windows[place]))
        vectors: dict[int, Float[np.ndarray, " dim"]] = {}
        with torch.inference_mode():
            for _, same in groupby(order, key=lambda place: len(windows[place])):
                places = list(same)
                for start in range(0, len(places), self.batch_size):
                    batch = places[start : start + self.batch_size]
                    pooled = self._pool([windows[place] for place in batch])
                    vectors |= zip(batch, pooled.float().cpu().numpy(), strict=True)
        return np.stack([vectors[place] for place in range(len(windows))])

    def _pool(self, windows: list[Window]) -> "Tensor":
        import torch

        model, trained_pooler = self._loaded
        # One by one: some extractors treat the items of a batch together, and one of them by chance.
        prepared = [
            self._extractor(window, sampling_rate=self._sample_rate, return_attention_mask=True, return_tensors="pt")
            for window in windows
        ]
        name = self._extractor.model_input_names[0]
        inputs = torch.cat([each[name] for each in prepared]).to(self.device)
        if hasattr(model, "get_audio_features"):
            longer = torch.cat([torch.as_tensor(each["is_longer"]).reshape(1, 1) for each in prepared])
            output = model.get_audio_features(input_features=inputs, is_longer=longer.to(self.device))
            return _checked(getattr(output, "pooler_output", output), model)
        output = model(inputs)
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None and trained_pooler:
            return _checked(pooled, model)
        hidden = output.last_hidden_state
        masks = [each.get("attention_mask") for each in prepared]
        return _checked(torch.stack([_mean(frames, mask) for frames, mask in zip(hidden, masks, strict=True)]), model)

    @cached_property
    def _extractor(self) -> Any:
        from transformers import AutoFeatureExtractor

        try:
            extractor = AutoFeatureExtractor.from_pretrained(
                str(self.folder), local_files_only=True, trust_remote_code=False
            )
        except (ValueError, OSError, KeyError, ImportError) as err:
            raise ArtifactError(
                f"model folder '{self.folder}': expected to read how sounds are prepared ({first_line(err)}). "
                "Choose an audio model."
            ) from err
        if not isinstance(getattr(extractor, "sampling_rate", None), int):
            raise ArtifactError(
                f"model folder '{self.folder}': expected the sampling rate of an audio model, got "
                f"{type(extractor).__name__}, which has none. Choose an audio model."
            )
        return extractor

    @property
    def _sample_rate(self) -> int:
        return int(self._extractor.sampling_rate)

    @cached_property
    def _window_s(self) -> float:
        """Longest window: what the extractor cuts sounds to, if it does."""
        extractor = self._extractor
        if hasattr(extractor, "nb_max_samples"):  # CLAP
            return float(extractor.nb_max_samples / extractor.sampling_rate)
        if hasattr(extractor, "num_mel_bins") and hasattr(extractor, "max_length"):  # frames of 10 ms
            return float(min(WINDOW_S, extractor.max_length / 100))
        return float(getattr(extractor, "chunk_length", None) or WINDOW_S)  # Whisper

    @cached_property
    def _loaded(self) -> tuple[Any, bool]:
        model, trained_pooler = load_frozen(self.folder, "an audio model", self.device)
        log.info("audio model %s on %s", self.folder, self.device)
        return (model.get_encoder() if model.config.is_encoder_decoder else model), trained_pooler


def _mean(frames: "Tensor", mask: "Tensor | None") -> "Tensor":
    """Average the frames that hold sound; a mask may be finer than the frames."""
    if mask is None:
        return frames.mean(dim=0)
    n_frames = int(np.ceil(float(mask.sum()) * len(frames) / mask.shape[-1]))
    return frames[: max(1, n_frames)].mean(dim=0)


def _checked(pooled: Any, model: Any) -> "Tensor":
    if getattr(pooled, "ndim", 0) != 2:
        raise ConfigError(
            f"model '{model.config.model_type}': expected one vector per sound, got {type(pooled).__name__}. "
            "Choose an audio encoder such as wav2vec 2.0, HuBERT, WavLM, Whisper, AST or CLAP."
        )
    return pooled
