"""Figures. They draw what :mod:`landscape.tl` wrote and compute nothing beyond the drawing."""

from landscape.pl._animation import animate
from landscape.pl._attractors import attractors
from landscape.pl._barriers import barriers
from landscape.pl._consensus import consensus
from landscape.pl._drivers import drivers
from landscape.pl._fates import fates
from landscape.pl._genomic_code import genomic_code
from landscape.pl._guy_ropes import guy_ropes
from landscape.pl._labels import labels
from landscape.pl._landscape import landscape
from landscape.pl._latent import latent
from landscape.pl._map import landscape2d
from landscape.pl._network import network
from landscape.pl._paths import paths
from landscape.pl._perturbation import perturbation
from landscape.pl._reprogram import reprogram
from landscape.pl._screen import screen
from landscape.pl._surface import landscape3d

__all__ = [
    "animate",
    "attractors",
    "barriers",
    "consensus",
    "drivers",
    "fates",
    "genomic_code",
    "guy_ropes",
    "labels",
    "landscape",
    "landscape2d",
    "landscape3d",
    "latent",
    "network",
    "paths",
    "perturbation",
    "reprogram",
    "screen",
]
