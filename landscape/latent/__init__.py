"""Latent variables of single-cell counts: an scVI-style variational auto-encoder."""

from landscape.latent.model import LatentModel
from landscape.latent.module import Architecture
from landscape.latent.training import Schedule

__all__ = ["Architecture", "LatentModel", "Schedule"]
