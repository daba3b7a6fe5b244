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

EPISODIC = Registry(
    "episodic learner",
    {
        "adversarial_head": "metafuse.learners.generative.adversarial_head:AdversarialHeadLearner",
        "anil": "metafuse.learners.optimization.maml:anil",
        "cgan": "metafuse.learners.generative.conditional_gan:ConditionalGanLearner",
        "contrastive": "metafuse.learners.metric.metric_losses:contrastive_learner",
        "cvae": "metafuse.learners.generative.conditional_vae:ConditionalVaeLearner",
        "fomaml": "metafuse.learners.optimization.maml:fomaml",
        "hypernetwork": "metafuse.learners.generative.hypernetwork:HypernetworkLearner",
        "l2l-anil": "metafuse.learners.optimization.learn2learn:l2l_anil",
        "l2l-maml": "metafuse.learners.optimization.learn2learn:l2l_maml",
        "l2l-meta_sgd": "metafuse.learners.optimization.learn2learn:l2l_meta_sgd",
        "learned_update": "metafuse.learners.optimization.learned_update:learned_update",
        "maml": "metafuse.learners.optimization.maml:maml",
        "maml_plus_plus": "metafuse.learners.optimization.maml_plus_plus:maml_plus_plus",
        "matching": "metafuse.learners.metric.matching:MatchingNetworkLearner",
        "meta_sgd": "metafuse.learners.optimization.meta_sgd:meta_sgd",
        "prototypical": "metafuse.learners.metric.prototypical_network:PrototypicalNetworkLearner",
        "relation": "metafuse.learners.metric.relation:RelationNetworkLearner",
        "reptile": "metafuse.learners.optimization.reptile:ReptileLearner",
        "ridge": "metafuse.learners.metric.ridge:RidgeLearner",
        "simple_cnaps": "metafuse.learners.metric.simple_cnaps:SimpleCnapsLearner",
        "supervised_contrastive": "metafuse.learners.metric.metric_losses:supervised_contrastive_learner",
        "triplet": "metafuse.learners.metric.metric_losses:triplet_learner",
        "whitened": "metafuse.learners.metric.whitened:WhitenedLearner",
    },
)
"""Meta-trained over episodes; built as `EPISODIC.build(name, backbone, **options)`."""
