"""Choosing the rules for a source, column by column."""

import pandas as pd

from metafuse.cleaning.base import Cleaner, Finding, Kind, Rule, apply_rule
from metafuse.cleaning.missing import fit_missing
from metafuse.cleaning.outliers import fit_outliers
from metafuse.cleaning.series import SMOOTHINGS, SeriesRule
from metafuse.cleaning.units import fit_unit
from metafuse.cleaning.variants import fit_variants
from metafuse.errors import ConfigError
from metafuse.schema import TABULAR, WRITTEN, Column, Modality, Schema

SHOWN = 3
"""Pairs of labels named in a finding."""


def fit_cleaner(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    missing: bool = True,
    units: bool = True,
    outliers: bool = True,
    variants: bool = True,
    series_smoothing: str = "none",
    series_normalise: bool = False,
) -> Cleaner:
    """Learn from the rows of a source how to clean it; ids and media are left alone.

    Labels are, too: what looks like two spellings of one is a finding, since only a person knows the classes.

    Args:
        frame: All rows; labels play no part.
        schema: Which column is what.
        missing: Take "n/a", "?", "unknown" and the like for missing.
        units: Bring numbers with units to the column's most frequent one.
        outliers: Take numbers for missing that leave no doubt, such as -999 among positive ones.
        variants: Merge spelling variants of one category.
        series_smoothing: "none", "median" or "savgol", for time series.
        series_normalise: Take level and scale out of each time series.
    Raises:
        ConfigError: there is no such smoothing.
    """
    if series_smoothing not in SMOOTHINGS:
        raise ConfigError(
            f"series_smoothing: expected one of {', '.join(SMOOTHINGS)}, got '{series_smoothing}'. Use one of these."
        )
    rules: list[Rule] = []
    findings: list[Finding] = []
    series: list[SeriesRule] = []
    for column in schema.columns:
        if column.modality == Modality.SERIES:
            series.append(SeriesRule(column.name, smoothing=series_smoothing, normalise=series_normalise))
        elif column.modality in (*WRITTEN, *TABULAR):
            found, left = _fit_column(frame[[column.name]], column, (missing, units, outliers, variants))
            rules += found
            findings += left
        elif column.modality == Modality.LABEL and variants:
            findings += _find_label_variants(frame, column.name)
    return Cleaner(tuple(rules), tuple(series), tuple(findings))


def _fit_column(
    frame: pd.DataFrame, column: Column, asked: tuple[bool, bool, bool, bool]
) -> tuple[list[Rule], list[Finding]]:
    """Learn a column's rules, each from what the ones before it leave."""
    name, modality = column.name, column.modality
    missing, units, outliers, variants = asked
    rules: list[Rule] = []
    findings: list[Finding] = []

    def add(rule: Rule | None, left: tuple[Finding, ...]) -> None:
        nonlocal frame
        findings.extend(left)
        if rule is not None:
            rules.append(rule)
            frame, _ = apply_rule(frame, rule)

    if missing:
        add(*fit_missing(column, frame[name]))
    if units and modality == Modality.NUMERIC:
        add(*fit_unit(name, frame[name]))
    if outliers and modality == Modality.NUMERIC:
        add(*fit_outliers(name, frame[name]))
    if variants and modality == Modality.CATEGORICAL:
        add(fit_variants(name, frame[name]), ())
    return rules, findings


def _find_label_variants(frame: pd.DataFrame, name: str) -> tuple[Finding, ...]:
    rule = fit_variants(name, frame[name])
    if rule is None or not rule.mapping:
        return ()
    pairs = [f"'{text}' = '{kept}'" for text, kept in list(rule.mapping.items())[:SHOWN]]
    n_cells = len(rule.replace(frame[name]).rows)
    return (Finding(name, Kind.VARIANT, n_cells, f"labels look like spellings of others ({', '.join(pairs)}); left"),)
