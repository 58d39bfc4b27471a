import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.store import fulltext
from mediaindex.store.assets import save_metadata
from mediaindex.store.filters import Filter
from mediaindex.store.fulltext import all_phrases, any_word, match, refresh_document
from mediaindex.store.tables import DocumentRow
from mediaindex.types import Metadata, PersonWords, Place
from tests.conftest import AddAsset

LISBON = Place(
    1, "Lisbon", None, "Portugal", "PT", 38.7, -9.1, 500_000, "Europe/Lisbon", ("Lisboa",)
)


def told(text: str) -> Metadata:
    return Metadata(words=(PersonWords("description", text, "xmp"),))


def found(session: Session, words: str) -> list[int]:
    return [item.asset_id for item in match(session, any_word(words) or "", Filter(), 10)]


def test_word_is_found_in_any_form_and_case(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    save_metadata(session, asset_id, told("Blowing out the Candles"), None)

    assert found(session, "candle") == [asset_id]
    assert found(session, "elephant") == []


@pytest.mark.parametrize("words", ["café", "CAFE", "cafe"])
def test_accents_do_not_matter(session: Session, add_asset: AddAsset, words: str) -> None:
    asset_id = add_asset()
    save_metadata(session, asset_id, told("In the café"), None)

    assert found(session, words) == [asset_id]


def test_what_a_person_wrote_outranks_a_name(session: Session, add_asset: AddAsset) -> None:
    for number in range(20):
        refresh_document(session, add_asset(f"other {number}.jpg"))
    named, written = add_asset("birthday.jpg"), add_asset("b.jpg")
    save_metadata(session, named, Metadata(), None)
    save_metadata(session, written, told("birthday of my oldest friend in the old town"), None)

    assert found(session, "birthday") == [written, named]


@pytest.mark.parametrize(
    "words", ["holiday", "BirthdayParty", "party", "2019", "IMG_0042", "img 0042"]
)
def test_names_of_files_and_folders_are_found(
    session: Session, add_asset: AddAsset, words: str
) -> None:
    asset_id = add_asset("Holiday 2019/BirthdayParty_IMG_0042.jpg")
    refresh_document(session, asset_id)

    assert found(session, words) == [asset_id]


def test_place_is_found_by_its_other_names(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    save_metadata(session, asset_id, Metadata(), LISBON)

    assert [found(session, word) for word in ("lisboa", "portugal")] == [[asset_id]] * 2


def test_words_in_scripts_without_spaces_are_found(session: Session, add_asset: AddAsset) -> None:
    asset_id, other = add_asset("a.jpg"), add_asset("b.jpg")
    save_metadata(session, asset_id, told("京都の桜と寺"), None)
    save_metadata(session, other, told("東京の寺"), None)

    assert found(session, "京都") == [asset_id]


def test_little_words_find_nothing_beside_others(session: Session, add_asset: AddAsset) -> None:
    save_metadata(session, add_asset(), told("the end of the road"), None)

    assert found(session, "the dog on the beach") == []
    assert found(session, "the") != []


@pytest.mark.parametrize("words", ['"', "AND", "NEAR(", "a:b", "*", "-", "^", "col:", "'; --", ""])
def test_what_looks_like_query_language_is_only_words(
    session: Session, add_asset: AddAsset, words: str
) -> None:
    add_asset()
    expression = any_word(words)

    assert expression is None or match(session, expression, Filter(), 10) == []


def test_phrase_must_stand_literally(session: Session, add_asset: AddAsset) -> None:
    asset_id, other = add_asset("a.jpg"), add_asset("b.jpg")
    save_metadata(session, asset_id, told("A happy birthday!"), None)
    save_metadata(session, other, told("birthday, happy"), None)

    phrases = all_phrases(["happy birthday"])

    assert phrases is not None
    assert [hit.asset_id for hit in match(session, phrases, Filter(), 10)] == [asset_id]


def test_filter_acts_inside_and_does_not_starve(session: Session, add_asset: AddAsset) -> None:
    for number in range(30):
        save_metadata(session, add_asset(f"{number}.jpg"), told("boat boat boat"), None)
    wanted = add_asset("trip/last.jpg")
    save_metadata(session, wanted, told("a boat, among many other things"), None)

    hits = match(session, "boat", Filter(folders=("trip",)), 1)

    assert [hit.asset_id for hit in hits] == [wanted]


def test_changed_words_replace_the_old(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    save_metadata(session, asset_id, told("horse"), None)
    save_metadata(session, asset_id, told("zebra"), None)

    assert (found(session, "horse"), found(session, "zebra")) == ([], [asset_id])
    assert len(session.scalars(select(DocumentRow)).all()) == 1


def test_passage_shows_the_words(session: Session, add_asset: AddAsset) -> None:
    save_metadata(session, add_asset(), told("We saw a red boat"), None)

    assert "«boat»" in match(session, "boat", Filter(), 1)[0].passage


@pytest.mark.parametrize(
    ("text", "asked", "passage"),
    [
        ("東京タワー 2019年 の夜 view", "東京", "«東京»タワー 2019年 の夜 view"),
        ("東京タワー", "東 タ", "«東»京«タ»ワー"),
        ("a  red boat", "red", "a  «red» boat"),
    ],
)
def test_passage_is_as_it_was_written(
    text: str, asked: str, passage: str, session: Session, add_asset: AddAsset
) -> None:
    save_metadata(session, add_asset(), told(text), None)

    assert match(session, any_word(asked) or "", Filter(), 1)[0].passage == passage


def test_every_column_has_a_weight() -> None:
    columns = {column.key for column in DocumentRow.__table__.columns}

    assert set(fulltext.COLUMN_WEIGHTS) == columns - {"id", "asset_id", "moment_id"}
