"""Learners by name. A new one is a file and a line here."""

from metafuse.registry import Registry

LEARNERS = Registry(
    "learner",
    {
        "auto": "metafuse.learners.auto:AutoLearner",
        "lda": "metafuse.learners.lda:lda_learner",
        "logistic": "metafuse.learners.logistic:logistic_learner",
        "propagation": "metafuse.learners.propagation:propagation_learner",
        "prototypical": "metafuse.learners.metric.prototypical:prototypical_learner",
    },
)
