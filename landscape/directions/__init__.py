"""Sources of direction: one file for each, and the table that detection, settings, command line and reports read.

Light on purpose: the command line builds its options from the table, so that nothing here loads numpy before it is used.
"""

from landscape.directions.direction import GRADE_NAMES, GRADES, Combination, Direction, Grade
from landscape.directions.pseudotime import PSEUDOTIME, from_pseudotime
from landscape.directions.root import ROOT, from_root
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source
from landscape.directions.time import TIME, from_time
from landscape.directions.transitions import TRANSITIONS, from_transitions
from landscape.directions.unspliced import UNSPLICED, from_unspliced
from landscape.directions.velocity import VELOCITY, from_velocity

# Every source by its name, the most informative first: a run takes the first one that the data offer.
SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        TIME,
        UNSPLICED,
        VELOCITY,
        PSEUDOTIME,
        ROOT,
        TRANSITIONS,
    )
}

__all__ = [
    "Cells",
    "Combination",
    "Data",
    "Direction",
    "GRADES",
    "GRADE_NAMES",
    "Grade",
    "Option",
    "SOURCES",
    "Sample",
    "Signal",
    "Source",
    "from_pseudotime",
    "from_root",
    "from_time",
    "from_transitions",
    "from_unspliced",
    "from_velocity",
]
