"""The landscape as a scene: what several drawings of it share, from its heights to the paths between its attractors.

These are building blocks for figures and for the report, public within the package. Users call :mod:`landscape.pl`.
"""

from landscape.pl.scene.cells import attractor_colours, categorical_palette
from landscape.pl.scene.descriptions import describe_attractor, describe_path
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.places import Place, attractor_places, development_direction
from landscape.pl.scene.relief import Camera, Relief
from landscape.pl.scene.transitions import PlanePath, PlaneTransitions, plane_transitions
from landscape.pl.scene.view import View, basin_view, read_view, relief_of

__all__ = [
    "Camera",
    "HeightMap",
    "Place",
    "PlanePath",
    "PlaneTransitions",
    "Relief",
    "View",
    "attractor_colours",
    "attractor_places",
    "categorical_palette",
    "describe_attractor",
    "describe_path",
    "development_direction",
    "plane_transitions",
    "basin_view",
    "read_view",
    "relief_of",
]
