"""Shared code of Tandem's model tools: data, models, training, export, quantisation, registry."""
