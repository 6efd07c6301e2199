"""Published circuits."""

from __future__ import annotations

from landscape.circuits.circuit import Circuit


def krumsiek() -> Circuit:
    """Differentiation of common myeloid progenitors: 11 genes, four mature fates.

    The source gives logic, not rates. With equal time scales two of its decisions are one-sided: Pu1 wins over Gata2, and
    Gfi1, one step from Cebpa, over EgrNab, two steps from Pu1. Here Gata2 is slightly slower, Gfi1 slow, and cJun and
    EgrNab are fast, which balances both decisions; Eklf against Fli1 is balanced by symmetry. About 100 copies of a gene
    give noise that decides between fates but leaves mature cells stable.

    References
    ----------
    Krumsiek et al. (2011), *PLoS ONE* 6, e22649. https://doi.org/10.1371/journal.pone.0022649
    """
    return Circuit(
        name="krumsiek",
        rules={
            "Gata2": "Gata2 and not (Pu1 or (Gata1 and Fog1))",
            "Gata1": "(Gata1 or Gata2 or Fli1) and not Pu1",
            "Fog1": "Gata1",
            "Eklf": "Gata1 and not Fli1",
            "Fli1": "Gata1 and not Eklf",
            "Scl": "Gata1 and not Pu1",
            "Cebpa": "Cebpa and not (Scl or (Fog1 and Gata1))",
            "Pu1": "(Cebpa or Pu1) and not (Gata1 or Gata2)",
            "cJun": "Pu1 and not Gfi1",
            "EgrNab": "(Pu1 and cJun) and not Gfi1",
            "Gfi1": "Cebpa and not EgrNab",
        },
        edges=(
            ("Gata2", "Gata2", 1),
            ("Pu1", "Gata2", -1),
            ("Gata1", "Gata2", -1),
            ("Fog1", "Gata2", -1),
            ("Gata1", "Gata1", 1),
            ("Gata2", "Gata1", 1),
            ("Fli1", "Gata1", 1),
            ("Pu1", "Gata1", -1),
            ("Gata1", "Fog1", 1),
            ("Gata1", "Eklf", 1),
            ("Fli1", "Eklf", -1),
            ("Gata1", "Fli1", 1),
            ("Eklf", "Fli1", -1),
            ("Gata1", "Scl", 1),
            ("Pu1", "Scl", -1),
            ("Cebpa", "Cebpa", 1),
            ("Scl", "Cebpa", -1),
            ("Fog1", "Cebpa", -1),
            ("Gata1", "Cebpa", -1),
            ("Cebpa", "Pu1", 1),
            ("Pu1", "Pu1", 1),
            ("Gata1", "Pu1", -1),
            ("Gata2", "Pu1", -1),
            ("Pu1", "cJun", 1),
            ("Gfi1", "cJun", -1),
            ("Pu1", "EgrNab", 1),
            ("cJun", "EgrNab", 1),
            ("Gfi1", "EgrNab", -1),
            ("Cebpa", "Gfi1", 1),
            ("EgrNab", "Gfi1", -1),
        ),
        initial={"Gata2": 1.0, "Cebpa": 1.0, "Pu1": 1.0},
        fates={
            "erythrocyte": frozenset({"Gata1", "Fog1", "Eklf", "Scl"}),
            "megakaryocyte": frozenset({"Gata1", "Fog1", "Fli1", "Scl"}),
            "monocyte": frozenset({"Cebpa", "Pu1", "cJun", "EgrNab"}),
            "granulocyte": frozenset({"Cebpa", "Pu1", "Gfi1"}),
        },
        time_scale={"Gata2": 1.3, "Gfi1": 4.0, "cJun": 0.5, "EgrNab": 0.5},
        system_size=100.0,
        duration=15.0,
        reference="https://doi.org/10.1371/journal.pone.0022649",
    )


def gata1_pu1() -> Circuit:
    """GATA1-PU.1: mutual repression with self-activation, the decision between the erythroid and the myeloid fate.

    Progenitors that express both are metastable, as in the model of Huang et al.; noise drives them to either fate.

    References
    ----------
    Huang et al. (2007), *Dev. Biol.* 305, 695. https://doi.org/10.1016/j.ydbio.2007.02.036
    """
    return Circuit(
        name="gata1_pu1",
        rules={"Gata1": "Gata1 or not Pu1", "Pu1": "Pu1 or not Gata1"},
        edges=(("Gata1", "Gata1", 1), ("Pu1", "Gata1", -1), ("Pu1", "Pu1", 1), ("Gata1", "Pu1", -1)),
        initial={"Gata1": 1.0, "Pu1": 1.0},
        fates={
            "erythroid": frozenset({"Gata1"}),
            "myeloid": frozenset({"Pu1"}),
            "progenitor": frozenset({"Gata1", "Pu1"}),
        },
        threshold=0.6,
        system_size=50.0,
        duration=20.0,
        reference="https://doi.org/10.1016/j.ydbio.2007.02.036",
    )


def toggle(tilt: float = 0.0) -> Circuit:
    """Toggle switch of two genes that repress each other; the initial state is undecided.

    Parameters
    ----------
    tilt
        Between -1 and 1. A positive tilt raises the threshold of B and lowers that of A by this share, so that A is the
        stronger repressor and the more frequent fate.

    Returns
    -------
    The circuit, with the fates ``"A"`` and ``"B"``.

    Raises
    ------
    ValueError
        If the tilt is not between -1 and 1.

    References
    ----------
    Gardner, Cantor & Collins (2000), *Nature* 403, 339. https://doi.org/10.1038/35002131
    """
    if not -1 < tilt < 1:
        msg = f"Expected `tilt` between -1 and 1, found {tilt}."
        raise ValueError(msg)
    return Circuit(
        name="toggle",
        rules={"A": "not B", "B": "not A"},
        edges=(("B", "A", -1), ("A", "B", -1)),
        initial={"A": 0.5, "B": 0.5},
        fates={"A": frozenset({"A"}), "B": frozenset({"B"})},
        threshold={"A": 0.5 * (1 - tilt), "B": 0.5 * (1 + tilt)},
        duration=10.0,
        reference="https://doi.org/10.1038/35002131",
    )


def repressilator() -> Circuit:
    """Ring of three repressors: no Boolean steady state, a limit cycle in the continuous kinetics.

    References
    ----------
    Elowitz & Leibler (2000), *Nature* 403, 335. https://doi.org/10.1038/35002125
    """
    return Circuit(
        name="repressilator",
        rules={"LacI": "not cI", "TetR": "not LacI", "cI": "not TetR"},
        edges=(("cI", "LacI", -1), ("LacI", "TetR", -1), ("TetR", "cI", -1)),
        initial={"LacI": 1.0},
        hill=8.0,
        duration=30.0,
        reference="https://doi.org/10.1038/35002125",
    )


def emt() -> Circuit:
    """Epithelial-mesenchymal transition: the loops miR-34/Snail and miR-200/Zeb, with a hybrid state between.

    The wiring is that of Lu et al. The self-activation of miR-200 represents the factors that stabilise the hybrid
    state (GRHL2, OVOL). From the intermediate initial state each of the three fates is reached by at least a fifth of the
    cells.

    References
    ----------
    Lu et al. (2013), *PNAS* 110, 18144. https://doi.org/10.1073/pnas.1318192110
    """
    return Circuit(
        name="emt",
        rules={
            "miR34": "not (Snail or Zeb)",
            "Snail": "not miR34",
            "miR200": "(miR200 or not Snail) and not Zeb",
            "Zeb": "(Zeb or Snail) and not miR200",
        },
        edges=(
            ("Snail", "miR34", -1),
            ("Zeb", "miR34", -1),
            ("miR34", "Snail", -1),
            ("miR200", "miR200", 1),
            ("Snail", "miR200", -1),
            ("Zeb", "miR200", -1),
            ("Zeb", "Zeb", 1),
            ("Snail", "Zeb", 1),
            ("miR200", "Zeb", -1),
        ),
        initial={"miR34": 0.5, "Snail": 0.5, "miR200": 0.5, "Zeb": 0.3},
        fates={
            "epithelial": frozenset({"miR34", "miR200"}),
            "hybrid": frozenset({"Snail", "miR200"}),
            "mesenchymal": frozenset({"Snail", "Zeb"}),
        },
        duration=15.0,
        reference="https://doi.org/10.1073/pnas.1318192110",
    )
