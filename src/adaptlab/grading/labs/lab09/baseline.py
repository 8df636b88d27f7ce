"""Lab 09, baseline: the reference answer and the known misconceptions."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.probes.lab09 import labelled

TOPICS = {
    "billing": ("paid", "invoice", "refund", "card", "twice"),
    "delivery": ("parcel", "late", "courier", "address", "tracking"),
    "repairs": ("broken", "lamp", "cracked", "battery", "fix"),
}
COMMON = ("please", "my", "the", "order", "hello", "again", "shop")
NEW = ("urgent", "kettle", "yesterday", "angry")  # never in training texts
CLEAR = 0.02  # the least distance between the two highest probabilities of a text


Labelled = tuple[list[str], np.ndarray]
without_idf = partial(TfidfVectorizer, use_idf=False)
weakly_regularised = partial(LogisticRegression, C=1000.0, max_iter=1000)
with_class_weights = partial(LogisticRegression, class_weight="balanced")


def predicted(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    texts: Sequence[str],
    vectorizer: Callable = TfidfVectorizer,
    classifier: Callable = LogisticRegression,
) -> Labelled:
    """Return labels and probabilities, with a part of the pipeline changed."""
    given = (tuple(train_texts), tuple(train_labels), tuple(texts))
    labels, probabilities = _fitted(*given, vectorizer, classifier)
    return list(labels), probabilities.copy()


# A fit takes milliseconds, and a judge needs the same ones for every wrong answer.
@lru_cache(maxsize=1000)
def _fitted(
    train_texts: tuple,
    train_labels: tuple,
    texts: tuple,
    vectorizer: Callable,
    classifier: Callable,
) -> Labelled:
    model = make_pipeline(vectorizer(), classifier())
    model.fit(train_texts, train_labels)
    return model.predict(texts).tolist(), model.predict_proba(texts)


def as_probabilities(train_labels, labels) -> np.ndarray:
    """Return 1 in the column of each label, else 0."""
    return (np.array(labels)[:, None] == np.unique(train_labels)[None]).astype(float)


def text_about(rng: np.random.Generator, topic: str, others: tuple) -> str:
    words = [*rng.choice(TOPICS[topic], size=2), *rng.choice(others, size=int(rng.integers(1, 5)))]
    text = " ".join(str(word) for word in rng.permutation(words))
    return text.capitalize() + "."


class baseline(Exercise):
    """TF-IDF with logistic regression: labels and probabilities of new texts."""

    probe = labelled
    n_draws = 6
    # A solver that converges to the same optimum differs by about 1e-4; the wrong answers differ
    # by more than 1e-2.
    rtol = 1e-3
    atol = 1e-3

    @classmethod
    def draw(cls, rng):
        topics = rng.permutation(list(TOPICS))[: rng.integers(2, 4)]
        labels = [str(topic) for topic in topics] * 2
        labels += [str(topics[0])] * int(rng.integers(2, 5))  # unequal sizes
        labels += [str(topic) for topic in rng.choice(topics, size=4)]
        train = [text_about(rng, label, COMMON) for label in labels]
        texts: list[str] = []
        while len(texts) < 4:
            topic = str(rng.choice(topics))
            texts += _clear(train, labels, [text_about(rng, topic, (*COMMON, *NEW))])
        return train, labels, texts

    @staticmethod
    def edges():
        train = ["Paid twice again", "My parcel is late", "The courier is late", "The invoice"]
        labels = ["billing", "delivery", "delivery", "billing"]
        more = [*train, "The parcel, please", "Late, late parcel"]
        return [
            (train, labels, ["I paid the invoice twice"]),
            (more, [*labels, "delivery", "delivery"], ["kettle", "parcel late", "paid invoice"]),
            (train[::-1], labels[::-1], ["late late late parcel", "Invoice, urgent invoice"]),
        ]

    @staticmethod
    def right(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts)

    @staticmethod
    @wrong(
        "The vectorizer also sees the new texts. Their words then change the weights, and the score"
        " on them is not a test any more. Fit it on the training texts alone."
    )
    def vectorizer_sees_test(train_texts, train_labels, texts):
        vectorizer = TfidfVectorizer().fit([*train_texts, *texts])
        classifier = LogisticRegression()
        classifier.fit(vectorizer.transform(train_texts), train_labels)
        rows = vectorizer.transform(texts)
        return classifier.predict(rows).tolist(), classifier.predict_proba(rows)

    @staticmethod
    @wrong(
        "Every text gets the most frequent label. That is a baseline, too, but a lower one: it does"
        " not read the text."
    )
    def majority(train_texts, train_labels, texts):
        names, counts = np.unique(train_labels, return_counts=True)
        return [str(names[counts.argmax()])] * len(texts), np.tile(
            counts / counts.sum(), (len(texts), 1)
        )

    @staticmethod
    @wrong(
        "Each text gets the label of the most similar training text alone. One wrong label or one"
        " chance word decides then. Fit LogisticRegression on all of them."
    )
    def nearest_text(train_texts, train_labels, texts):
        vectorizer = TfidfVectorizer().fit(train_texts)
        similar = (vectorizer.transform(texts) @ vectorizer.transform(train_texts).T).toarray()
        labels = [train_labels[place] for place in similar.argmax(axis=1)]
        return labels, as_probabilities(train_labels, labels)

    @staticmethod
    @wrong("You count words. TF-IDF gives frequent words a lower weight: use TfidfVectorizer.")
    def counts(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts, vectorizer=CountVectorizer)

    @staticmethod
    @wrong("Your vectors have no IDF. Leave `use_idf` at its default.")
    def no_idf(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts, vectorizer=without_idf)

    @staticmethod
    @wrong("The classifier is naive Bayes. Use LogisticRegression.")
    def naive_bayes(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts, classifier=MultinomialNB)

    @staticmethod
    @wrong(
        "The regularisation is not the default. A baseline whose hyperparameters were changed is"
        " hard to compare: leave C at 1."
    )
    def weak_regularisation(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts, classifier=weakly_regularised)

    @staticmethod
    @wrong("The classes are weighted. Leave `class_weight` at its default.")
    def balanced(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts, classifier=with_class_weights)

    @staticmethod
    @wrong(
        "The probabilities are 0 and 1. Return those of predict_proba: a reader wants to know how"
        " sure the baseline is."
    )
    def hard_labels(train_texts, train_labels, texts):
        labels = predicted(train_texts, train_labels, texts)[0]
        return labels, as_probabilities(train_labels, labels)

    @staticmethod
    @wrong(
        "The columns are in the order in which the labels occur. Return them in alphabetical order,"
        " as predict_proba does."
    )
    def columns_as_they_come(train_texts, train_labels, texts):
        labels, probabilities = predicted(train_texts, train_labels, texts)
        columns = sorted(set(train_labels))
        order = [columns.index(label) for label in dict.fromkeys(train_labels)]
        return labels, probabilities[:, order]

    @staticmethod
    @wrong("Only the labels are returned. Return the probabilities as a second value.")
    def labels_alone(train_texts, train_labels, texts):
        return predicted(train_texts, train_labels, texts)[0]

    @staticmethod
    @wrong(
        "The second value has only the highest probability of each text. Return a column for each"
        " label."
    )
    def highest_alone(train_texts, train_labels, texts):
        labels, probabilities = predicted(train_texts, train_labels, texts)
        return labels, probabilities.max(axis=1)


def _clear(train: list, labels: list, texts: list) -> list:
    """Return the texts whose label does not depend on rounding."""
    ordered = np.sort(predicted(train, labels, texts)[1], axis=1)
    return [text for text, row in zip(texts, ordered) if row[-1] - row[-2] > CLEAR]
