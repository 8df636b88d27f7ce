# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 02: a pipeline that knows when to abstain
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab02_rag.ipynb)
#
# **Takeaway: a score and a threshold let a pipeline abstain. A limit on the risk has to be tested
# on questions that did not choose the threshold.**
#
# After this lab you can
#
# - build retrieval-augmented generation from its parts: chunks, a vector index, a numbered prompt;
# - check the citations of a reply with a program, and find invented ones;
# - choose a threshold for abstention, and measure coverage and risk on other questions.
#
# You build the parts one by one. Then they run together, on the handbooks of two shops.
#
# **About 145 minutes, 20 points.** The core part takes about 90 minutes: exercises 3, 4, 5, 7 and
# 8, with the main experiment. The optional exercises are for full points; every exercise counts as
# the table says.
#
# Work through lesson 02 first. Replace each `raise NotImplementedError()` by your answer, and keep
# the names of the functions. Run the check below each exercise as often as you like; its message
# names the problem. The grader uses the same checks with other inputs.
#
# Work on a copy of this notebook. Before you hand it in, run this command in a terminal in the
# course folder: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs the whole notebook as the
# grader does, and reports which exercises pass. An error in the cell of an answer costs you that
# answer, so try things out in new cells. After a restart of the kernel, run all cells again from
# the first one.
#
# | exercise | points | lines | minutes | difficulty | part |
# |---|---|---|---|---|---|
# | 1 `sentence_spans` | 2 | 8 | 20 | medium | optional |
# | 2 `chunk_spans` | 3 | 8 | 25 | hard | optional |
# | 3 `Index` | 3 | 6 | 20 | medium | core |
# | 4 `numbered_prompt` | 2 | 8 | 15 | medium | core |
# | 5 `support` | 3 | 10 | 20 | hard | core |
# | 6 `replacing_order` | 2 | 1 | 10 | easy | optional |
# | 7 `choose_threshold`, and the experiment | 2 | 7 | 20 | medium | core |
# | 8 in your own words | 3 | | 15 | medium | core |

# %%
import sys

if "google.colab" in sys.modules:
    from IPython import get_ipython

    get_ipython().run_line_magic(
        "pip", 'install -q "git+https://github.com/adaptlab/adaptlab"'
    )
    from adaptlab.course.colab import prepare_session

    prepare_session()

# %%
import re

import numpy as np
from adaptlab.grading import check

# %% [markdown]
# ## A worked example
#
# A **chunk** is a piece of a text together with its *span*: where it starts, and where it ends, the
# end not included. With the span you can show the source to the reader, and see what two chunks
# share. Below, we cut a text every 20 characters. Each piece begins 5 characters before the end of
# the piece before it. Look at the pieces: every character is covered, but almost no sentence is
# whole.

# %%
source = "The Orbit fan costs 3.50 euros. It is blue. Who would not like it?"
size = 20
overlap = 5
starts = range(0, len(source) - overlap, size - overlap)
places = [(start, min(start + size, len(source))) for start in starts]
for start, end in places:
    print(start, end, repr(source[start:end]))

# %% [markdown]
# ## 1 The spans of sentences
#
# Better chunks have whole sentences. So first find the sentences: not their words, but their spans.
# The rule is simple. A sentence ends after a `.`, `!` or `?` that is followed by whitespace or by
# the end of the text. The whitespace between two sentences belongs to neither.
#
# The rule makes errors: it takes the `1.` of a numbered list for a sentence. This is the price of a
# simple rule, and here we keep the rule as it is.
#
# <details><summary>Hint 1</summary>Go through the text once. Remember where the current sentence
# began, or that you are not in a sentence.</details>
#
# <details><summary>Hint 2</summary>Two events matter: a character that is not whitespace while
# <code>start</code> is None, and a mark that ends the current sentence. One character can be both.
# After the loop, a sentence may still be open.</details>
#
# <details><summary>Hint 3</summary><code>text[i + 1 : i + 2]</code> is the next character, or the
# empty text at the end; <code>.strip()</code> makes whitespace empty, too. For the open sentence
# after the loop, <code>len(text.rstrip())</code> is its end.</details>


# %% nbgrader={"grade": false, "grade_id": "sentence_spans", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sentence_spans(text):
    """Return the spans of the sentences of a text, in order.

    Args:
        text: a str.

    Returns:
        A list of (start, end), so that text[start:end] is the sentence with its mark.
        start and end count the characters of the text. If there is no sentence, an
        empty list.

    A sentence begins at a character that is not whitespace (str.isspace). It ends after
    the first . ! or ? at or after this character that is followed by whitespace or by
    the end of the text. A mark before any other character ends nothing: "3.50" and "?!"
    stay whole. If text remains at the end without such a mark, it is a sentence, too,
    without the whitespace after it.
    """
    spans = []
    start = None
    # BEGIN SOLUTION
    for i, character in enumerate(text):
        if start is None and not character.isspace():
            start = i
        if (
            start is not None
            and character in ".!?"
            and text[i + 1 : i + 2].strip() == ""
        ):
            spans.append((start, i + 1))
            start = None
    if start is not None:
        spans.append((start, len(text.rstrip())))
    return spans
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_sentence_spans", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab02.sentence_spans(sentence_spans)

# %% [markdown]
# ## 2 Chunks of whole sentences
#
# Now pack the sentences into chunks of at most `size` characters. The last sentences of a chunk are
# repeated at the beginning of the next chunk (overlap). So a sentence with "it" is often in one
# chunk with the sentence that explains "it". But the overlap has limits: each chunk has to bring at
# least one new sentence, and the overlap must not make a chunk longer than `size`.
#
# <details><summary>Hint 1</summary>Keep two numbers: the first sentence of the chunk, and the first
# new sentence in it. The chunk begins with the first number, and must include the second.</details>
#
# <details><summary>Hint 2</summary>Each pass of the loop has three steps: find the last sentence
# that fits, store the chunk, set <code>new</code> and <code>begin</code> for the next chunk. A
# chunk has its first new sentence even if it is too long.</details>
#
# <details><summary>Hint 3</summary>The next chunk would begin <code>overlap</code> sentences before
# <code>new</code>. These sentences must be in the chunk before it. Then move <code>begin</code>
# forward while the chunk up to the first new sentence has more than <code>size</code>
# characters.</details>


# %% nbgrader={"grade": false, "grade_id": "chunk_spans", "locked": false, "schema_version": 3, "solution": true, "task": false}
def chunk_spans(spans, size, overlap):
    """Return chunks of whole sentences: a list of (start, end), in order.

    Args:
        spans: the spans of the sentences, a list of pairs (start, end), tuples or
            lists, in order, none within another.
        size: the maximum length of a chunk in characters, at least 1.
        overlap: a number of sentences, at least 0.

    A chunk reaches from the start of its first sentence to the end of its last. The
    characters between sentences count, too. It takes one sentence after the other as
    long as it has at most `size` characters. The next chunk brings the sentence that
    did not fit, and maybe more.

    The next chunk begins with the last `overlap` sentences of the chunk before it. If
    these and the first new sentence have more than `size` characters together, it
    begins with fewer of them: as many of the last ones as fit, or none. A sentence
    longer than `size` is a chunk of its own. The last chunk is the chunk with the last
    sentence. No spans: no chunks.
    """
    chunks = []
    begin = 0
    new = 0
    while new < len(spans):
        # BEGIN SOLUTION
        last = new
        while last + 1 < len(spans) and spans[last + 1][1] - spans[begin][0] <= size:
            last += 1
        chunks.append((spans[begin][0], spans[last][1]))
        new = last + 1
        begin = max(new - overlap, begin + 1)
        while begin < new < len(spans) and spans[new][1] - spans[begin][0] > size:
            begin += 1
        # END SOLUTION
    return chunks


# %% nbgrader={"grade": true, "grade_id": "check_chunk_spans", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab02.chunk_spans(chunk_spans)

# %% [markdown]
# ## 3 An index that can forget
#
# An index stores vectors under ids and finds the nearest ones. A real index also has to handle
# changes: a vector is replaced or deleted. Here, nearness is the cosine similarity, $\cos(q, v) =
# \frac{q \cdot v}{\|q\| \|v\|}$, for vectors $q$ and $v$ of any length.
#
# The beginning of the class is given. Its `put` replaces vectors, because a dictionary does. You
# may change how the vectors are stored.
#
# <details><summary>Hint 1</summary>A cosine is a sum of products, divided by both lengths
# (<code>np.linalg.norm</code>). Compute it for every stored vector first, and sort later.</details>
#
# <details><summary>Hint 2</summary>For the order: <code>sorted</code> takes a key, and a key can be
# a pair. A negative number in the pair turns the order around. Round before you sort.</details>
#
# <details><summary>Hint 3</summary>In <code>delete</code>, test all ids before you delete the first
# one. Sets and the keys of a dictionary can be compared with <code>&gt;=</code>.</details>


# %% nbgrader={"grade": false, "grade_id": "Index", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Index:
    """An index of vectors under ids, searched by cosine similarity.

    An id is an int, a vector a float64 array (d,) whose length is not 0. A new index is
    empty.
    """

    def __init__(self):
        self.vectors = {}

    def put(self, ids, vectors):
        """Store vectors; if an id is already in the index, replace its vector.

        Args:
            ids: a list, none twice.
            vectors: (n, d), a row for each id.
        """
        self.vectors.update(zip(ids, vectors))

    def delete(self, ids):
        """Delete the vectors with these ids.

        Args:
            ids: a list, none twice.

        Raises KeyError if one of the ids is not in the index; then nothing is deleted.
        """
        # BEGIN SOLUTION
        if not self.vectors.keys() >= set(ids):
            raise KeyError(f"not all in the index: {ids}")
        self.vectors = {i: vector for i, vector in self.vectors.items() if i not in ids}
        # END SOLUTION

    def search(self, query, k):
        """Return the k nearest vectors, or all if there are fewer.

        Args:
            query: (d,), its length not 0.
            k: at least 1.

        Returns:
            A list of (id, cosine), the highest cosine first. Cosines are rounded to 6
            decimals. If they are equal after that, the smaller id comes first.
        """
        # BEGIN SOLUTION
        cosines = {
            i: query @ vector / np.linalg.norm(query) / np.linalg.norm(vector)
            for i, vector in self.vectors.items()
        }
        return sorted(
            ((i, round(float(c), 6)) for i, c in cosines.items()),
            key=lambda hit: (-hit[1], hit[0]),
        )[:k]
        # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_Index", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab02.Index(Index)

# %% [markdown]
# ## 4 What the model gets to see
#
# The hits of a search become a prompt. There is room for a limited number of words. A chunk is in
# the prompt as a whole or not at all, and the same text twice would only cost tokens. Chunks from
# one source should be in the order of the source. The numbers are for the citations, so you have to
# know later which chunk has which number.
#
# <details><summary>Hint 1</summary>Two steps: first choose the chunks, best first. Then sort the
# chosen positions by the places of their chunks.</details>
#
# <details><summary>Hint 2</summary>For the first step, keep three things: the chosen positions, the
# texts that you have seen, and the words that are left. If a chunk is too long, continue with the
# next one.</details>
#
# <details><summary>Hint 3</summary>The key of the sort is a pair of source and start.
# <code>enumerate(taken, 1)</code> numbers the lines from 1.</details>


# %% nbgrader={"grade": false, "grade_id": "numbered_prompt", "locked": false, "schema_version": 3, "solution": true, "task": false}
def numbered_prompt(hits, budget):
    """Return the chunks of a prompt, numbered, and the hit of each number: a pair
    (text, positions).

    Args:
        hits: a list of dicts with "source" (str), "start" (int) and "text" (str), best
            first. No two have the same source and start.
        budget: an int, the maximum number of words.

    Go through the hits, best first. Leave out a hit whose text was taken already. Also
    leave out a hit whose words would bring the words of all taken hits above `budget`;
    a later, shorter hit may still fit. The words of a text are text.split(); the
    numbers of the lines do not count. Then sort the taken hits by source, and within a
    source by start.

    `text` has one line for each taken hit: "[1] " and the text of the first, "[2] " and
    the text of the second, and so on. There is "\\n" between the lines and none after
    the last line. `positions` is a list: for each line the position of its chunk in
    `hits`, counted from 0. If nothing is taken, the result is ("", []).
    """
    # BEGIN SOLUTION
    taken = []
    met = set()
    words_left = budget
    for i, hit in enumerate(hits):
        n_words = len(hit["text"].split())
        if hit["text"] not in met and n_words <= words_left:
            taken.append(i)
            met.add(hit["text"])
            words_left -= n_words
    taken.sort(key=lambda i: (hits[i]["source"], hits[i]["start"]))
    return (
        "\n".join(f"[{number}] {hits[i]['text']}" for number, i in enumerate(taken, 1)),
        taken,
    )
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_numbered_prompt", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab02.numbered_prompt(numbered_prompt)

# %% [markdown]
# ## 5 Is the claim in the source?
#
# A citation is a promise: the words before the number are in that chunk. A program can check this.
# It can see that a number was invented, and it can count how many words of a claim are in the cited
# chunks. This is a crude measure of **groundedness**, because a word is not a meaning. But it is
# fast and cheap.
#
# The function `words` is given. It finds the words of a text.
#
# <details><summary>Hint 1</summary>For each claim you need three things: the numbers that it cites,
# its words without the citations, and the words of the cited chunks.</details>
#
# <details><summary>Hint 2</summary>Use two regular expressions: the first finds whole citations,
# the second finds the numbers in a citation. A citation is a bracket, a number, then any repetition
# of separators and a number, then a bracket. A number without a chunk is invented; remember that
# chunk 1 is <code>chunks[0]</code>.</details>
#
# <details><summary>Hint 3</summary>The share is the size of an intersection of two sets, divided by
# the size of the first. Replace each citation by a space, so that two words are not joined. Test
# for a claim without words before you divide.</details>


# %% nbgrader={"grade": false, "grade_id": "support", "locked": false, "schema_version": 3, "solution": true, "task": false}
def words(text):
    """Return the words of a text, in small letters, each once: a set."""
    return set(re.findall(r"\w+", text.lower()))


def support(claims, chunks):
    """Return how far each claim is supported by the chunks that it cites, and invented
    citations.

    Args:
        claims: a list of str.
        chunks: a list of str; the first chunk has the number 1.

    Returns:
        A dict with two lists, "support" and "invented".

    A citation is a pair of square brackets with one number, or several with commas and
    spaces between them: "[2]", "[1, 3]". Other brackets are text. A claim may have
    several citations, or none.

    - "support": for each claim a float, the share of its words that are among the words
      of at least one chunk that this claim cites. Its words are found by `words` after
      the citations are removed. Numbers without a chunk cite nothing. 0.0 for a claim
      that has no words, or that cites no chunk.
    - "invented": the numbers, in any of the claims, for which there is no chunk;
      sorted, each once.
    """
    # BEGIN SOLUTION
    shares = []
    invented = set()
    pattern = re.compile(r"\[\s*\d+(?:[\s,]+\d+)*\s*\]")
    for claim in claims:
        numbers = {
            int(number)
            for group in pattern.findall(claim)
            for number in re.findall(r"\d+", group)
        }
        given = {number for number in numbers if 1 <= number <= len(chunks)}
        invented |= numbers - given
        said = words(pattern.sub(" ", claim))
        held = words(" ".join(chunks[number - 1] for number in given))
        shares.append(len(said & held) / len(said) if said else 0.0)
    return {"support": shares, "invented": sorted(invented)}
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_support", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab02.support(support)

# %% [markdown]
# ## 6 A document changes
#
# Customers ask questions all day, and a file of the handbook was changed. These lines bring the
# change into a running service, but they are not in order. The id of a piece is made from its text,
# so an unchanged piece keeps its id. Embedding takes minutes and can fail. Answers are cached: the
# same question gets the earlier answer. Give an order that works, as a string of the eight letters.
#
# ```
# A   index.put(ids_for(pieces), vectors)
# B   vectors = embed(pieces)
# C   assert new_price in answer(question)
# D   text = path.read_text()
# E   old = index.ids_from(path)
# F   pieces = cut(text)
# G   index.delete(old)
# H   cached_answers.clear()
# ```


# %% nbgrader={"grade": false, "grade_id": "replacing_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def replacing_order():
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "DFBEGAHC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_replacing_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab02.replacing_order(replacing_order)

# %% [markdown]
# ## 7 When to abstain
#
# Each answer has a score. The pipeline abstains if the score is below a threshold. **Coverage** is
# the share of questions that are answered; **risk** is the share of wrong answers among the given
# answers. You accept a certain risk: which threshold has the greatest coverage? You choose it on
# questions with known answers, and use it on others.
#
# <details><summary>Hint 1</summary>There are only as many thresholds as different scores. Which of
# them answers the most questions?</details>
#
# <details><summary>Hint 2</summary>A lower threshold has a greater coverage. So try the thresholds
# in increasing order, and return the first that keeps to the risk.</details>
#
# <details><summary>Hint 3</summary>For one threshold, collect the entries of <code>right</code>
# whose score is at least the threshold. The risk is the share of False among them. They are never
# empty: the threshold is one of the scores.</details>


# %% nbgrader={"grade": false, "grade_id": "choose_threshold", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_threshold(scores, right, max_risk):
    """Return the threshold with the greatest coverage among those whose risk is at most
    `max_risk`.

    Args:
        scores: a list of numbers.
        right: a list of as many bools.
        max_risk: a number from 0 to 1.

    Returns:
        (threshold, coverage, risk), three floats. None if no threshold keeps to
        `max_risk`, and if there are no scores.

    A threshold is one of the scores. Questions with a score of at least the threshold
    are answered. coverage: answered questions / all questions. risk: wrong answers /
    answered questions.
    """
    # BEGIN SOLUTION
    for threshold in sorted(set(scores)):
        given = [hit for score, hit in zip(scores, right) if score >= threshold]
        risk = given.count(False) / len(given)
        if risk <= max_risk:
            return threshold, len(given) / len(scores), risk
    return None
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_choose_threshold", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab02.choose_threshold(choose_threshold)

# %% [markdown]
# ### Predict
#
# Below, your parts become a pipeline that answers the questions of two shops. More than a third of
# the questions have no answer in the handbook. The score of an answer is the `support` of the claim
# that question and reply make together. You accept a risk of 10%.
#
# We sample 80 of the questions. Your function chooses the threshold on these, and we use it on the
# other questions. We repeat this with 200 random samples. For which share of the samples is the
# risk on the other questions above 10%? Choose one of the options before you run the next cell.
#
# Without exercises 1 and 2, the chunks are pieces of 200 characters, as in the worked example.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = [
    "less than 10%",
    "10% to 30%",
    "30% to 70%",
    "more than 70%",
]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "10% to 30%"
# END SOLUTION

# %%
import random

from adaptlab import plots
from adaptlab.evals.statistics import proportion
from adaptlab.messages import NOT_FOUND, data, system, user
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.rag.answer import INSTRUCTION
from adaptlab.rag.embed import minilm
from adaptlab.rag.metrics import holds_value
from adaptlab.world import handbook, questions

check.predicted(prediction, options)

# %%
chat = LocalChat("embedded:chat")
embedder = minilm()


def cut(text):
    """Return the spans of the chunks of a text.

    Without exercises 1 and 2: pieces of 200 characters, as in the worked example.
    """
    try:
        return chunk_spans(sentence_spans(text), size=200, overlap=1)
    except NotImplementedError:
        begins = range(0, max(len(text) - 30, 1), 170)
        return [(begin, min(begin + 200, len(text))) for begin in begins]


def pieces_of(sections):
    """Return the chunks of every section, each with its heading: hits for exercise 4."""
    found = []
    for section in sections:
        for start, end in cut(section.text):
            found.append(
                {
                    "source": section.title,
                    "start": start,
                    "text": f"{section.title}: {section.text[start:end]}",
                }
            )
    return found


def searched(pieces, asked):
    """Return for each question its four nearest pieces, and the highest cosine."""
    index = Index()
    index.put(
        list(range(len(pieces))),
        embedder.encode([piece["text"] for piece in pieces]).astype(float),
    )
    vectors = embedder.encode([question.text for question in asked]).astype(float)
    found = []
    for vector in vectors:
        hits = index.search(vector, 4)
        _, cosine = hits[0]
        found.append(([pieces[i] for i, _ in hits], cosine))
    return found


# %%
def run_shop(seed):
    """Run the pipeline on one shop; return a row for each of 140 questions.

    50 of the questions have no answer in the handbook.
    """
    sections = handbook.handbook(seed)
    draw = random.Random(f"lab 02: {seed}")
    asked = questions.draw_questions(
        draw, sections, "name", 90, "train"
    ) + questions.draw_questions(draw, sections, "unanswerable", 50, "train")
    found = searched(pieces_of(sections), asked)
    prompts = [numbered_prompt(hits, budget=120) for hits, _ in found]
    conversations = [
        [system(INSTRUCTION), data(text), user(question.text)]
        for (text, _), question in zip(prompts, asked)
    ]
    replies = texts(chat, conversations, max_new_tokens=24)
    return [row(*each) for each in zip(asked, found, prompts, replies)]


def row(question, found, prompt, reply):
    """Return whether the model answered, whether it was correct, and two scores."""
    hits, cosine = found
    spoke = NOT_FOUND not in reply
    right = (
        spoke
        and question.answerable
        and holds_value(re.sub(r"\[[\d, ]+\]", " ", reply), question.facts[0].value)
    )
    held = support([f"{question.text} {reply}"], [hits[i]["text"] for i in prompt[1]])[
        "support"
    ][0]
    return {"spoke": spoke, "right": right, "cosine": cosine, "support": held}


rows = run_shop(1) + run_shop(2)

# %%
SCORE = "support"
LIMIT = 0.1
N_DRAWS = 200


def draws(n_known, accepted):
    """Return (whether the limit is broken, coverage) on the other questions.

    One pair for each random sample of `n_known` questions, on which a threshold is
    chosen for the accepted risk.
    """
    draw = random.Random(0)
    out = []
    for _ in range(N_DRAWS):
        shuffled = draw.sample(rows, len(rows))
        known = [one for one in shuffled[:n_known] if one["spoke"]]
        others = shuffled[n_known:]
        chosen = choose_threshold(
            [one[SCORE] for one in known], [one["right"] for one in known], accepted
        )
        given = [
            one["right"]
            for one in others
            if one["spoke"] and chosen is not None and one[SCORE] >= chosen[0]
        ]
        out.append((given.count(False) > LIMIT * len(given), len(given) / len(others)))
    return out


sizes = [20, 40, 80, 160]
tried = {
    "threshold for the limit itself": LIMIT,
    "threshold for half the limit": LIMIT / 2,
}
results = {}
for name, accepted in tried.items():
    results[name] = [draws(n, accepted) for n in sizes]

# %%
share = float(
    np.mean(
        [
            broken
            for broken, _ in results["threshold for the limit itself"][sizes.index(80)]
        ]
    )
)
measured = options[sum(share >= bound for bound in (0.1, 0.3, 0.7))]
series = {}
for name, at_sizes in results.items():
    series[name] = []
    answered = {}
    for n, each in zip(sizes, at_sizes):
        series[name].append(proportion([broken for broken, _ in each]))
        answered[n] = f"{np.mean([coverage for _, coverage in each]):.0%}"
    print(f"{name}: questions answered", answered)
print(f"limit broken in {measured} of the samples; your prediction: {prediction}")
plots.curves(
    "Is the limit kept on other questions?",
    "questions with known answers",
    "share of samples in which it is broken",
    sizes,
    series,
    logarithmic=True,
)

# %% [markdown]
# ## 8 In your own words
#
# A colleague wants to promise the owner of a third shop "at most one wrong answer in ten". Your
# function chose the threshold on 80 questions, and on these the limit was kept. Use the figure and
# the printed lines to answer in five to eight sentences:
#
# - Why is this not a promise, though both sets of questions were sampled in the same way?
# - What would you do instead, and what would it cost?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: why a threshold that just keeps to a limit on known questions
# breaks it so often on others. 1 point: a remedy, and its price in questions answered. 1 point:
# what a third shop adds to the problem.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The function lowered the threshold until the risk on the known questions was just under the limit.
# So luck helped this threshold to fit. On other questions the risk is above or below the limit, and
# about as often above. With more known questions the risk gets closer to the limit, but not below
# it, so the upper line falls only a little.
#
# A margin helps. If we accept half the limit, the limit itself is broken less and less often as the
# number of questions grows, because the sampling error becomes smaller than the margin. The price
# is coverage: the printed lines show that many correct answers are withheld, too. Instead of half
# the limit, I would require that the upper end of the interval of the risk is below the limit.
#
# A third shop has other texts and customers. All of this holds for it only after a test on its own
# questions, with unanswerable ones among them. I had expected that a limit that is kept on 80
# questions is usually kept.
