"""Recorded results say how they were made; one that is not there is a sentence."""

from pathlib import Path

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.studies.recorded import RESULTS, recorded
from adaptlab.studies.run import STUDIES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.json")))
def test_a_record_names_the_command_that_makes_it_again_and_the_machine(name):
    kept = recorded(name)
    assert kept["rows"] and kept["cores"] >= 1
    program, *what = kept["command"].split()
    assert (program == "python" and (ROOT / what[0]).is_file()) or (
        program == "adaptlab"
        and (what == ["study", name] and name in STUDIES or name == "usage" and what[0] == "run")
    )


def test_a_result_that_is_not_there_is_a_sentence():
    with pytest.raises(AdaptLabError, match="recorded result 'nothing'"):
        recorded("nothing")
