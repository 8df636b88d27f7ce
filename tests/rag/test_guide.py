"""The guide to documents of one's own does what it shows."""

import re
from pathlib import Path

from adaptlab.course.site.places import PAGES
from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import minilm
from adaptlab.rag.retrieve import BM25Retriever


def test_the_code_of_the_guide_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("handbook").mkdir()
    text = "# Lamps\n\nA lamp stays dark where its cable is loose.\n\n# Desks\n\nFour legs.\n"
    Path("handbook/lamps.md").write_text(text)
    Path("tickets.csv").write_text(
        "ticket,subject,body,team,year\nT-7,Dark lamp,It is dark since May.,sales,2025\nT-8,Desk,It"
        " has three legs.,support,2024\n"
    )
    page = (PAGES / "documents.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(code, "documents.md", "exec"), {})
    hit, documents = capsys.readouterr().out.splitlines()
    assert hit.startswith("T-7 {'dense': ") and "'keyword': " in hit and "'fused': " in hit
    assert documents == "[('T-7', 1), ('handbook/lamps.md', 2)]"
    again = Collection.load("mine.collection", minilm())
    assert BM25Retriever(again).search(["legs"], 5, {"year": 2024})[0][0].chunk.source == "T-8"
