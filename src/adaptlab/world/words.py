"""The vocabulary of the invented world: every name and value that a fact can hold.

Each entry is one word, so that the tokenizer can give it one token and a model copies it in one
step. People and most cities are invented; jobs, pets and goods are plain English. Words that follow
"a" begin with a consonant.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """Adela Alaric Alma Anselm Arden Astrid Basil Beata Benno Bianca Boris Brisa Calla Casper
    Celia Cyrus Dagny Darius Delia Dorian Edda Edgar Elara Elio Elsa Emrys Enid Esme Fabian
    Farah Felix Fiona Freya Gideon Greta Gustav Halina Hector Hilda Hugo Ilona Imani Ingrid
    Irma Isak Ivo Jana Jasper Jonas Juno Kai Kira Lars Leda Leon Linus Lotte Magnus Maia Marek
    Mina Mira Nadia Nestor Nina Noor Olga Orin Oskar Petra Quinn Ramona Rufus Sabine Selma
    Silas Tamsin Thea Tilda Ulric Vera Viggo Willa Xenia Yara Zelda"""
)

LAST_NAMES = _words(
    """Abernal Aldous Amberly Andrick Ashdown Averill Ballard Barrow Belmont Birch Blackwell
    Bramble Brandt Brookes Calloway Carver Castell Corwin Cresswell Dalton Darrow Delacroix
    Dunmore Eastman Eldridge Ellery Everhart Fairfax Falkner Farrow Fenwick Finch Fletcher
    Forsberg Gallant Garrick Goddard Grayson Greaves Hadley Halloway Harker Hawthorn Hendry
    Holloway Huxley Ingram Ironwood Jarvis Jessop Kendrick Kestrel Kingsley Kirkwood Lambert
    Langley Larkin Lindgren Lockhart Lovell Maddox Marlowe Mercer Merrick Mortimer Nightwood
    Norwood Oakley Okonjo Orchard Osborne Palmer Paxton Pemberton Penrose Prescott Quillon
    Radcliff Ravens Redfern Ridley Rosewood Rutledge Sandoval Sedgwick Selwyn Sheffer Sorensen
    Stanhope Sterling Stroud Tanaka Thackery Thornton Tolliver Trevane Umber Underhill Vance
    Varga Vaughan Vickers Waldron Warwick Westbrook Whitlock Winslow Wolcott Wyndham Yarrow
    Yates Zimmer"""
)

CITIES = _words(
    """Almere Arvola Bexley Brinmoor Calvera Corran Delmora Dunholt Elvast Eskford Fennick
    Galdane Halmar Hollowby Irvane Jarrow Keldon Kirova Lanport Lorwick Marsten Melbury
    Nordhaven Norvale Oakmere Ostrava Pellham Portsay Quenby Ravenna Rindale Sandmoor Selby
    Stonebridge Tarnow Thornby Ullswick Upton Valmont Verdane Westerly Wexham Winmore Yarmouth
    Zellane Zorin"""
)

JOBS = _words(
    """baker barber botanist builder butcher carpenter chemist clerk composer cook dancer dentist
    doctor driver farmer florist gardener glazier jeweller judge lawyer librarian mason
    mechanic midwife miner nurse painter pilot plumber poet potter printer sailor sculptor
    singer surgeon tailor teacher translator vet waiter weaver welder"""
)

PETS = _words(
    """cat dog parrot rabbit hamster tortoise canary goat pony ferret goldfish snake lizard duck
    hen donkey"""
)

HOBBIES = _words(
    """archery astronomy baking chess climbing cycling drawing fencing fishing hiking juggling
    kayaking knitting origami photography pottery rowing running sailing sewing skating skiing
    surfing swimming tennis yoga"""
)

FOODS = _words(
    """apples bread cheese cherries chocolate curry dumplings figs honey lasagne lentils
    mushrooms noodles olives pancakes peaches pears pizza plums porridge ramen risotto salad
    soup"""
)

BRANDS = _words(
    """Aerion Altus Borealis Brevo Cirro Corvex Dalia Deltan Ember Fjord Halcyon Helio Indra
    Jovian Kairo Kobalt Lumen Lyra Maren Mistral Nimbus Novar Onyx Orbit Pallas Pixel Quasar
    Rhea Sable Sirius Solace Strata Tempo Terra Triton Umbra Vesper Vireo Zenit Zephyr"""
)

GOODS = _words(
    """lamp kettle clock chair table bottle radio camera jacket tent backpack bicycle blender
    toaster heater fan printer keyboard mirror pillow blanket carpet ladder drill hammer
    helmet racket guitar drum piano basket bucket teapot mug plate scarf umbrella wallet
    notebook telescope"""
)

COLOURS = _words("""red blue green yellow black white orange purple brown grey pink silver""")

MATERIALS = _words(
    """wood steel glass leather cotton wool plastic copper bamboo marble rubber clay"""
)

DAYS = _words("""Monday Tuesday Wednesday Thursday Friday Saturday Sunday""")

STATUSES = _words("""packed shipped delayed delivered returned cancelled paid lost""")

TEAMS = _words("""Falcon Badger Otter Heron Lynx Marten Osprey Puffin Raven Stork""")

ITEMS = _words(
    """apples books coins cards pens stamps shells marbles stickers buttons plums candles tickets
    beads"""
)

PLACES = _words(
    """garden harbour library market mill museum park river school square station tower"""
)

LABELS = _words(
    """blick dax fep gorp huld jeb kiv lorp mib nard plim quaz rolt sind tovu vek wug yom zib
    trel brin cush drell flim gant hask jorn klim lund morv nelk pont rusk skel tarn vosh welp
    yint zorb crid"""
)

OFFICE = _words(
    """account action address amount branch buyer cause channel claim client comment contract
    country credit currency customer date detail discount email entry fault field folder full
    function group handling hour invoice issue level login member method model mood name
    number object office order owner payment phone place priority profile quantity queue rank
    reason receiver refund region result risk score section sender shelf source stage state
    stock store street summary target tax ticket title total unit urgent user value vendor
    weight worker"""
)

TOPICS = ("price", "delivery", "quality", "service")
SENTIMENTS = ("positive", "negative")
