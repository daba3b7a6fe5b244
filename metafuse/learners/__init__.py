"""Learners by name. A new one is a file and a line here."""

from metafuse.registry import Registry

LEARNERS = Registry(
    "learner",
    {
        "auto": "metafuse.learners.auto:AutoLearner",
        "lda": "metafuse.learners.lda:LdaLearner",
        "logistic": "metafuse.learners.logistic:LogisticLearner",
        "propagation": "metafuse.learners.propagation:PropagationLearner",
        "prototypical": "metafuse.learners.metric.prototypical:PrototypicalLearner",
    },
)
