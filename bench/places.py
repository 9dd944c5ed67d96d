"""Are names of places understood, and how many wrongly? Prints tables.

    python bench/places.py
    python bench/places.py FOLDER [--code ANOTHER/places.py]

Without a folder: the settlements of Two Rivers in data/raw. With one: its settlements_geonames.csv, villages_en_ru.csv and
districts_*.geojson (those that are there). ``--code`` measures another version of places.py in the same way.

By one name: the list holds each place by its first name alone, and is asked for every other name of it; many of these are
other words, not other spellings. Not in the list: the list lacks the place that is asked for, so whatever is found is wrong,
unless two places share a name. Slips: random letters wrong, missing, too many or exchanged; intervals are exact (95 %). Times
are of the processor, so that others at work on the machine do not count.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.stats import binomtest

import tensionmap.ingest.places
from tensionmap.errors import RawDataError

ROOT = Path(__file__).parents[1]
READABLE = re.compile(r"[\W\d_A-Za-z\u00c0-\u024f\u02b0-\u02ff\u1e00-\u1eff]+|[\W\d_\u0400-\u04ff]+")
DISTRICTS = {
    "districts_tj.geojson": ["DistrictE", "DistrictR"],
    "districts_kg.geojson": ["ADM2_EN", "ADM2_RU", "ADM2_KY"],
    "districts_kg_second.geojson": ["Adm2_EN", "Adm2_RU", "Adm2_KR"],
}
OUTCOMES = ("found, as spelt", "found, mended", "refused: may be two", "refused: unknown", "WRONG, as spelt", "WRONG, mended")
Names = dict[str, list[str]]


def code(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("other_places", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def of_two_rivers() -> Names:
    columns = ["settlement_id", "name", "name_local", "alternatives"]
    rows = gpd.read_file(ROOT / "data/raw/settlements.geojson")[columns].astype("str").fillna("")
    return {one: spellings(name, local, *others.split("|")) for one, name, local, others in rows.itertuples(index=False)}


def of_geonames(path: Path) -> Names:
    rows = pd.read_csv(path, dtype="str", keep_default_na=False)
    columns = zip(rows["geonameid"], rows["name"], rows["alternatenames"], strict=True)
    return {one: spellings(name, *others.split("|")) for one, name, others in columns}


def spellings(*names: str) -> list[str]:
    """Names in Latin or Cyrillic letters; what is written in other scripts no register here writes."""
    return [name for name in dict.fromkeys(names) if name and READABLE.fullmatch(name)]


def table(names: Names, kind: str = "village") -> pd.DataFrame:
    """SETTLEMENTS without what a gazetteer does not read."""
    rows = [(one, first, "", "|".join(others), kind, "") for one, (first, *others) in names.items()]
    return pd.DataFrame(rows, columns=["settlement_id", "name", "name_local", "alternatives", "kind", "district"])


def outcome(gazetteer: object, name: str, right: set[str]) -> str:
    try:
        found = gazetteer.find(name)  # type: ignore[attr-defined]
    except RawDataError as refused:
        return "refused: may be two" if "can mean" in str(refused) else "refused: unknown"
    return ("found, " if found.settlement_id in right else "WRONG, ") + ("mended" if found.is_fuzzy else "as spelt")


def fall_together(places: ModuleType, names: Names) -> None:
    def joined(name: str) -> str:
        return places.fold(name).replace(" ", "")

    pairs = [pair for own in names.values() for pair in combinations(own, 2)]
    bearers: dict[str, set[str]] = {}
    for one, own in names.items():
        for name in own:
            bearers.setdefault(joined(name), set()).add(one)
    shared = {pair for owners in bearers.values() for pair in combinations(sorted(owners), 2)}
    alike = sum(joined(one) == joined(other) for one, other in pairs)
    print(f"{len(names)} places, {sum(map(len, names.values()))} spellings")
    print(f"pairs of spellings of one place that fold alike: {alike} of {len(pairs)} ({alike / max(len(pairs), 1):.1%})")
    print(f"pairs of places that share a folded name: {len(shared)} of {len(names) * (len(names) - 1) // 2}")


def tally(title: str, found: Counter[str]) -> None:
    print(f"\n{title}: {found.total()} names")
    for what in OUTCOMES:
        low, high = binomtest(found[what], found.total()).proportion_ci()
        print(f"  {what:20} {found[what]:6} {found[what] / found.total():8.3%}  ({low:.3%} to {high:.3%})")


def bearing(places: ModuleType, names: Names) -> Callable[[str], set[str]]:
    bearers: dict[str, set[str]] = {}
    for one, own in names.items():
        for name in own:
            bearers.setdefault(places.fold(name), set()).add(one)
    return lambda name: bearers[places.fold(name)]


def by_one_name(places: ModuleType, names: Names) -> Counter[str]:
    gazetteer = places.read_gazetteer(table({one: own[:1] for one, own in names.items()}))
    right = bearing(places, names)
    return Counter(outcome(gazetteer, name, right(name)) for own in names.values() for name in own[1:])


def not_in_the_list(places: ModuleType, names: Names) -> Counter[str]:
    found: Counter[str] = Counter()
    for one, own in names.items():
        gazetteer = places.read_gazetteer(table({other: theirs for other, theirs in names.items() if other != one}))
        found.update(outcome(gazetteer, name, set()) for name in own)
    return found


def slipped(name: str, slips: int, rng: np.random.Generator) -> str:
    """``name`` with so many slips, each in one of four ways; letters of the same script."""
    letters = list(name)
    keys = "абвгдежзийклмнопрстуфхцчшыьэюя" if re.search("[\u0400-\u04ff]", name) else "abcdefghijklmnopqrstuvwxyz"
    for _ in range(slips):
        at, how, key = int(rng.integers(len(letters))), int(rng.integers(4)), str(rng.choice(list(keys)))
        if how == 0:
            letters[at] = key
        elif how == 1:
            letters.insert(at, key)
        elif how == 2 and len(letters) > 1:
            del letters[at]
        elif at:
            letters[at - 1], letters[at] = letters[at], letters[at - 1]
    return "".join(letters)


def with_slips(places: ModuleType, names: Names, slips: int, draws: int) -> Counter[str]:
    gazetteer = places.read_gazetteer(table(names))
    right, rng = bearing(places, names), np.random.default_rng(slips)
    own = [name for spelt in names.values() for name in spelt]
    drawn = [str(name) for name in rng.choice(own, draws)]
    return Counter(outcome(gazetteer, slipped(name, slips, rng), right(name)) for name in drawn)


def villages(places: ModuleType, path: Path) -> None:
    rows = pd.read_csv(path, dtype="str").reset_index(names="number").astype("str")
    english = dict(zip(rows["number"], rows["name_en"].map(lambda name: [name]), strict=True))
    gazetteer = places.read_gazetteer(table(english))
    pairs = list(zip(rows["number"], rows["name_en"], rows["name_ru"], strict=True))
    print(f"\nEnglish and Russian names of {len(pairs)} villages")
    print(f"  fold alike: {sum(places.fold(one) == places.fold(other) for _, one, other in pairs)}")
    told = [(one, other, outcome(gazetteer, other, {number})) for number, one, other in pairs]
    for what, count in sorted(Counter(what for *_, what in told).items()):
        missed = ", ".join(f"{one} / {other}" for one, other, found in told if found == what and what != "found, as spelt")
        print(f"  {what:20} {count:3}  {missed}")


def districts(places: ModuleType, path: Path, columns: list[str]) -> None:
    rows = gpd.read_file(path)[columns].astype("str")
    first = {str(number): [name] for number, name in enumerate(rows[columns[0]])}
    gazetteer = places.read_gazetteer(table(first, "district"))
    for column in columns[1:]:
        names = [f"{name} район" if name.endswith("ский") else name for name in rows[column]]
        told = [(name, outcome(gazetteer, name, {str(number)})) for number, name in enumerate(names)]
        print(f"\n{path.stem}: {columns[0]} in the list, asked by {column}, {len(told)} names")
        for what, count in sorted(Counter(what for _, what in told).items()):
            shown = [name for name, found in told if found == what and not found.startswith("found")]
            print(f"  {what:20} {count:3}  {', '.join(shown)}")


def invented(count: int) -> Iterator[tuple[str, list[str]]]:
    rng = np.random.default_rng(count)
    parts = [a + b + c for a in "bdghjklmnprstvz" for b in "aeiou" for c in ("", *"nrlk")]
    for number, picked in enumerate(rng.choice(parts, (count, 4))):
        yield f"p{number}", ["".join(picked[: 2 + number % 3]), "".join(picked[1:])]


def speed(places: ModuleType, names: Names, title: str) -> None:
    begun = time.process_time()
    gazetteer = places.read_gazetteer(table(names))
    reading = time.process_time() - begun
    rng = np.random.default_rng(7)
    asked = [slipped(str(name), 1, rng) for name in rng.choice([own[0] for own in names.values()], 300)]
    taken = []
    for name in asked:
        begun = time.process_time()
        outcome(gazetteer, name, set())
        taken.append(1000 * (time.process_time() - begun))
    print(f"  {title}: read in {reading:.2f} s; a lookup {statistics.median(taken):.3f} ms, at most {max(taken):.3f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--code", type=Path, help="another version of places.py")
    parser.add_argument("--draws", type=int, default=20_000, help="names with slips")
    options = parser.parse_args()
    places = code(options.code) if options.code else tensionmap.ingest.places
    names = of_geonames(options.folder / "settlements_geonames.csv") if options.folder else of_two_rivers()
    fall_together(places, names)
    tally("By one name", by_one_name(places, names))
    tally("Not in the list", not_in_the_list(places, names))
    for slips in (1, 2):
        tally(f"With {slips} slip{'s' * (slips > 1)}", with_slips(places, names, slips, options.draws))
    if options.folder and (options.folder / "villages_en_ru.csv").exists():
        villages(places, options.folder / "villages_en_ru.csv")
    for file, columns in DISTRICTS.items():
        if options.folder and (options.folder / file).exists():
            districts(places, options.folder / file, columns)
    print("\nTimes, names with one slip")
    speed(places, names, f"{len(names)} places")
    speed(places, dict(invented(100_000)), "100000 invented places")


if __name__ == "__main__":
    main()
