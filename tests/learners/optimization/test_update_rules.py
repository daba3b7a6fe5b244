import pytest
import torch
from torch.testing import assert_close

from metafuse.learners.optimization.update_rules import LearnedRates, LearnedRule, Sgd, StepRates

START, GRADIENT = {"w.a": torch.tensor([1.0, 2.0])}, {"w.a": torch.tensor([10.0, -1.0])}
RULES = [
    Sgd(0.1),
    LearnedRates({"w.a": (2,)}, 0.1),
    StepRates({"w.a": (2,)}, 3, 0.1),
    LearnedRule(0.1, hidden=4, decay=0.5, seed=0),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_rule_starts_as_gradient_descent(rule):
    after, _ = rule.step(2, START, GRADIENT, {})
    assert_close(after, {"w.a": torch.tensor([0.0, 2.1])})


def test_learned_rates_differ_by_number():
    rule = LearnedRates({"w.a": (2,)}, 0.1)
    with torch.no_grad():
        rule.rates["w/a"].copy_(torch.tensor([0.0, 1.0]))
    assert_close(rule.step(0, START, GRADIENT, {})[0], {"w.a": torch.tensor([1.0, 3.0])})


def test_step_rates_differ_by_step():
    rule = StepRates({"w.a": (2,)}, 2, 0.1)
    with torch.no_grad():
        rule.rates["w/a"].copy_(torch.tensor([0.0, 1.0]))
    assert_close(rule.step(0, START, GRADIENT, {})[0], START)
    assert_close(rule.step(1, START, GRADIENT, {})[0], {"w.a": torch.tensor([-9.0, 3.0])})


def test_learned_rule_remembers_an_average_of_gradients():
    rule = LearnedRule(0.1, hidden=4, decay=0.75, seed=0)
    _, memory = rule.step(0, START, GRADIENT, {})
    _, memory = rule.step(1, START, GRADIENT, memory)
    # 1/4 g, then 3/4 of that and another 1/4 g.
    assert_close(memory["w.a"], 0.4375 * GRADIENT["w.a"])


def test_network_weighs_gradient_and_average():
    rule = LearnedRule(0.1, hidden=1, decay=0.75, seed=0)
    with torch.no_grad():
        rule.inward.zero_()
        rule.inward_bias.fill_(20.0)  # tanh of it is 1
        rule.outward.copy_(torch.tensor([[-1.0, 2.0]]))
    # (1 - 1) g + 2 m with m = g / 4: a step of 0.1 g / 2.
    assert_close(rule.step(0, START, GRADIENT, {})[0], {"w.a": START["w.a"] - 0.05 * GRADIENT["w.a"]})
