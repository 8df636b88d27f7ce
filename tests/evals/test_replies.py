"""The judge of replies, against replies written by hand in the styles in which models write."""

import pytest

from adaptlab.evals.replies import (
    abstains,
    final_number,
    is_number,
    is_only_json,
    json_object,
    label,
    normalise,
    numbers,
    same_content,
    same_form,
    stated,
    states_only,
)

CITIES = ("Dunholt", "Marvik", "New Marvik", "Tessel", "Östra")

# What a reply states, of CITIES: nothing, one or several.
STATED = [
    ("Dunholt", ["Dunholt"]),
    ("dunholt", ["Dunholt"]),
    ("DUNHOLT.", ["Dunholt"]),
    ("**Dunholt**", ["Dunholt"]),
    ("`Dunholt`", ["Dunholt"]),
    ('"Dunholt"', ["Dunholt"]),
    ("“Dunholt”", ["Dunholt"]),
    ("Dunholt [2]", ["Dunholt"]),
    ("[2] Dunholt", ["Dunholt"]),
    ("- Dunholt", ["Dunholt"]),
    ("1. Dunholt", ["Dunholt"]),
    ("> Dunholt", ["Dunholt"]),
    ("The city is Dunholt.", ["Dunholt"]),
    ("Jana Osborne lives in Dunholt.", ["Dunholt"]),
    ("Jana's home town is Dunholt, as note 2 says.", ["Dunholt"]),
    ("According to the notes, she lives in Dunholt", ["Dunholt"]),
    ("Sure! Based on the context provided, Jana lives in Dunholt.", ["Dunholt"]),
    ("I'd be happy to help! The answer is: **Dunholt**.", ["Dunholt"]),
    ("As an AI, I rely on the notes: Dunholt it is.", ["Dunholt"]),
    ("Answer: Dunholt", ["Dunholt"]),
    ("**Answer:** Dunholt", ["Dunholt"]),
    ("Final answer: Dunholt", ["Dunholt"]),
    ("The final answer is $\\boxed{Dunholt}$", ["Dunholt"]),
    ("#### Dunholt", ["Dunholt"]),
    ("Antwort: Dunholt", ["Dunholt"]),
    ("答案是Dunholt。", ["Dunholt"]),
    ("Она живёт в Dunholt.", ["Dunholt"]),
    ("Ella vive en Dunholt, no en otra ciudad.", ["Dunholt"]),
    ("<think>Marvik? No, note 2 says Dunholt.</think>Dunholt", ["Dunholt"]),
    ("<think>\nMarvik or Tessel?\n</think>\n\nShe lives in Dunholt.", ["Dunholt"]),
    ("<think>Is it Dunholt or Marvik? Let me see, Dunholt or", []),
    ("Dunholt\n\nMarvik is where Tom lives.", ["Dunholt"]),
    ("Dunholt\nQuestion: Where does Tom live?\nAnswer: Marvik", ["Dunholt"]),
    ("Note 1 mentions Marvik, note 2 mentions Dunholt. So the answer is Dunholt.", ["Dunholt"]),
    ("Marvik is Tom's city and Tessel is Ann's. Therefore, Dunholt.", ["Dunholt"]),
    ("She lives in Dunholt, not in Marvik.", ["Dunholt"]),
    ("It is not Marvik but Dunholt.", ["Dunholt"]),
    ("It isn't Marvik; it's Dunholt.", ["Dunholt"]),
    ("Not Marvik. Dunholt.", ["Dunholt"]),
    ("No, Dunholt.", ["Dunholt"]),
    ("Dunholt rather than Marvik.", ["Dunholt"]),
    ("Dunholt, instead of Marvik.", ["Dunholt"]),
    ("Unlike Marvik, Dunholt is her home.", ["Dunholt"]),
    ("There is no doubt that it is Dunholt.", ["Dunholt"]),
    ("Marvik is wrong; she lives in Dunholt.", ["Dunholt"]),
    ("She never lived in Marvik. Her home is Dunholt.", ["Dunholt"]),
    ("She no longer lives in Marvik, she moved to Dunholt.", ["Dunholt"]),
    ("She doesn’t live in Tessel but in Dunholt.", ["Dunholt"]),
    ("Neither Marvik nor Tessel: Dunholt", ["Dunholt"]),
    ("Dunholt's", ["Dunholt"]),
    ("(Dunholt)", ["Dunholt"]),
    ("Dunholt/", ["Dunholt"]),
    ("DUNHOLT!!!", ["Dunholt"]),
    ("New Marvik", ["New Marvik"]),
    ("She lives in New Marvik.", ["New Marvik"]),
    ("She lives in\nNew\nMarvik", ["Marvik"]),
    ("ÖSTRA", ["Östra"]),
    ("Sie wohnt in Östra.", ["Östra"]),
    ("O\u0308stra", ["Östra"]),
    ("Dunholt or Marvik", ["Dunholt", "Marvik"]),
    ("Dunholt, Marvik", ["Dunholt", "Marvik"]),
    ("Dunholt and Tessel", ["Dunholt", "Tessel"]),
    ("It could be Dunholt. It could also be Marvik.", ["Dunholt", "Marvik"]),
    ("Possible cities:\n- Dunholt\n- Marvik\n- Tessel", ["Dunholt", "Marvik", "Tessel"]),
    ("Answer: Dunholt or Tessel", ["Dunholt", "Tessel"]),
    ("Marvik", ["Marvik"]),
    ("She lives in Marvik.", ["Marvik"]),
    ("Dunholter", []),
    ("Dunholtville", []),
    ("Undunholt", []),
    ("", []),
    ("   \n ", []),
    ("The notes do not say.", []),
    ("She doesn't live in Dunholt.", []),
    ("Dunholt is not the city.", []),
    ("not Dunholt", []),
    ("Anything other than Dunholt.", []),
    ("Dunh", []),
    ("The city is Dun", []),
    ("Paris", []),
    ("D u n h o l t", []),
]


@pytest.mark.parametrize(("reply", "expected"), STATED)
def test_a_reply_states_the_candidates_that_it_does_not_deny(reply, expected):
    assert stated(reply, CITIES) == expected
    assert states_only(reply, "Dunholt", CITIES[1:]) == (expected == ["Dunholt"])


# The number that a reply gives as its result.
NUMBERS = [
    ("85", 85),
    ("85.", 85),
    (" 85 \n", 85),
    ("**85**", 85),
    ("$85", 85),
    ("85 euros", 85),
    ("€85", 85),
    ("The answer is 85.", 85),
    ("47 + 38 = 85", 85),
    ("47 + 38 = 85.", 85),
    ("47+38=85", 85),
    ("85 (47 + 38)", 85),
    ("Answer: 85", 85),
    ("Answer: 47 + 38 = 85", 85),
    ("\\boxed{85}", 85),
    ("$$\\boxed{85}$$", 85),
    ("#### 85", 85),
    ("1. Start with 47.\n2. Add 38.\n3. The answer is 85.", 85),
    ("Step 1: 3 + 4 = 7.\nStep 2: 7 - 2 = 5.\nThe answer is 5 apples.", 5),
    ("Jana starts with 12. She buys 3 more, so she has 15.", 15),
    ("She has 12 apples and 3 pears, so 15 fruits.", 15),
    ("12 + 3 = 15. 15 - 6 = 9. The answer is 9.", 9),
    ("12 + 3 = 15. 15 - 6 = 9.", 9),
    ("Therefore, 9 apples are left of the 15.", 9),
    ("The result is 9, since 15 - 6 = 9.", 9),
    ("<think>12 + 3 = 15</think>9", 9),
    ("1,234", 1234),
    ("1,234,567", 1234567),
    ("1'234", 1234),
    ("1\u202f234", 1234),
    ("3.5", 3.5),
    ("3.5.", 3.5),
    ("-4", -4),
    ("−4", -4),
    ("8 - 12 = -4", -4),
    ("१२", 12),
    ("٤٢", 42),
    ("４２", 42),
    ("forty-two", 42),
    ("The answer is forty two.", 42),
    ("Seven", 7),
    ("nineteen apples", 19),
    ("答案是 42。", 42),
    ("Die Antwort ist 42.", 42),
    ("Antwort: 42", 42),
    ("42%", 42),
    ("= 42", 42),
    ("I think it's 42!", 42),
    ("I do not know.", None),
    ("", None),
    ("many", None),
    ("12 + 3 = 15. 15 - ", 15),
    ("47 + 38 =", 38),
]


@pytest.mark.parametrize(("reply", "expected"), NUMBERS)
def test_the_result_of_a_reply_is_a_number(reply, expected):
    assert final_number(reply) == expected
    assert is_number(reply, 85) == (expected == 85)


# The label that a reply states, of these.
MOODS = ("positive", "negative")
LABELS = [
    ("positive", "positive"),
    ("Positive", "positive"),
    ("POSITIVE", "positive"),
    ("positive.", "positive"),
    ("Label: positive", "positive"),
    ("**Sentiment:** Positive", "positive"),
    ("The sentiment is positive.", "positive"),
    ("The review is positive, since it praises the lamp.", "positive"),
    ("This is a positive review. The customer is happy.", "positive"),
    ("positive\n\nText: The lamp broke.\nLabel: negative", "positive"),
    ("The customer is not positive, the mood is negative.", "negative"),
    ("It is not negative. It is positive.", "positive"),
    ("Negative rather than positive", "negative"),
    ("I would classify this as negative.", "negative"),
    ("The text says it broke, so the answer is negative", "negative"),
    ("😊 positive", "positive"),
    ("['positive']", "positive"),
    ('{"label": "positive"}', "positive"),
    ("positive or negative", None),
    ("Both positive and negative", None),
    ("neutral", None),
    ("positively", None),
    ("", None),
    ("good", None),
    ("not positive", None),
]


@pytest.mark.parametrize(("reply", "expected"), LABELS)
def test_a_label_is_the_only_one_that_a_reply_states(reply, expected):
    assert label(reply, MOODS) == expected


# Whether a reply abstains.
ABSTENTIONS = [
    ("The context does not say.", True),
    ("I do not know.", True),
    ("I don't know.", True),
    ("I don’t know where she lives.", True),
    ("The notes do not say.", True),
    ("The notes do not mention her job.", True),
    ("The notes don't state where she lives.", True),
    ("It is not specified in the text.", True),
    ("This information is not provided.", True),
    ("There is no information about her city.", True),
    ("There's no mention of it.", True),
    ("I cannot answer that from the notes.", True),
    ("I am unable to determine this.", True),
    ("Cannot be determined.", True),
    ("Unknown", True),
    ("Not stated.", True),
    ("None of the notes names her city.", True),
    ("The text doesn't contain enough information.", True),
    ("Insufficient information.", True),
    ("Unfortunately, the passage does not include that detail.", True),
    ("I'm not sure.", True),
    ("The notes do not say, but I guess Dunholt.", False),
    ("Dunholt", False),
    ("She lives in Dunholt; her job is not mentioned.", False),
    ("Yes.", False),
    ("", False),
    ("She likes tea.", False),
]


@pytest.mark.parametrize(("reply", "expected"), ABSTENTIONS)
def test_a_reply_abstains_if_it_says_so_and_states_nothing(reply, expected):
    assert abstains(reply, CITIES) == expected


RECORD = {"name": "Jana", "order": 12}
# The object in a reply.
OBJECTS = [
    ('{"name": "Jana", "order": 12}', RECORD),
    ('{"order": 12, "name": "Jana"}', RECORD),
    ('{\n  "name": "Jana",\n  "order": 12\n}', RECORD),
    ('```json\n{"name": "Jana", "order": 12}\n```', RECORD),
    ('```\n{"name": "Jana", "order": 12}\n```', RECORD),
    ('```JSON\n{"name": "Jana", "order": 12}', RECORD),
    ('Here is the record:\n```json\n{"name": "Jana", "order": 12}\n```\nAnything else?', RECORD),
    ('Record: {"name": "Jana", "order": 12}', RECORD),
    ('Sure! {"name": "Jana", "order": 12} is the record.', RECORD),
    ('<think>{"name": "Tom"}</think>{"name": "Jana", "order": 12}', RECORD),
    ('{"name": "Jana", "order": 12}\n{"name": "Jana", "order": 12}', RECORD),
    ('{"name": "Jana", "name": "Jana", "order": 12}', RECORD),
    ("Use {braces}: " + '{"name": "Jana", "order": 12}', RECORD),
    ('{"name": "Jana", "order": 12}{"name": "Tom", "order": 1}', None),
    ('{"name": "Jana", "name": "Tom", "order": 12}', None),
    ('{"name": "Jana", "order": 12', None),
    ("{'name': 'Jana', 'order': 12}", None),
    ("name: Jana, order: 12", None),
    ('["Jana", 12]', None),
    ("", None),
    ('{"name": "Jana", "order": 12,}', None),
]


@pytest.mark.parametrize(("reply", "expected"), OBJECTS)
def test_an_object_is_read_out_of_what_surrounds_it(reply, expected):
    assert json_object(reply) == expected


def test_the_replies_written_by_hand_are_more_than_two_hundred():
    assert sum(map(len, (STATED, NUMBERS, LABELS, ABSTENTIONS, OBJECTS))) >= 200


def test_content_is_judged_apart_from_form():
    gold = {"customer": {"name": "Jana Osborne"}, "order": 12, "days": [1, 2]}
    loose = {"order": "12", "customer": {"Name": "jana osborne"}, "days": [1.0, "2"]}
    assert same_content(loose, gold)
    assert not same_form(loose, gold)
    assert same_form(gold | {"order": 13}, gold)
    assert not same_content(gold | {"order": 13}, gold)
    assert not same_content(gold | {"more": 1}, gold)
    assert not same_content({"order": 12}, gold)
    assert not same_content(None, gold)
    assert not same_form({"order": True}, {"order": 1})


def test_only_json_is_what_a_program_would_read():
    assert is_only_json('{"a": 1}')
    assert not is_only_json('```json\n{"a": 1}\n```')
    assert not is_only_json("[1]")


def test_a_decimal_is_another_number_than_its_parts():
    assert stated("It costs 12.5 euros.", ["12", "5", "12.5"]) == ["12.5"]
    assert stated("It costs 125 euros.", ["12", "25"]) == []
    assert stated("It costs 12, I think.", ["12"]) == ["12"]


def test_a_text_is_normalised_line_by_line():
    assert normalise(" **Ａ**  b\n\n_C_ ") == "a b\nc"
    assert numbers("1, 2 and 3.5") == [1.0, 2.0, 3.5]


def test_deep_nesting_is_no_object():
    assert json_object("{" * 100_000) is None
    assert json_object('{"a":' * 5000 + "1" + "}" * 5000) is None
