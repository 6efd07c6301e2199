"""All assays in the order of the card, and the claims that no assay on one data set can decide."""

from __future__ import annotations

from dataclasses import dataclass

from landscape.assays.assess import Assay
from landscape.assays.autonomy import ASSAY as AUTONOMY
from landscape.assays.canalisation import ASSAY as CANALISATION
from landscape.assays.constraint import ASSAY as CONSTRAINT
from landscape.assays.cryptic_variation import ASSAY as CRYPTIC_VARIATION
from landscape.assays.denoising import ASSAY as DENOISING
from landscape.assays.description_length import ASSAY as DESCRIPTION_LENGTH
from landscape.assays.developmental_bias import ASSAY as DEVELOPMENTAL_BIAS
from landscape.assays.disentanglement import ASSAY as DISENTANGLEMENT
from landscape.assays.distributedness import PLEIOTROPY, POLYGENICITY
from landscape.assays.energy import ASSAY as ENERGY
from landscape.assays.evolvability import ASSAY as EVOLVABILITY
from landscape.assays.fate_variance import ASSAY as FATE_VARIANCE
from landscape.assays.formal_model import ASSAY as FORMAL_MODEL
from landscape.assays.generation import ASSAY as GENERATION
from landscape.assays.hierarchy import ASSAY as HIERARCHY
from landscape.assays.interpolation import ASSAY as INTERPOLATION
from landscape.assays.latent_attractors import ASSAY as LATENT_ATTRACTORS
from landscape.assays.logic import ASSAY as LOGIC
from landscape.assays.multiplexing import ASSAY as MULTIPLEXING
from landscape.assays.mutational_effects import ADDITIVITY, DISTRIBUTION
from landscape.assays.mutational_robustness import ASSAY as MUTATIONAL_ROBUSTNESS
from landscape.assays.noise_titration import ASSAY as NOISE_TITRATION
from landscape.assays.nonlinearity import ASSAY as NONLINEARITY
from landscape.assays.plasticity import ASSAY as PLASTICITY
from landscape.assays.reachability import ASSAY as REACHABILITY
from landscape.assays.recall import ASSAY as RECALL
from landscape.assays.time_scales import ASSAY as TIME_SCALES
from landscape.assays.valley_depth import ASSAY as VALLEY_DEPTH

ASSAYS: tuple[Assay, ...] = (
    DESCRIPTION_LENGTH,
    NONLINEARITY,
    GENERATION,
    LOGIC,
    ENERGY,
    TIME_SCALES,
    VALLEY_DEPTH,
    NOISE_TITRATION,
    CONSTRAINT,
    CANALISATION,
    HIERARCHY,
    MULTIPLEXING,
    REACHABILITY,
    FATE_VARIANCE,
    RECALL,
    DENOISING,
    MUTATIONAL_ROBUSTNESS,
    EVOLVABILITY,
    CRYPTIC_VARIATION,
    POLYGENICITY,
    PLEIOTROPY,
    DISTRIBUTION,
    ADDITIVITY,
    AUTONOMY,
    DISENTANGLEMENT,
    INTERPOLATION,
    DEVELOPMENTAL_BIAS,
    PLASTICITY,
    LATENT_ATTRACTORS,
    FORMAL_MODEL,
)


@dataclass(frozen=True)
class Elsewhere:
    """A claim that these data cannot decide: its place in the paper, and why, with where it is shown instead."""

    name: str
    row: str
    section: str
    claim: str
    reason: str


SIMULATED = "simulated, not inferred"
ELSEWHERE: tuple[Elsewhere, ...] = (
    Elsewhere(
        "Hebbian weights", "29", "The encoder: evolution as a learning process",
        "Evolution writes past phenotypes into the weights, as the Hebbian rule does.",
        f"a regression of cells makes weights that resemble their correlations, whatever the truth; {SIMULATED}: `landscape.evolution.evolve`",
    ),
    Elsewhere(
        "connection cost", "30", "The encoder: evolution as a learning process",
        "A cost of connections leads to modules, and they to evolvability.",
        f"one genome does not show how it arose; {SIMULATED}: `landscape.evolution.evolve(cost=...)`",
    ),
    Elsewhere(
        "varying goals", "31", "The encoder: evolution as a learning process",
        "Environments whose factors vary independently lead to modules.",
        f"one genome does not show how it arose; {SIMULATED}: `landscape.evolution.evolve(schedule='modular')`",
    ),
    Elsewhere(
        "credit assignment", "32", "Outstanding questions",
        "Evolution learns what training by back-propagation learns, by another way.",
        f"one genome does not show how it arose; {SIMULATED}: `landscape.evolution.compare_learners`",
    ),
    Elsewhere(
        "artificial encodings", "37", "Formalisability",
        "Developmental encodings adapt faster than direct ones.",
        f"it is a claim on artificial life; {SIMULATED}: `landscape.evolution.compare_encodings`",
    ),
    Elsewhere(
        "chromatin", "23", "The decoder: generative models of growth and development",
        "Chromatin changes which latent variables are active.",
        "it needs chromatin accessibility of the same cells",
    ),
    Elsewhere(
        "morphogenesis", "38", "The decoder: generative models of growth and development",
        "The genome constrains the physics of tissues and the form of the organism.",
        "out of scope: no space, no physics of tissues, no proteins",
    ),
)  # fmt: skip
