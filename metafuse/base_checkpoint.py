"""What `adapt` starts from: a checkpoint as the maps, the learner or the image encoder it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from metafuse.errors import ArtifactError, ConfigError
from metafuse.fusion.attention import TokenWeigher
from metafuse.fusion.mapped import Layout
from metafuse.learners.mixture import FitHead

if TYPE_CHECKING:
    from metafuse.learners.episodic_spec import LearnerSpec
    from metafuse.meta_training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Base:
    """What meta-training on other sources taught.

    Args:
        name: Of the checkpoint, for messages.
        residuals: Modality -> map added to its features, see `MappedFusion`; empty for a backbone on raw images.
        encoders: Modality -> fingerprint of the encoder whose features it was trained on.
        spec: Rebuilds the episodic learner it was trained with.
        weights: Of that learner.
        takes_images: Its backbone encodes raw images.
        weigher: Its backbone weighs columns by attention, see `fit_attention_fusion`; None for any other.
    """

    name: str
    residuals: Mapping[str, Float[np.ndarray, "_ _"]]
    encoders: Mapping[str, str]
    spec: "LearnerSpec"
    weights: Mapping[str, np.ndarray]
    takes_images: bool
    weigher: TokenWeigher | None = None

    def has_head(self, learner: str) -> bool:
        """Whether its learner is the one of that name, and scores columns."""
        return self.spec.learner == learner and not self.takes_images and self.weigher is None

    def check_encoders(self, fingerprints: Mapping[str, str]) -> None:
        """Check that a source is encoded as what the checkpoint was trained on.

        Raises:
            ArtifactError: a modality has another encoder; the message names it.
            ConfigError: they have no modality in common.
        """
        for modality, fingerprint in fingerprints.items():
            expected = self.encoders.get(modality)
            if expected is not None and expected != fingerprint:
                raise ArtifactError(
                    f"checkpoint '{self.name}' was trained on {modality} features of {expected}, this source's are of "
                    f"{fingerprint}. Name the same {modality} model under [adapt] of the task file."
                )
        if not self.takes_images and not self.encoders.keys() & fingerprints.keys():
            raise ConfigError(
                f"checkpoint '{self.name}' knows {', '.join(self.encoders) or 'no modality'}, the source has "
                f"{', '.join(fingerprints) or 'a table only'}. Adapt without --base."
            )
        if self.takes_images and "image" not in fingerprints:
            raise ConfigError(f"checkpoint '{self.name}' encodes images, the source has none. Adapt without --base.")


def open_base(path: Path) -> Base:
    """Read a checkpoint to start from.

    Raises:
        ArtifactError: there is none, or it was changed or written by another version.
    """
    from metafuse.meta_training.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    spec = checkpoint.spec
    takes_images = spec.backbone not in ("columns", "column_tokens")
    own = checkpoint.backbone().weights
    dims: Mapping[str, int] = spec.backbone_options["dims"] if spec.backbone == "columns" else {}
    residuals = {modality: own[f"up.{modality}"] @ own[f"down.{modality}"] for modality in dims}
    weigher = _weigher(checkpoint) if spec.backbone == "column_tokens" else None
    return Base(str(path), residuals, checkpoint.encoders, spec, checkpoint.weights, takes_images, weigher)


def _weigher(checkpoint: "Checkpoint") -> TokenWeigher:
    from metafuse.backbones.column_tokens import LAW_RATE, ColumnTokensBackbone

    backbone = checkpoint.backbone()
    built = backbone.build()
    assert isinstance(built, ColumnTokensBackbone)
    return TokenWeigher(backbone.weights, built.n_heads, built.bound, LAW_RATE)


def episodic_head(learner: str, base: Base | None, layout: Layout) -> FitHead:
    """Make a mixture's head of an episodic learner: the checkpoint's, or one that starts plain.

    Raises:
        ConfigError: the checkpoint was trained with another learner, on raw images, or weighs columns only.
    """
    from metafuse.learners.episodic_head import FitEpisodicHead
    from metafuse.learners.episodic_spec import LearnerSpec, take_weights

    if base is None:
        spec = LearnerSpec(learner, "columns", backbone_options={"dims": {}})
        return FitEpisodicHead(spec, take_weights(spec.build()), layout)
    if base.takes_images:
        raise ConfigError(
            f"learner '{learner}': checkpoint '{base.name}' was trained on raw images and serves as the image encoder "
            "only. Use --learner auto, prototypical, logistic, lda or propagation with it."
        )
    if base.weigher is not None:
        raise ConfigError(
            f"learner '{learner}': checkpoint '{base.name}' weighs columns and serves as the fusion only. "
            "Use --learner auto, prototypical, logistic, lda or propagation with it."
        )
    if base.spec.learner != learner:
        raise ConfigError(
            f"learner '{learner}': checkpoint '{base.name}' was trained with '{base.spec.learner}'. "
            f"Use --learner {base.spec.learner}, or auto, which takes its embedder alone."
        )
    return FitEpisodicHead(base.spec, base.weights, layout)
