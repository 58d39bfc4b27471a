from sqlalchemy.orm import Session

from mediaindex.store.assets import known_places, save_metadata
from mediaindex.types import Metadata, Place
from tests.conftest import NOW, AddAsset


def place(number: int, name: str) -> Place:
    return Place(number, name, None, "Portugal", "PT", 38.7, -9.1, 1000, "Europe/Lisbon")


def test_only_places_with_pictures_that_may_be_shown_are_known(
    session: Session, add_asset: AddAsset
) -> None:
    taken = {"Lisbon": add_asset("a.jpg"), "Porto": add_asset("b.jpg")}
    taken["Faro"] = add_asset("c.jpg", missing_since=NOW)
    for number, (name, asset_id) in enumerate(taken.items()):
        save_metadata(session, asset_id, Metadata(), place(number, name))

    assert [found.name for found in known_places(session)] == ["Lisbon", "Porto"]
    save_metadata(session, taken["Porto"], Metadata(), None)
    assert [found.name for found in known_places(session)] == ["Lisbon"]
