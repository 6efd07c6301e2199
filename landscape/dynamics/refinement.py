"""What a model is fitted to after the velocities."""

from __future__ import annotations

from typing import Literal

Refinement = Literal["populations", "descendants"]

# Largest number of regulators of a model that is matched to populations by default. On simulated circuits, removals of genes
# are predicted best by models matched to populations. With more regulators the largest differences dominate the distance of
# populations: with 40 regulators of blood progenitors the matched model keeps two of five lineages, and with 106 of cardiac
# differentiation or 95 of reprogramming, both at real times, one state of all cells or none.
MAX_MATCHED = 30


def refinement(choice: bool | str | None, n_regulators: int) -> Refinement | None:  # noqa: FBT001
    """Resolve ``refine`` of :func:`landscape.tl.dynamics`.

    Parameters
    ----------
    choice
        ``"populations"`` (or ``True``), ``"descendants"``, ``False`` for none, or ``None`` for the default: populations
        with up to 30 regulators, descendants with more.
    n_regulators
        Number of regulators of the model.

    Raises
    ------
    ValueError
        If ``choice`` is none of these.

    Examples
    --------
    >>> refinement(None, 11), refinement(None, 150), refinement(False, 150)
    ('populations', 'descendants', None)
    """
    if choice is None:
        return "populations" if n_regulators <= MAX_MATCHED else "descendants"
    if choice is False:
        return None
    if choice in (True, "populations"):
        return "populations"
    if choice == "descendants":
        return "descendants"
    msg = f"Expected `refine` to be 'populations', 'descendants', True, False or None, found {choice!r}."
    raise ValueError(msg)
