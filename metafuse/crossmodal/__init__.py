"""Learning from the rows of a source that have several modalities: one space for two of them, and filling the gaps."""

from metafuse.registry import Registry

ALIGNERS = Registry(
    "aligner",
    {
        "cca": "metafuse.crossmodal.cca:fit_cca",
        "contrastive": "metafuse.crossmodal.contrastive:fit_contrastive",
    },
)

TRANSLATORS = Registry(
    "translator",
    {
        "cgan": "metafuse.crossmodal.cgan:fit_cgan",
        "cvae": "metafuse.crossmodal.cvae:fit_cvae",
        "cycle_gan": "metafuse.crossmodal.cycle_gan:fit_cycle_gan",
        "knn": "metafuse.crossmodal.nearest:fit_nearest",
        "mean": "metafuse.crossmodal.mean:fit_mean",
        "ridge": "metafuse.crossmodal.ridge:fit_ridge",
        "vae": "metafuse.crossmodal.vae:fit_vae",
    },
)
