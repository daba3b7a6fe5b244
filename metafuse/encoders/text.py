"""Frozen text encoder: sentence-transformers models, with a packed path for BERT models on CPU.

The packed path tokenises each distinct text once, sorts by number of tokens and computes batches without padding
(`packed_bert`). A model it does not cover goes through SentenceTransformer.encode; `generic_reason` says why, and the
log says so when the model is loaded.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from metafuse.encoders.base import Encoded
from metafuse.encoders.models import fingerprint_model
from metafuse.encoders.packed_plan import PackedPlan, plan_packed
from metafuse.encoders.text_models import DEFAULT_MODEL, find_text_model
from metafuse.errors import ArtifactError, ConfigError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    from metafuse.encoders.packed_bert import PackedBert

# Part of the fingerprint: raise it when the same model would give other embeddings.
CODE_VERSION = "1"
# Distinct texts tokenised and sorted together: enough for long runs of equal length, little memory.
CHUNK_TEXTS = 8192

logger = logging.getLogger(__name__)


class TextEncoder:
    """Encode texts with a frozen sentence-transformers model.

    Args:
        model: A folder, "all-MiniLM-L6-v2", or a hub name. Found and loaded on first use.
        device: A torch device; the packed path runs on "cpu" only.
        token_budget: Most tokens in a packed batch (a longer text is a batch alone). 512 to 2,048
            are equally fast; from 4,096 on, each batch pays page faults.
    """

    modality = "text"

    def __init__(self, model: str = DEFAULT_MODEL, *, device: str = "cpu", token_budget: int = 1024) -> None:
        if token_budget < 1:
            raise ConfigError(f"token_budget: expected at least 1, got {token_budget}. The default is 1024.")
        self.model = str(model)
        self.device = device
        self.token_budget = token_budget

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        if isinstance(self._plan, PackedPlan):
            return self._plan.dim
        return int(self._generic.get_embedding_dimension() or 0)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of weights, configuration, tokenizer and `CODE_VERSION`; reads files, never imports torch."""
        return f"text-{CODE_VERSION}-{fingerprint_model(self._folder)}"

    @property
    def generic_reason(self) -> str | None:
        """Why this model takes the generic path; None when it takes the packed one."""
        return None if isinstance(self._plan, PackedPlan) else self._plan

    def encode(self, values: Sequence[str], progress: Callable[[int], None] | None = None) -> Encoded:
        """Encode texts, each distinct one once.

        Args:
            values: The texts; an empty string is a text like any other.
            progress: Called with the number of distinct texts finished since the last call, then once with the
                number of repeated ones, so that the calls add up to len(values).
        Returns:
            One L2-normalised row for each value, in order.
        Raises:
            ConfigError: a value is not a string.
        """
        distinct = {value: row for row, value in enumerate(dict.fromkeys(values))}
        if wrong := [value for value in distinct if not isinstance(value, str)]:
            raise ConfigError(f"text encoder: expected strings, got {type(wrong[0]).__name__}. Mask absent values.")
        if not distinct:
            return Encoded(np.empty((0, self.dim), np.float32), {})
        report = progress or (lambda n: None)
        embeddings = self._encode_distinct(list(distinct), report)
        if repeated := len(values) - len(distinct):
            report(repeated)
        return Encoded(embeddings[[distinct[value] for value in values]], {})

    def _encode_distinct(self, texts: list[str], report: Callable[[int], None]) -> Float32[np.ndarray, "n dim"]:
        encode = self._encode_packed if isinstance(self._plan, PackedPlan) else self._encode_generic
        embeddings = np.empty((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), CHUNK_TEXTS):
            chunk = texts[start : start + CHUNK_TEXTS]
            encode(chunk, embeddings[start : start + len(chunk)], report)
        return embeddings

    def _encode_packed(
        self, texts: list[str], out: Float32[np.ndarray, "n dim"], report: Callable[[int], None]
    ) -> None:
        import torch

        tokens = [np.array(e.ids) for e in self._tokenizer.encode_batch_fast(texts)]
        lengths = [len(ids) for ids in tokens]
        model = self._packed  # loaded here, once, not in each thread

        def encode_batch(rows: list[int]) -> int:
            runs = [(len(list(run)), length) for length, run in groupby(lengths[row] for row in rows)]
            packed = torch.from_numpy(np.concatenate([tokens[row] for row in rows]))
            out[rows] = model.embed(packed, runs).numpy()
            return len(rows)

        # A batch a thread beats all threads on each of a batch's many short steps, by 6-8 % on two cores.
        n_threads = torch.get_num_threads()
        executor = ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            for n_done in executor.map(encode_batch, pack(lengths, self.token_budget)):
                report(n_done)
        finally:
            executor.shutdown(cancel_futures=True)
            torch.set_num_threads(n_threads)

    def _encode_generic(
        self, texts: list[str], out: Float32[np.ndarray, "n dim"], report: Callable[[int], None]
    ) -> None:
        out[:] = self._generic.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        report(len(texts))

    @cached_property
    def _folder(self) -> Path:
        return find_text_model(self.model)

    @cached_property
    def _plan(self) -> PackedPlan | str:
        return plan_packed(self._folder) if self.device == "cpu" else f"the packed path is not for {self.device!r}"

    @cached_property
    def _packed(self) -> "PackedBert":
        from safetensors import SafetensorError

        from metafuse.encoders.packed_bert import PackedBert

        assert isinstance(self._plan, PackedPlan)
        try:
            return PackedBert(self._plan.transformer, pooling=self._plan.pooling)
        except (SafetensorError, KeyError) as err:
            raise ArtifactError(
                f"text model {self.model!r}: expected the complete weights of a BERT model in {self._folder}, "
                f"got: {err}. Fetch the model again."
            ) from err

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        assert isinstance(self._plan, PackedPlan)
        tokenizer = Tokenizer.from_file(str(self._plan.transformer / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self._plan.max_length)
        return tokenizer

    @cached_property
    def _generic(self) -> "SentenceTransformer":
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as err:
            raise MissingExtraError(
                f"text model {self.model!r} needs sentence-transformers. Run: pip install sentence-transformers"
            ) from err
        logger.warning("text model %s takes the slower generic path: %s", self.model, self._plan)
        try:
            return SentenceTransformer(str(self._folder), device=self.device, local_files_only=True)
        except (OSError, ValueError, KeyError) as err:
            raise ArtifactError(
                f"text model {self.model!r}: expected a sentence-transformers model in {self._folder}, got: {err}. "
                "Models that need their own code are refused (trust_remote_code is never set)."
            ) from err


def pack(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Group texts, longest first, into batches of at most `token_budget` tokens.

    Returns:
        Positions in `lengths` for each batch; equal lengths are neighbours.
    """
    batches: list[list[int]] = []
    n_tokens = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if not batches or n_tokens + lengths[row] > token_budget:
            batches.append([])
            n_tokens = 0
        batches[-1].append(row)
        n_tokens += lengths[row]
    return batches
