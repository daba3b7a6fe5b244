"""The facts a run tells people and programs after adapting."""

from collections import Counter
from typing import Any

import pandas as pd

from metafuse.encoders.parts import describe_encoders
from metafuse.evaluation import Proportion
from metafuse.state import State


def summarise(state: State, predictions: pd.DataFrame) -> dict[str, Any]:
    """Facts a person wants after adapting.

    Args:
        state: Of the run.
        predictions: For the source's own rows.
    """
    metrics = state.metrics
    unlabelled = predictions[state.class_index < 0]
    facts: dict[str, Any] = {
        "source": state.settings.source,
        "rows": len(predictions),
        "labelled": f"{int((state.class_index >= 0).sum())} in {len(state.classes)} classes",
        "quarantined": _count_reasons(state),
        "encoders": ", ".join(f"{name}: {model}" for name, model in encoder_names(state).items()),
        "learner": f"{state.settings.learner_in_words}, fusion {fusion_in_words(state)}, "
        f"device {state.settings.device}",
        "leave-one-out accuracy": _with_interval(metrics.leave_one_out),
        "nearest prototype": _with_interval(metrics.baseline),
    }
    if len(metrics.modalities) > 1:
        facts["modalities alone"] = ", ".join(
            f"{name} {result.alone.share:.1%}" for name, result in metrics.modalities.items()
        )
    facts["unknown"] = (
        f"{int(unlabelled['is_unknown'].sum())} of {len(unlabelled)} unlabelled rows, "
        f"at a false-alarm rate of {state.settings.false_alarm:.0%}"
    )
    facts |= {f"note {place}": note for place, note in enumerate(state.notes, start=1)}
    facts["seconds"] = ", ".join(f"{step} {seconds:.1f}" for step, seconds in state.timings.items())
    return facts


def count_facts(state: State, predictions: pd.DataFrame) -> dict[str, Any]:
    """Counts, settings and notes of a run, JSON-able."""
    return {
        "source": state.settings.source,
        "n_rows": len(predictions),
        "n_labelled": int((state.class_index >= 0).sum()),
        "classes": list(state.classes),
        "n_quarantined": len(state.quarantine),
        "n_unknown": int(predictions["is_unknown"][state.class_index < 0].sum()),
        "encoders": encoder_names(state),
        "learner": state.settings.learner,
        "base": state.settings.base,
        "fusion": state.settings.fusion,
        "false_alarm": state.settings.false_alarm,
        "seed": state.settings.seed,
        "notes": list(state.notes),
    }


def fusion_in_words(state: State) -> str:
    """The fusion asked for and, where several were compared, the one that was chosen."""
    asked, chosen = state.settings.fusion, state.metrics.combined
    return f"{asked} ({chosen})" if len(state.metrics.combinations) > 1 else asked


def encoder_names(state: State) -> dict[str, str]:
    """Modality -> what encoded it."""
    found = describe_encoders(state.spec.schema, state.spec.models)
    return {modality: encoder for modality, (_, encoder) in found.items()}


def _with_interval(found: Proportion) -> str:
    if not found.n:
        return "cannot be told: no class has two labels"
    return f"{found.share:.1%} ({found.low:.1%} to {found.high:.1%}, {found.n} rows)"


def _count_reasons(state: State) -> str:
    if not state.quarantine:
        return "0"
    kinds = Counter("rows" if bad.column is None else f"cells of '{bad.column}'" for bad in state.quarantine)
    return f"{len(state.quarantine)} ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})"
