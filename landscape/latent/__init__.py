"""Latent variables of single-cell counts: an scVI-style variational auto-encoder."""

from landscape.latent.checks import PredictiveCheck
from landscape.latent.choice import CompressionCurve, compression_curve
from landscape.latent.geometry import DecodedPath
from landscape.latent.model import LatentModel
from landscape.latent.module import Architecture
from landscape.latent.training import Schedule

__all__ = [
    "Architecture",
    "CompressionCurve",
    "DecodedPath",
    "LatentModel",
    "PredictiveCheck",
    "Schedule",
    "compression_curve",
]
