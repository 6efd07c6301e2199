"""A run of all stages in order, in memory or from a file into a folder."""

from landscape._run.directory import run_directory
from landscape._run.memory import run
from landscape._run.perturbations import perturb_directory, reprogram_directory, screen_directory
from landscape._run.settings import Settings

__all__ = ["Settings", "perturb_directory", "reprogram_directory", "run", "run_directory", "screen_directory"]
