"""Any columns of any source, weighed by attention over one token a column.

    t_c = P_m x_c + N name_c + F facts_c + M_m          token of column c of modality m
    s_c = t_c + attention over the item's tokens        missing columns are masked
    l_c = bound * tanh( w . tanh(H s_c) ) + 10 a . facts_c,     less the mean over the item's columns
    f(x) = |x| * normalise( [ exp(l_c / 2) x_c for each column c ] )

w and a start at zero, and with them every l_c: this is the plain weighted concatenation, and training can only add. A
token knows a column by what is in it, the words of its name, its modality and how it compares with the other columns
(`fusion.column_facts`), so a checkpoint trained on other schemas works on a new one. A column of a modality it was not
trained on has no token and keeps its plain weight; one that an item lacks is a block of zeros, and stays one.

In training, columns are left out of all items of a batch and of single items at random (modality dropout), and names
are hidden, so that no column and no word is relied on alone.

Reference: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, eq. 1; Neverova et al. 2016, "ModDrop",
arXiv:1501.00102. Deviations: one layer, normalised without learned gains; the attended value is a column's weight.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from metafuse.errors import ConfigError, ShapeError

SEPARATOR = "/"
LAW_RATE = 10.0
"""How many times as fast as the rest the law of facts is learned: it is two numbers, and a step is as long for each."""

ABOUT = "about/"
"""What is known of column "modality/name", its facts and its name's embedding, is the item "about/modality/name"."""


class ColumnTokensBackbone(nn.Module):
    """Weighs each column by attention over all of an item's columns, and concatenates.

    Args:
        dims: Modality -> dimension of its features, for those whose content a token tells.
        modalities: Those with a token; the ones of `dims` and "numeric" when None.
        name_dim: Dimension of the embedding of a name.
        n_facts: Facts a column.
        width: Of a token.
        n_heads: Of the attention; divides the width.
        bound: Largest part of a log-weight that attention decides.
        drop: Chance that training leaves a column out, of a whole batch and of single items, or hides its name.
        seed: Draws the weights that do not start at zero.
    Raises:
        ConfigError: the heads do not divide the width, or a chance is not in 0..1.
    """

    def __init__(
        self,
        *,
        dims: Mapping[str, int],
        modalities: Sequence[str] | None = None,
        name_dim: int = 384,
        n_facts: int = 2,
        width: int = 32,
        n_heads: int = 4,
        bound: float = 0.3,
        drop: float = 0.3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if n_heads < 1 or width < n_heads or width % n_heads:
            raise ConfigError(f"column_tokens: expected n_heads that divide the width of {width}, got {n_heads}.")
        if not 0 <= drop < 1 or not bound >= 0:
            raise ConfigError(f"column_tokens: expected drop in 0..1 and bound of 0 or more, got {drop} and {bound}.")
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) / shape[-1] ** 0.5)

        self.dims, self.n_facts, self.n_heads, self.bound, self.drop = dict(dims), n_facts, n_heads, bound, drop
        self.project = nn.ParameterDict({modality: draw(width, dim) for modality, dim in sorted(dims.items())})
        known = sorted({*dims, "numeric"} if modalities is None else modalities)
        self.kind = nn.ParameterDict({modality: nn.Parameter(torch.zeros(width)) for modality in known})
        self.name, self.facts = draw(width, name_dim), draw(width, n_facts)
        self.query, self.key, self.value = (draw(width, width) for _ in range(3))
        self.mix, self.hidden = draw(width, width), draw(width, width)
        self.out, self.law = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(n_facts))

    def forward(self, items: Mapping[str, Tensor]) -> Float[Tensor, "n_items dim"]:
        """Weigh and concatenate the columns, in the order they come.

        Args:
            items: "modality/column" -> (n_items, dim), and "about/modality/column" -> (n_items, n_facts + name_dim).
        Raises:
            ShapeError: a column has another dimension than in training, or nothing is said about it.
        """
        columns = {name: x for name, x in items.items() if not name.startswith(ABOUT)}
        if self.training and self.drop:
            columns = self._leave_out(columns)
        weight = (self._log_weights(columns, items) / 2).exp()
        blocks = [x * weight[:, place : place + 1] for place, x in enumerate(columns.values())]
        plain, weighed = torch.cat(list(columns.values()), dim=-1), torch.cat(blocks, dim=-1)
        return weighed * (_length(plain) / _length(weighed))

    def distance_from_start(self) -> Float[Tensor, ""]:
        """Squared length of the weights that attention decides by; the pull to the start is a multiple of it."""
        return self.out.square().sum()

    def _log_weights(
        self, columns: Mapping[str, Tensor], items: Mapping[str, Tensor]
    ) -> Float[Tensor, "n_items n_columns"]:
        about = torch.stack([self._about(name, items) for name in columns], dim=1)
        facts, names = about[..., : self.n_facts], about[..., self.n_facts :]
        if self.training and self.drop:
            names = names * (torch.rand(len(columns), 1, device=names.device) >= self.drop)
        known = torch.stack(
            [(x != 0).any(-1) & (name.split(SEPARATOR)[0] in self.kind) for name, x in columns.items()], dim=1
        )
        tokens = torch.stack([self._content(name, x) for name, x in columns.items()], dim=1)
        tokens = tokens + names @ self.name.T + facts @ self.facts.T
        tokens = tokens + self._attend(standardise(tokens), known)
        score = torch.tanh(standardise(tokens) @ self.hidden.T) @ self.out
        log_weight = (self.bound * torch.tanh(score) + LAW_RATE * facts @ self.law) * known
        mean = log_weight.sum(1, keepdim=True) / known.sum(1, keepdim=True).clamp(min=1)
        return (log_weight - mean) * known

    def _content(self, name: str, x: Float[Tensor, "n_items dim"]) -> Float[Tensor, "n_items width"]:
        modality = name.split(SEPARATOR, maxsplit=1)[0]
        if modality not in self.kind:
            return x.new_zeros(len(x), len(self.out))
        if modality not in self.dims:
            return self.kind[modality].expand(len(x), -1)
        if x.shape[-1] != self.dims[modality]:
            raise ShapeError(
                f"modality '{modality}': expected features of {self.dims[modality]} dimensions, as the checkpoint was "
                f"trained on, got {x.shape[-1]}. Use the encoder it was trained with."
            )
        return x / _length(x) @ self.project[modality].T + self.kind[modality]

    def _about(self, name: str, items: Mapping[str, Tensor]) -> Float[Tensor, "n_items about"]:
        about = items.get(ABOUT + name)
        if about is None or about.shape[-1] != self.n_facts + self.name.shape[1]:
            raise ShapeError(
                f"column '{name}': expected {self.n_facts + self.name.shape[1]} numbers about it under "
                f"'{ABOUT}{name}', got {'none' if about is None else about.shape[-1]}. See describe_columns."
            )
        return about

    def _attend(
        self, tokens: Float[Tensor, "n_items n_columns width"], known: Bool[Tensor, "n_items n_columns"]
    ) -> Float[Tensor, "n_items n_columns width"]:
        query, key, value = (
            (tokens @ each.T).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for each in (self.query, self.key, self.value)
        )
        # An item without any column still needs a softmax of numbers. (n_items, 1, 1, n_columns)
        masked = ~known[:, None, None, :] & known.any(1)[:, None, None, None]
        likeness = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).masked_fill(masked, -torch.inf)
        return (likeness.softmax(-1) @ value).transpose(1, 2).flatten(2) @ self.mix.T

    def _leave_out(self, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
        first = next(iter(columns.values()))
        stays = torch.rand(len(columns), device=first.device) >= self.drop
        stays[torch.randint(len(columns), (1,), device=first.device)] = True
        here = torch.rand(len(first), len(columns), device=first.device) >= self.drop / 3
        return {
            name: x * (stays[place] & here[:, place : place + 1]) for place, (name, x) in enumerate(columns.items())
        }


def standardise(tokens: Float[Tensor, "*shape width"]) -> Float[Tensor, "*shape width"]:
    """Bring each token to mean 0 and variance 1."""
    centred = tokens - tokens.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def _length(x: Float[Tensor, "n_items dim"]) -> Float[Tensor, "n_items 1"]:
    return x.square().sum(-1, keepdim=True).clamp(min=1e-24).sqrt()
