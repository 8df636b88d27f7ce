"""The studies of lessons 11 and 12: levers between a prompt and a fine-tuning run, and rewards that
can be checked.
"""

from adaptlab.studies.more_levers import (
    abstaining,
    adapter_sites,
    by_examples,
    choosing,
    distilling,
    embedder,
    verified,
)

STUDIES = (
    by_examples.STUDIES
    | distilling.STUDIES
    | embedder.STUDIES
    | abstaining.STUDIES
    | choosing.STUDIES
    | adapter_sites.STUDIES
    | verified.STUDIES
)
