"""How each head is fitted to the labels of a view outside a fold."""

from metafuse.learners.gaussian import discriminant, fit_gaussian
from metafuse.learners.linear import LinearHead
from metafuse.learners.prototypes import PrototypeHead, fit_prototypes
from metafuse.learners.seeding import Seeding, self_train
from metafuse.learners.surroundings import NeighbourHead
from metafuse.learners.view import View

LDA_SHRINKAGE = 0.5
ITERATIONS = 30
ITERATIONS_HELD_OUT = 15
"""The folds only decide weights, which half the iterations settle as well."""


def logistic_head(view: View, seeding: Seeding) -> LinearHead:
    """Logistic regression on labels and class names, which the seeding holds already."""
    return seeding.logistic


def lda_head(view: View, seeding: Seeding) -> LinearHead:
    """Linear discriminant analysis with a shrunk covariance."""
    return discriminant(fit_gaussian(*view.labelled(seeding.held_out), LDA_SHRINKAGE))


def prototype_head(view: View, seeding: Seeding) -> PrototypeHead:
    """Nearest prototype, centred on the source."""
    return fit_prototypes(*view.labelled(seeding.held_out), centre=view.base.mean(axis=0))


def self_trained_head(view: View, seeding: Seeding) -> LinearHead:
    """Logistic regression on the labels propagation gave all rows."""
    return self_train(view, seeding, max_iter=ITERATIONS if seeding.held_out is None else ITERATIONS_HELD_OUT)


def neighbour_head(view: View, seeding: Seeding) -> NeighbourHead:
    """Classes of the nearest rows after propagation."""
    return NeighbourHead()
