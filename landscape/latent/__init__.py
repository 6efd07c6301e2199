"""Latent variables of single-cell counts: an scVI-style variational auto-encoder."""

from landscape.latent.architecture import Architecture
from landscape.latent.checks import PredictiveCheck
from landscape.latent.compression import CompressionCurve, compression_curve
from landscape.latent.ensemble import LatentEnsemble
from landscape.latent.geodesic import DecodedPath
from landscape.latent.model import LatentModel
from landscape.latent.reference import Reference
from landscape.latent.schedule import Schedule

__all__ = [
    "Architecture",
    "CompressionCurve",
    "DecodedPath",
    "LatentEnsemble",
    "LatentModel",
    "PredictiveCheck",
    "Reference",
    "Schedule",
    "compression_curve",
]
