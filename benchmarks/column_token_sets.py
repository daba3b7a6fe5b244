"""Catalogues whose columns differ, as rows and as features to adapt to."""

from pathlib import Path

import pandas as pd
from public_sets import Catalogue, read_catalogue

from metafuse.embedder import fit_embedder
from metafuse.features import Features, open_cache
from metafuse.rows import take_rows
from metafuse.schema import infer_schema
from metafuse.sources.open import open_source
from metafuse.task import AdaptSpec

NAMES = ("luma_catalog", "appimage_catalog", "emoji_catalog", "new_dept")
"""No two of the same rows: a catalogue under other labels would be a catalogue seen."""

NEW_DEPT = Path(__file__).parents[1] / "tasks" / "new_dept"


def read_set(name: str, data: Path) -> Catalogue:
    """Rows of a catalogue; of new_dept those whose reason is known and was labelled for some."""
    if name != "new_dept":
        return read_catalogue(name, data)
    rows = pd.read_csv(NEW_DEPT / "returns.csv", on_bad_lines="skip").drop_duplicates("return_id")
    truth = pd.read_csv(NEW_DEPT / "truth.csv").drop_duplicates("return_id").set_index("return_id")
    truth = truth.reindex(rows["return_id"]).reset_index(drop=True)
    kept = ((truth["kind"] == "normal") & truth["reason"].isin(rows["reason"].dropna().unique())).to_numpy()
    rows, labels = rows[kept].reset_index(drop=True), truth["reason"][kept].reset_index(drop=True)
    photos = [None if pd.isna(cell) else (NEW_DEPT / cell).read_bytes() for cell in rows["photo"]]
    rows = rows.drop(columns=["reason", "return_id"]).assign(id=rows.index, photo=pd.Series(photos, dtype=object))
    return Catalogue(rows, labels, pd.Series(range(len(rows))))


def encode(pool: pd.DataFrame, unseen: pd.DataFrame, cache_dir: Path | None) -> tuple[Features, Features]:
    """Features of a source's rows, and of rows that come later, by encoders fitted on the source."""
    dataset, later = open_source(pool).read(), open_source(unseen).read()
    schema = infer_schema(dataset.frame)
    rows = take_rows(dataset, schema, unique_ids=False)
    embedder = fit_embedder(rows, schema, open_cache(cache_dir), models=AdaptSpec().models, device="cpu")
    return embedder.encode(rows)[0], embedder.encode(take_rows(later, schema, unique_ids=False))[0]
