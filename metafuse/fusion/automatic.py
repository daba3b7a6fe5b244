"""`auto`: an expert per modality and one on all of them, combined as held-out labels say is best."""

from metafuse.fusion.plan import FusionPlan
from metafuse.fusion.stacking import fit_stacking


def auto() -> FusionPlan:
    """Every combination competes on held-out labels, with the product of experts as the start."""
    return FusionPlan(combinations={"stacking": fit_stacking}, chooses=True)
