"""Which column names the rows and which holds their labels: judged by names, and by what the values can be."""

from collections.abc import Mapping, Sequence

from metafuse.columns.modality_rules import IGNORED, Facts
from metafuse.columns.nested_kinds import Verdict

LABEL_NAMES = ("label", "labels", "class", "category", "intent", "target", "reason", "y", "outcome", "tag")
"""Names of label columns, the strongest first; "return_reason" counts too, after the exact ones."""
ID_NAMES = (
    *("id", "uuid", "guid", "rowid", "lineid", "key", "code", "codes", "sku", "index", "unnamed", "filename", "file"),
)
"""Names of columns that name the rows, the strongest first."""
_GROUP_WORDS = frozenset(("id", "uuid", "guid", "key", "sku", "pid"))
_CONTENT_NAMES = frozenset(
    (
        *("name", "title", "text", "content", "message", "note", "description", "comment", "query", "url", "image"),
        *("photo", "word"),
    )
)
_MEDIA = ("image", "audio", "video", "pdf")
_NEVER_IDS = (*_MEDIA, "series", "vector", "geo")
_MAX_CODE_CHARS = 64
_MANY_GROUPS = 50


def find_label(candidates: Sequence[Facts]) -> tuple[str, str] | None:
    """Find the column with the strongest label name whose values can be classes.

    Returns:
        Its name and the reason; None where there is none.
    """
    exact = [(name, facts) for name in LABEL_NAMES for facts in candidates if facts.words == [name]]
    ending = [
        (name, facts) for name in LABEL_NAMES for facts in candidates if facts.words[-1:] == [name] and name != "y"
    ]
    chosen = next((facts for _, facts in [*exact, *ending] if _can_be_label(facts, least=2)), None)
    if chosen is None:
        # an empty or single-valued label column still is one, so that the error can say what it lacks
        chosen = next((facts for name, facts in exact if name != "y" and _can_be_label(facts, least=0)), None)
    if chosen is None:
        return None
    reason = f"by its name only; {chosen.n_distinct:,} classes on {len(chosen.values):,} of {chosen.n_rows:,} rows"
    return chosen.name, reason


def _can_be_label(facts: Facts, least: int) -> bool:
    if facts.is_number and not (facts.is_whole and facts.n_distinct <= max(20, facts.n_rows / 5)):
        return False
    return least <= facts.n_distinct <= max(2, facts.n_rows / 2) and facts.n_words <= 8


def find_ids(candidates: Sequence[Facts], contents: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Find the column that names the rows, if any, and the further identifiers, which are ignored.

    Args:
        candidates: Columns that may be one.
        contents: Column -> what its values are by themselves.
    Returns:
        Column -> "id" or "ignored", and the reason.
    """
    named = [facts for facts in candidates if _is_id_name(facts) and not _is_only_media(facts.name, contents)]
    unique = [facts for facts in named if facts.is_unique and (facts.is_whole or _is_code(facts))]
    chosen = min(unique, key=_id_rank, default=None)
    reason = "unique {values}, named '{name}'"
    if chosen is None and not any(facts.words == ["id"] for facts in candidates):
        chosen = _unnamed_id(candidates, contents)
        reason = "the first column of unique {values}"
    found = {facts.name: (IGNORED, "a second identifier") for facts in unique}
    found |= {
        facts.name: (IGNORED, "counts the rows") for facts in candidates if facts.is_counter and facts is not chosen
    }
    groups = [facts for facts in named if facts.words[-1] in _GROUP_WORDS and not facts.is_unique]
    found |= {
        facts.name: (IGNORED, _group_reason(facts))
        for facts in groups
        if facts.n_distinct > max(_MANY_GROUPS, facts.n_rows / 20) and (facts.is_whole or _is_code(facts))
    }
    exact = next((facts for facts in candidates if facts.words == ["id"]), None)
    if chosen is None and exact is not None and exact.n_distinct > 1:
        # repeated values are an error then: the schema names them
        chosen, reason = exact, "named '{name}'"
    if chosen is not None:
        values = "whole numbers" if chosen.is_whole else "short codes"
        found[chosen.name] = ("id", reason.format(values=values, name=chosen.name))
    return found


def _is_only_media(name: str, contents: Mapping[str, Verdict]) -> bool:
    """Tell whether a column names files that no other column of its kind holds: then they are what to learn from."""
    kind = contents[name][0]
    return kind in _MEDIA and [verdict[0] for verdict in contents.values()].count(kind) == 1


def _is_id_name(facts: Facts) -> bool:
    return bool(facts.words) and (
        facts.words[-1] in ID_NAMES or facts.words[-1] in _GROUP_WORDS or "unnamed" in facts.words
    )


def _id_rank(facts: Facts) -> tuple[int, int]:
    """Low first: a name that is nothing but id beats "row_id", which beats a key or a code."""
    last = facts.words[-1] if facts.words[-1] in ID_NAMES else "unnamed"
    return (0 if facts.words == ["id"] else 1), ID_NAMES.index(last)


def _is_code(facts: Facts) -> bool:
    if not facts.is_text:
        return False
    short = [len(text) <= _MAX_CODE_CHARS and len(text.split()) <= 2 for text in facts.sample]
    return sum(short) >= 0.95 * len(short)


def _unnamed_id(candidates: Sequence[Facts], contents: Mapping[str, Verdict]) -> Facts | None:
    learnable = [name for name, (kind, _) in contents.items() if kind != IGNORED]
    for place, facts in enumerate(candidates):
        if not facts.is_unique or contents[facts.name][0] in _NEVER_IDS or _CONTENT_NAMES & set(facts.words):
            continue
        if facts.is_counter or (_is_code(facts) and (place == 0 or facts.share("code") >= 0.9)):
            # the only thing there is to learn from is no identifier
            return facts if set(learnable) - {facts.name} else None
    return None


def _group_reason(facts: Facts) -> str:
    return (
        f"identifies a group: {facts.n_distinct:,} distinct values on {len(facts.values):,} rows; "
        "would leak the label from row to row"
    )
