"""Assays of the genomic code: what the paper claims of a genome, asked of a model beside its cells."""

from landscape.assays.assess import Assay, Measured, assess
from landscape.assays.autonomy import autonomy, evolvabilities
from landscape.assays.canalisation import canalisation, transverse_exponent, tube_width
from landscape.assays.coder import Coder
from landscape.assays.constraint import constraint
from landscape.assays.cryptic_variation import cryptic_variation
from landscape.assays.denoising import denoising
from landscape.assays.description_length import description_length
from landscape.assays.developmental_bias import developmental_bias
from landscape.assays.disentanglement import disentangled_code, information_gap
from landscape.assays.distributedness import participation, pleiotropy, polygenicity
from landscape.assays.energy import energy
from landscape.assays.evolvability import evolvability
from landscape.assays.fate_variance import fate_variance, first_order_shares
from landscape.assays.finding import Finding
from landscape.assays.formal_model import equations, formal_model, to_sbml
from landscape.assays.generation import generation, told_apart
from landscape.assays.hierarchy import hierarchy, trophic_incoherence, trophic_levels
from landscape.assays.interpolation import interpolation, realism
from landscape.assays.latent_attractors import latent_attractors
from landscape.assays.logic import Targets, deviances, graded_regulation
from landscape.assays.multiplexing import multiplexing
from landscape.assays.mutational_effects import epistasis, mutational_effects
from landscape.assays.mutational_robustness import mutational_robustness
from landscape.assays.noise_titration import noise
from landscape.assays.nonlinearity import nonlinear_code
from landscape.assays.plasticity import critical_inputs, plasticity
from landscape.assays.reachability import reach, reachability
from landscape.assays.recall import recall, recall_curve
from landscape.assays.rewires import rewired
from landscape.assays.subject import Subject
from landscape.assays.time_scales import time_scales
from landscape.assays.valley_depth import valley_depth

__all__ = [
    "Assay",
    "Coder",
    "Finding",
    "Measured",
    "Subject",
    "Targets",
    "assess",
    "autonomy",
    "canalisation",
    "constraint",
    "critical_inputs",
    "cryptic_variation",
    "denoising",
    "description_length",
    "developmental_bias",
    "deviances",
    "disentangled_code",
    "energy",
    "epistasis",
    "equations",
    "evolvabilities",
    "evolvability",
    "fate_variance",
    "first_order_shares",
    "formal_model",
    "generation",
    "graded_regulation",
    "hierarchy",
    "information_gap",
    "interpolation",
    "latent_attractors",
    "multiplexing",
    "mutational_effects",
    "mutational_robustness",
    "noise",
    "nonlinear_code",
    "participation",
    "plasticity",
    "pleiotropy",
    "polygenicity",
    "reach",
    "reachability",
    "realism",
    "recall",
    "recall_curve",
    "rewired",
    "time_scales",
    "to_sbml",
    "told_apart",
    "transverse_exponent",
    "trophic_incoherence",
    "trophic_levels",
    "tube_width",
    "valley_depth",
]
