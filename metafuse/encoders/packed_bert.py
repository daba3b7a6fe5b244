"""BERT forward over packed tokens: one flat (n_tokens, dim) matrix a batch, without padding and without masks.

Texts are packed longest first, so equal lengths are neighbours: everything but attention works on the flat matrix, and
attention runs once for each run of equal lengths. The result equals sentence-transformers' to float32 rounding.
Reference: Devlin et al. 2019, "BERT", arXiv:1810.04805.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

# Up to this length two batched products beat fused attention, which pays per sequence (2x at 8-16 tokens).
SHORT_TEXT = 24
# Rows for which oneDNN lays out the weights; other numbers of rows work as well.
USUAL_TOKENS = 1024


class Affine(NamedTuple):
    """Weight and bias of one linear or normalisation layer."""

    weight: Tensor
    bias: Tensor


class Layer(NamedTuple):
    """One transformer block; query, key and value are one product."""

    qkv: Affine
    out: Affine
    attention_norm: Affine
    up: Affine
    down: Affine
    norm: Affine


class PackedBert:
    """Frozen BERT encoder with mean or first-token pooling, on CPU in float32."""

    def __init__(self, folder: Path, *, pooling: str) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = {k.removeprefix("bert."): v for k, v in load_file(folder / "model.safetensors").items()}
        self.n_heads: int = config["num_attention_heads"]
        self.epsilon: float = config.get("layer_norm_eps", 1e-12)
        self.pooling = pooling
        self.words = weights["embeddings.word_embeddings.weight"]
        # A single text is always segment 0.
        self.positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self.norm = _affine(weights, "embeddings.LayerNorm")
        self.layers = [_layer(weights, i) for i in range(config["num_hidden_layers"])]

    @torch.inference_mode()
    def embed(self, token_ids: Int[Tensor, " n_tokens"], runs: Sequence[tuple[int, int]]) -> Float[Tensor, "n dim"]:
        """Embed packed texts.

        Args:
            token_ids: The texts' tokens one after the other.
            runs: (number of texts, tokens of each) for each stretch of equally long texts, in order.
        Returns:
            One L2-normalised row for each text, in order.
        """
        position = torch.cat([torch.arange(length).repeat(n) for n, length in runs])
        hidden = self._normalise(F.embedding(token_ids, self.words) + self.positions[position], self.norm)
        for layer in self.layers:
            attended = self._attend(_linear(hidden, layer.qkv), runs)
            hidden = self._normalise(_linear(attended, layer.out).add_(hidden), layer.attention_norm)
            inner = _linear(hidden, layer.up, gelu=True)
            hidden = self._normalise(_linear(inner, layer.down).add_(hidden), layer.norm)
        return F.normalize(torch.cat([self._pool(part) for part in _split(hidden, runs)]), dim=1)

    def _normalise(self, hidden: Tensor, affine: Affine) -> Tensor:
        return F.layer_norm(hidden, hidden.shape[-1:], *affine, self.epsilon)

    def _attend(self, qkv: Tensor, runs: Sequence[tuple[int, int]]) -> Tensor:
        return torch.cat([self._attend_run(part) for part in _split(qkv, runs)])

    def _attend_run(self, qkv: Float[Tensor, "n length three_dim"]) -> Float[Tensor, "n_tokens dim"]:
        n, length, width = qkv.shape
        dim = width // 3
        heads = qkv.view(n, length, 3, self.n_heads, dim // self.n_heads).permute(2, 0, 3, 1, 4)
        if length > SHORT_TEXT:
            mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        else:
            query, key, value = heads.contiguous().flatten(1, 2).unbind(0)  # (n * n_heads, length, head_dim)
            weight = torch.bmm(query * query.shape[-1] ** -0.5, key.transpose(1, 2)).softmax(-1)
            mixed = torch.bmm(weight, value).view(n, self.n_heads, length, -1)
        return mixed.transpose(1, 2).reshape(n * length, dim)

    def _pool(self, hidden: Float[Tensor, "n length dim"]) -> Float[Tensor, "n dim"]:
        return hidden.mean(1) if self.pooling == "mean" else hidden[:, 0]


def _split(flat: Tensor, runs: Sequence[tuple[int, int]]) -> list[Tensor]:
    parts = flat.split([n * length for n, length in runs])
    return [part.view(n, length, -1) for part, (n, length) in zip(parts, runs, strict=True)]


def _linear(x: Tensor, affine: Affine, *, gelu: bool = False) -> Tensor:
    if affine.weight.is_mkldnn:
        unary, approximate = ("gelu", "none") if gelu else ("none", "")
        fused: Tensor = torch.ops.mkldnn._linear_pointwise(x, affine.weight, affine.bias, unary, [], approximate)
        return fused
    y = F.linear(x, affine.weight, affine.bias)
    return F.gelu(y) if gelu else y


def _for_onednn(affine: Affine) -> Affine:
    # The float32 product torch.compile emits: on AMD it beats MKL, which F.linear calls, by 9-16 %.
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")):
        return affine
    return affine._replace(weight=torch.ops.mkldnn._reorder_linear_weight(affine.weight, USUAL_TOKENS))


def _affine(weights: dict[str, Tensor], name: str) -> Affine:
    return Affine(weights[f"{name}.weight"].contiguous(), weights[f"{name}.bias"].contiguous())


def _layer(weights: dict[str, Tensor], index: int) -> Layer:
    prefix = f"encoder.layer.{index}"
    qkv = [_affine(weights, f"{prefix}.attention.self.{name}") for name in ("query", "key", "value")]
    fused = Affine(torch.cat([a.weight for a in qkv]), torch.cat([a.bias for a in qkv]))
    return Layer(
        qkv=_for_onednn(fused),
        out=_for_onednn(_affine(weights, f"{prefix}.attention.output.dense")),
        attention_norm=_affine(weights, f"{prefix}.attention.output.LayerNorm"),
        up=_for_onednn(_affine(weights, f"{prefix}.intermediate.dense")),
        down=_for_onednn(_affine(weights, f"{prefix}.output.dense")),
        norm=_affine(weights, f"{prefix}.output.LayerNorm"),
    )
