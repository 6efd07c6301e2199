"""Published circuits as data."""

from __future__ import annotations

from landscape.circuits.circuit import Circuit


def krumsiek() -> Circuit:
    """Differentiation of common myeloid progenitors: 11 genes, four mature fates.

    The source gives logic, not rates. With equal time scales its two races are uneven: Pu1 beats Gata2, and Gfi1,
    one step from Cebpa, beats EgrNab, two steps from Pu1. Here Gata2 lives a little longer, Gfi1 is slow and the
    pair cJun, EgrNab fast, which makes both races close; Eklf against Fli1 is even by symmetry. About 100 copies of
    a gene give noise that decides the races and still leaves mature cells stable.

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
        duration=20.0,
        reference="https://doi.org/10.1371/journal.pone.0022649",
    )
