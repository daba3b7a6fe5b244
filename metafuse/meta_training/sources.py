"""From task names to sources ready for episodes: labels split by class, items as a backbone takes them."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool

from metafuse.backbones import BACKBONES
from metafuse.backbones.column_tokens import ABOUT
from metafuse.embedder import OnProgress, fit_embedder
from metafuse.encoders.pixels import decode_image, to_square
from metafuse.episodes.base import EpisodePool
from metafuse.episodes.batch import Items
from metafuse.episodes.splits import episode_pools
from metafuse.errors import ConfigError, SchemaError
from metafuse.features import FeatureCache, Features
from metafuse.fusion.column_facts import column_facts, encode_names
from metafuse.fusion.early import EarlyFusion, equal_weights, fit_early_fusion
from metafuse.fusion.mapped import layout_of, modality_of, split_columns
from metafuse.rows import Rows, take_rows
from metafuse.schema import TABULAR, Modality, Schema, infer_schema
from metafuse.sources.media import MediaError
from metafuse.task import AdaptSpec, ClassSpec, open_any

log = logging.getLogger(__name__)

COLUMNS, COLUMN_TOKENS = "columns", "column_tokens"
ON_FEATURES = (COLUMNS, COLUMN_TOKENS)
"""The backbones on frozen features; every other takes raw images."""
FITTED = {str(modality) for modality in (*TABULAR, Modality.SERIES, Modality.VECTOR, Modality.GEO)}
"""Modalities that are encoded as each source's own rows need it."""
ALL_CLASSES = ClassSpec(meta_val=0.0, meta_test=0.0)
SHOWN = 5


@dataclass(frozen=True)
class TrainingSource:
    """A source ready for episodes.

    Args:
        items: All its rows.
        pools: "meta_train", "meta_val", "meta_test" -> the classes of that split; "all" -> all of them.
        encoders: Modality -> fingerprint of the encoder that made the items; empty for raw images.
        content: Fingerprint of the rows, of what their columns are, and of the classes; empty where it is not known.
    """

    items: Items
    pools: Mapping[str, EpisodePool]
    encoders: Mapping[str, str]
    content: str = ""


def read_training_source(
    source: object,
    backbone: str,
    backbone_options: Mapping[str, Any],
    cache: FeatureCache,
    *,
    device: str,
    on_progress: OnProgress | None = None,
) -> TrainingSource:
    """Read a source, all its labels, and its items.

    A row with nothing to learn from, no usable image or no feature in any column, stays in place without a class.

    Args:
        source: What `adapt` takes as a source.
        backbone: Name of the backbone that will take the items.
        backbone_options: Its arguments; the size of images is among them, or its default.
        cache: Where features are kept between runs.
        device: Where encoders run.
        on_progress: Told a stage, how many items of it are done, and their number.
    Raises:
        SourceError: the source cannot be read.
        SchemaError: it has no label column, no column the backbone could take, or no row with anything in them.
        EpisodeError: its class splits overlap or name unknown classes.
    """
    opened = open_any(source)
    dataset = opened.source.read()
    spec = opened.task
    schema = infer_schema(dataset.frame, overrides=spec.columns if spec else None)
    if schema.label_column is None:
        raise SchemaError(
            f"source '{dataset.name}' has no label column: expected one to draw episodes by. "
            'Name it under [columns] of a task file: column = "label".'
        )
    rows = take_rows(dataset, schema, unique_ids=False)
    classes = spec.classes if spec else ClassSpec()
    columns = {
        "group": _column(rows, classes.group_column, dataset.name),
        "duplicate": _column(rows, classes.duplicate_column, dataset.name),
    }
    pools = episode_pools(dataset.name, rows.labels, classes, **columns)
    pools["all"] = replace(episode_pools(dataset.name, rows.labels, ALL_CLASSES, **columns)["meta_train"], split="all")
    content = _fingerprint(opened.source.fingerprint, schema, pools)
    if backbone not in ON_FEATURES:
        options = image_options(backbone, backbone_options)
        images, is_usable = _images(rows, schema, options["image_size"], options["in_channels"], dataset.name)
        return TrainingSource(images, _leave_out(pools, is_usable), {}, content)
    adapt = spec.adapt if spec else AdaptSpec()
    embedder = fit_embedder(rows, schema, cache, models=adapt.models, device=device)
    features, _ = embedder.encode(rows, on_progress)
    present = [features.present[name] for name, matrix in features.matrices.items() if matrix.size]
    is_usable = np.any([np.zeros(len(rows), dtype=bool), *present], axis=0)
    empty = dict.fromkeys(np.flatnonzero(~is_usable).tolist(), "every column is empty")
    _report_left_out(rows, empty, "feature", dataset.name)
    items = feature_items(features) if backbone == COLUMNS else token_items(features)
    return TrainingSource(items, _leave_out(pools, is_usable), embedder.spec.fingerprints, content)


def image_options(backbone: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Spell out how a backbone takes images: its options with `image_size` and `in_channels` among them.

    Raises:
        ConfigError: it takes no images, or an option is not known.
    """
    built = BACKBONES.build(backbone, **options)
    if not hasattr(built, "image_size"):
        raise ConfigError(
            f"backbone '{backbone}' takes no images: expected '{COLUMNS}', on the features of any columns, or conv4, "
            "resnet9 or resnet12 on an image column. For other items call meta_train_sources."
        )
    if built.in_channels not in (1, 3):
        raise ConfigError(
            f"backbone '{backbone}': expected in_channels of 1 (grey) or 3 (colour) for images, got "
            f"{built.in_channels}. Use one of these."
        )
    return {**options, "image_size": built.image_size, "in_channels": built.in_channels}


def feature_items(features: Features) -> dict[str, torch.Tensor]:
    """Lay out a source's features as the `columns` backbone takes them, each modality with the same weight."""
    return _lay_out(features, fit_early_fusion(features, equal_weights(features, _columns_of(features))))


def token_items(features: Features) -> dict[str, torch.Tensor]:
    """Lay out a source's features as the `column_tokens` backbone takes them, each column with the same weight.

    What is known of each column lies beside it, the same in every row.
    """
    columns = _lay_out(features, fit_early_fusion(features, dict.fromkeys(_columns_of(features), 1.0)))
    names = dict(zip(columns, encode_names([name.split("/", 1)[1] for name in columns]), strict=True))
    return columns | about_columns(columns, names)


def about_columns(
    columns: Mapping[str, torch.Tensor], names: Mapping[str, np.ndarray], *, seed: int = 0
) -> dict[str, torch.Tensor]:
    """Lay out the facts of columns and the embeddings of their names, "about/modality/column" -> (n_rows, ...)."""
    facts = column_facts({name: x.numpy() for name, x in columns.items()}, seed=seed)
    n_rows = len(next(iter(columns.values())))
    return {
        ABOUT + name: torch.from_numpy(np.concatenate([facts[place], names[name]])).expand(n_rows, -1)
        for place, name in enumerate(columns)
    }


def _columns_of(features: Features) -> list[str]:
    return [name for name in features.modalities if features.present[name].any() and features.matrices[name].size]


def _lay_out(features: Features, fusion: EarlyFusion) -> dict[str, torch.Tensor]:
    split = split_columns(fusion.forward(features), layout_of(fusion, features.modalities))
    return {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in split.items()}


def modality_dims(sources: Sequence[TrainingSource]) -> dict[str, int]:
    """Dimension of each modality's features, but of those whose encoding differs from source to source.

    Raises:
        ConfigError: sources disagree, because they are encoded by different models.
    """
    dims: dict[str, int] = {}
    for source in sources:
        assert isinstance(source.items, Mapping)
        for name, items in source.items.items():
            modality = modality_of(name)
            if name.startswith(ABOUT) or modality in FITTED:
                continue
            if dims.setdefault(modality, items.shape[1]) != items.shape[1]:
                raise ConfigError(
                    f"modality '{modality}': expected one encoder for all sources, got features of {dims[modality]} "
                    f"and {items.shape[1]} dimensions. Name the same model under [adapt] of each task file."
                )
    return dims


def modality_names(sources: Sequence[TrainingSource]) -> list[str]:
    """Name the modalities that columns of the sources have, sorted."""
    names = {name for source in sources if isinstance(source.items, Mapping) for name in source.items}
    return sorted({modality_of(name) for name in names if not name.startswith(ABOUT)})


def _images(
    rows: Rows, schema: Schema, size: int, channels: int, name: str
) -> tuple[torch.Tensor, Bool[np.ndarray, " n_rows"]]:
    """Decode the images; black, and not usable, where there is none."""
    columns = schema.named(Modality.IMAGE)
    if len(columns) != 1:
        raise SchemaError(
            f"source '{name}': expected one image column for a backbone on raw images, got {len(columns)}. "
            "Mark the others as ignored under [columns], or use --backbone columns."
        )
    pixels = np.zeros((len(rows), channels, size, size), dtype=np.uint8)
    cells = rows.frame[columns[0]]
    refused: dict[int, str] = {}
    for place, (cell, is_missing) in enumerate(zip(cells, cells.isna(), strict=True)):
        if is_missing:
            refused[place] = "the cell is empty"
            continue
        try:
            pixels[place] = to_square(decode_image(rows.media.read(cell)), size, channels)
        except MediaError as err:
            refused[place] = str(err)
    _report_left_out(rows, refused, "image", name)
    return torch.from_numpy(pixels), ~np.isin(np.arange(len(rows)), list(refused))


def _report_left_out(rows: Rows, refused: Mapping[int, str], what: str, name: str) -> None:
    if not refused:
        return
    shown = "; ".join(f"{rows.ids[place]}: {reason}" for place, reason in list(refused.items())[:SHOWN])
    more = f"; and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
    if len(refused) == len(rows):
        raise SchemaError(
            f"source '{name}': expected rows with a usable {what}, got none in {len(rows)} rows: {shown}{more}. "
            "Correct the column or its files."
        )
    log.warning(
        "source '%s': %d of %d rows have no usable %s and are left out: %s%s",
        *(name, len(refused), len(rows), what, shown, more),
    )


def _leave_out(pools: Mapping[str, EpisodePool], is_usable: Bool[np.ndarray, " n_rows"]) -> dict[str, EpisodePool]:
    return {split: replace(pool, class_id=np.where(is_usable, pool.class_id, -1)) for split, pool in pools.items()}


def _fingerprint(rows: str, schema: Schema, pools: Mapping[str, EpisodePool]) -> str:
    digest = hashlib.sha256(f"{rows}{[(column.name, str(column.modality)) for column in schema.columns]}".encode())
    for split, pool in sorted(pools.items()):
        digest.update(f"{split}{pool.classes}".encode())
        digest.update(pool.class_id.astype(np.int64).tobytes())
    return digest.hexdigest()


def _column(rows: Rows, column: str | None, name: str) -> np.ndarray | None:
    if column is None:
        return None
    if column not in rows.frame:
        raise ConfigError(
            f"source '{name}' has no column '{column}', which its [classes] name. "
            f"It has {', '.join(map(str, rows.frame))}."
        )
    cells = rows.frame[column]
    return cells.astype(object).where(cells.notna(), None).to_numpy()
