"""Features of several columns to one embedding per item, and experts to one prediction. A new one is a file and a line
here: the name of a function that returns its `FusionPlan`."""

from metafuse.registry import Registry

FUSIONS = Registry(
    "fusion",
    {
        "attention": "metafuse.fusion.attention:attention",
        "auto": "metafuse.fusion.automatic:auto",
        "bagging": "metafuse.fusion.bagging:bagging",
        "bilinear": "metafuse.fusion.bilinear:bilinear",
        "boosting": "metafuse.fusion.boosting:boosting",
        "early": "metafuse.fusion.early:early",
        "gated": "metafuse.fusion.gated:gated",
        "graph": "metafuse.fusion.graph:graph",
        "late": "metafuse.fusion.late:late",
        "stacking": "metafuse.fusion.stacking:stacking",
    },
)
