import pytest

from mediaindex.search.where import find_place, reach_km
from mediaindex.types import Place


def place(
    id_: int,
    name: str,
    country: str,
    position: tuple[float, float],
    population: int,
    region: str | None = None,
    other_names: tuple[str, ...] = (),
) -> Place:
    latitude, longitude = position
    return Place(
        id=id_,
        name=name,
        region=region,
        country=country,
        country_code="XX",
        latitude=latitude,
        longitude=longitude,
        population=population,
        time_zone="UTC",
        other_names=other_names,
    )


LISBON = place(
    1, "Lisbon", "Portugal", (38.72, -9.13), 517_802, other_names=("Lisboa", "Lissabon", "리스본")
)
AMADORA = place(2, "Amadora", "Portugal", (38.75, -9.23), 178_858)
PORTO = place(3, "Porto", "Portugal", (41.15, -8.61), 249_633)
NEW_YORK = place(4, "New York City", "United States", (40.71, -74.0), 8_175_133, "New York")
ALBANY = place(5, "Albany", "United States", (42.65, -73.75), 98_469, "New York")
PARIS = place(6, "Paris", "France", (48.85, 2.35), 2_138_551)
PARIS_TEXAS = place(7, "Paris", "United States", (33.66, -95.55), 24_171, "Texas")
NICE = place(8, "Nice", "France", (43.7, 7.26), 342_669)
DAWN = place(9, "Fajar", "Singapore", (1.38, 103.77), 26_420, other_names=("Dawn",))
ORANGE = place(10, "Orange", "France", (44.13, 4.8), 28_948)
SAO_PAULO = place(11, "São Paulo", "Brazil", (-23.55, -46.63), 10_021_295)
KONSTANZ = place(12, "Konstanz", "Germany", (47.66, 9.17), 81_275)
KREUZLINGEN = place(13, "Kreuzlingen", "Switzerland", (47.65, 9.17), 21_990)
LONDON = place(14, "London", "United Kingdom", (51.5, -0.12), 8_961_989)

PLACES = (
    LISBON, AMADORA, PORTO, NEW_YORK, ALBANY, PARIS, PARIS_TEXAS, NICE, DAWN, ORANGE, SAO_PAULO,
    KONSTANZ, KREUZLINGEN, LONDON,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "meant"),
    [
        ("dog in Lisbon", "in Lisbon", (LISBON, AMADORA)),
        ("dog IN LISBON at night", "IN LISBON", (LISBON, AMADORA)),
        ("party at lisboa, with cake", "at lisboa", (LISBON, AMADORA)),
        ("from 리스본", "from 리스본", (LISBON, AMADORA)),
        ("near Amadora", "near Amadora", (AMADORA,)),
        ("in Portugal", "in Portugal", (LISBON, AMADORA, PORTO)),
        ("in New York City", "in New York City", (NEW_YORK,)),
        ("in New York", "in New York", (NEW_YORK,)),
        ("in the USA", "in the USA", (NEW_YORK, ALBANY, PARIS_TEXAS)),
        ("in the US", "in the US", (NEW_YORK, ALBANY, PARIS_TEXAS)),
        ("in texas", "in texas", (PARIS_TEXAS,)),
        ("in England", "in England", (LONDON,)),
        ("in Paris", "in Paris", (PARIS, PARIS_TEXAS)),
        ("in Paris, Texas", "in Paris, Texas", (PARIS_TEXAS,)),
        ("in Paris, France in the rain", "in Paris, France", (PARIS,)),
        ("in Paris, Lisbon", "in Paris", (PARIS, PARIS_TEXAS)),
        ("in Lisbon or Porto", "in Lisbon or Porto", (LISBON, AMADORA, PORTO)),
        ("in Lisbon and in Porto", "in Lisbon and in Porto", (LISBON, AMADORA, PORTO)),
        ("in sao paulo", "in sao paulo", (SAO_PAULO,)),
        ("in Sa\u0303o Paulo", "in Sa\u0303o Paulo", (SAO_PAULO,)),
        ("in Germany", "in Germany", (KONSTANZ,)),
        ("in Konstanz", "in Konstanz", (KONSTANZ, KREUZLINGEN)),
        ("in Nice", "in Nice", (NICE,)),
        ("a woman in orange in Orange", "in Orange", (ORANGE,)),
        ("in bed in London", "in London", (LONDON,)),
    ],
)
def test_known_places_after_a_preposition_are_found(
    text: str, said: str, meant: tuple[Place, ...]
) -> None:
    found = find_place(text, PLACES)

    assert found is not None
    assert text[slice(*found.span)] == said
    assert found.ids == tuple(sorted(place.id for place in meant))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "in",
        "in ",
        "in the",
        "Lisbon",
        "nice beach",
        "in nice weather",
        "a woman in orange",
        "at dawn",
        "from us",
        "in Berlin",
        "within Lisbon",
        "inLisbon",
        "in Lisbonne-sur-mer",
    ],
)
def test_anything_else_is_no_place(text: str) -> None:
    assert find_place(text, PLACES) is None


def test_library_without_places_knows_none() -> None:
    assert find_place("in Lisbon", ()) is None


def test_what_is_meant_is_told_with_the_largest_first() -> None:
    found, many = find_place("in texas", PLACES), find_place("in the USA or Lisbon", PLACES)

    assert found is not None
    assert found.name == "Paris, Texas, United States"
    assert many is not None
    assert many.name.startswith("New York City, New York, United States; Lisbon, Portugal; ")
    assert many.name.endswith("; 2 more")


def test_reach_grows_with_people_within_bounds() -> None:
    village, town, city = (place(1, "x", "y", (0, 0), people) for people in (0, 10**6, 10**8))

    assert reach_km(village) == 3
    assert reach_km(town) == pytest.approx(15)
    assert reach_km(city) == 40
