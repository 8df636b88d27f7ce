"""Facts that a pretrained model may know: countries and their capitals."""

_LISTED = """
France: Paris; Italy: Rome; Spain: Madrid; Portugal: Lisbon; Germany: Berlin; Austria: Vienna
Poland: Warsaw; Hungary: Budapest; Greece: Athens; Turkey: Ankara; Sweden: Stockholm
Norway: Oslo; Denmark: Copenhagen; Finland: Helsinki; Ireland: Dublin; Belgium: Brussels
Russia: Moscow; Ukraine: Kyiv; Romania: Bucharest; Bulgaria: Sofia; Serbia: Belgrade
Croatia: Zagreb; Egypt: Cairo; Kenya: Nairobi; Nigeria: Abuja; Ghana: Accra
Ethiopia: Addis Ababa; Morocco: Rabat; Algeria: Algiers; Japan: Tokyo; China: Beijing
South Korea: Seoul; Thailand: Bangkok; Vietnam: Hanoi; Indonesia: Jakarta; India: New Delhi
Pakistan: Islamabad; Nepal: Kathmandu; Iran: Tehran; Iraq: Baghdad; Canada: Ottawa
Mexico: Mexico City; Cuba: Havana; Brazil: Brasília; Argentina: Buenos Aires; Chile: Santiago
Peru: Lima; Colombia: Bogotá; Australia: Canberra; New Zealand: Wellington
"""
_PAIRS = [pair.split(": ") for pair in _LISTED.replace("\n", "; ").strip("; ").split("; ")]
CAPITALS = {pair[0]: pair[1] for pair in _PAIRS}
