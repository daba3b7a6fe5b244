"""Second-order meta-gradients of MAML against references: `python benchmarks/meta_gradients.py`.

Conv-4 with 64 channels and batch normalisation, 28x28, 5-way 1-shot, two tasks, two inner steps, float64. Against
central differences of fourth order along random directions, and against learn2learn on the same tasks.
"""

import argparse
from pathlib import Path

import torch
from maml_speed import build_learner, draw_batch, iterate_learn2learn, iterate_ours
from records import RESULTS, append_record

STEP = 3e-8
"""Larger ones cross corners of ReLU and max-pooling."""
N_DIRECTIONS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    batch = draw_batch("conv4", 2, 5, "cpu", torch.float64)
    learner = build_learner("conv4", 2).double()
    ours = [gradient.clone() for gradient in iterate_ours(learner, batch, compiled=False)()]
    theirs = iterate_learn2learn(learner, batch)()
    parameters, generator = list(learner.parameters()), torch.Generator().manual_seed(0)

    def loss_at(times: float, direction: list[torch.Tensor]) -> float:
        with torch.no_grad():
            for parameter, along in zip(parameters, direction, strict=True):
                parameter.add_(along, alpha=times * STEP)
            loss = learner.loss(batch)[0].item()
            for parameter, along in zip(parameters, direction, strict=True):
                parameter.sub_(along, alpha=times * STEP)
        return loss

    draws = []
    for _ in range(N_DIRECTIONS):
        direction = [torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in parameters]
        exact = sum((gradient * along).sum() for gradient, along in zip(ours, direction, strict=True)).item()
        difference = (
            loss_at(-2, direction) - 8 * loss_at(-1, direction) + 8 * loss_at(1, direction) - loss_at(2, direction)
        ) / (12 * STEP)
        draws.append({"measured": abs(difference - exact) / abs(exact)})
    what = "meta-gradients of MAML, second order, float64, Conv-4 with batch normalisation, relative error against"
    command = "python benchmarks/meta_gradients.py"
    setting = {"what": f"{what} finite differences", "protocol": "two tasks", "unit": "", "target": "1e-6"}
    print(append_record(args.results, setting, draws, command=command)["metrics"])
    errors = [((mine - other).norm() / other.norm()).item() for mine, other in zip(ours, theirs, strict=True)]
    setting = {"what": f"{what} learn2learn", "protocol": "largest of all parameters", "unit": "", "target": "1e-5"}
    print(append_record(args.results, setting, [{"measured": max(errors)}], command=command)["metrics"])


if __name__ == "__main__":
    main()
