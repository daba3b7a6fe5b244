"""Backbones by name: networks trained from raw input. A new one is a file and a line here."""

from metafuse.registry import Registry

BACKBONES = Registry(
    "backbone",
    {
        "cnn1d": "metafuse.backbones.cnn1d:Cnn1d",
        "column_tokens": "metafuse.backbones.column_tokens:ColumnTokensBackbone",
        "columns": "metafuse.backbones.columns:ColumnsBackbone",
        "conv4": "metafuse.backbones.conv4:Conv4",
        "mlp": "metafuse.backbones.mlp:Mlp",
        "resnet12": "metafuse.backbones.resnet12:ResNet12",
        "resnet9": "metafuse.backbones.resnet9:ResNet9",
    },
)
