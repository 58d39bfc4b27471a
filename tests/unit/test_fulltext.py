import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.search.retrieve import Asked, matching_words
from mediaindex.store import fulltext
from mediaindex.store.assets import save_metadata
from mediaindex.store.captions import save_caption
from mediaindex.store.documents import refresh_caption, refresh_document
from mediaindex.store.filters import Filter
from mediaindex.store.fulltext import (
    Passage,
    all_phrases,
    all_words,
    any_word,
    match,
    passages,
)
from mediaindex.store.tables import AssetRow, DocumentRow, MomentRow
from mediaindex.types import Caption, Metadata, PersonWords, Place
from tests.conftest import NOW, ORIGIN, AddAsset

LISBON = Place(
    1, "Lisbon", None, "Portugal", "PT", 38.7, -9.1, 500_000, "Europe/Lisbon", ("Lisboa",)
)


def told(text: str) -> Metadata:
    return Metadata(words=(PersonWords("description", text, "xmp"),))


def moment_of(session: Session, asset_id: int) -> int:
    return session.scalars(select(MomentRow.id).filter_by(asset_id=asset_id)).one()


def found(session: Session, words: str) -> list[int]:
    return [item.asset_id for item in match(session, any_word(words) or "", Filter(), 10)]


def test_word_is_found_in_any_form_and_case(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    save_metadata(session, asset_id, told("Blowing out the Candles"), None)

    assert found(session, "candle") == [asset_id]
    assert found(session, "elephant") == []


def passage(session: Session, words: str) -> str:
    expression = any_word(words) or ""
    document = match(session, expression, Filter(), 1)[0].document_id
    return passages(session, expression, [document])[document].text


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

    assert passage(session, "boat") == "We saw a red «boat»"


@pytest.mark.parametrize(
    ("text", "asked", "shown"),
    [
        ("東京タワー 2019年 の夜 view", "東京", "«東京»タワー 2019年 の夜 view"),
        ("東京タワー", "東 タ", "«東»京«タ»ワー"),
        ("a  red boat", "red", "a  «red» boat"),
    ],
)
def test_passage_is_as_it_was_written(
    text: str, asked: str, shown: str, session: Session, add_asset: AddAsset
) -> None:
    save_metadata(session, add_asset(), told(text), None)

    assert passage(session, asked) == shown


SHORT, LONG = (
    "a red boat",
    "on a lake far away we saw a red boat and many things. " + "words " * 400,
)


@pytest.mark.parametrize("written", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("said", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("person_first", [True, False])
@pytest.mark.parametrize("words", ["boat", "red boat"])
def test_person_outranks_what_was_read_and_that_what_was_described(
    session: Session, add_asset: AddAsset, written: str, said: str, person_first: bool, words: str
) -> None:
    for number in range(20):
        refresh_document(session, add_asset(f"other {number}.jpg"))
    ids = [add_asset(name) for name in ("1.jpg", "2.jpg", "3.jpg")]
    told_of, read, described = ids if person_first else reversed(ids)
    save_metadata(session, told_of, told(written), None)
    refresh_caption(session, read, moment_of(session, read), Caption("A picture.", (), said))
    refresh_caption(session, described, moment_of(session, described), Caption(said))

    candidates = matching_words(session, Asked(any_word(words), all_words(words)), Filter(), 10)

    assert [candidate.asset_id for candidate in candidates] == [told_of, read, described]


def test_caption_takes_nothing_from_what_a_person_wrote(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset()
    save_metadata(session, asset_id, told("my boat"), None)

    said = Caption("A ship.", ("sea",), "HMS Anna", "harbour")
    save_caption(session, asset_id, None, "1", said, ORIGIN, NOW)
    save_metadata(session, asset_id, told("my boat"), None)

    assert all(found(session, word) == [asset_id] for word in ("boat", "ship", "sea", "anna"))
    row = session.scalars(select(DocumentRow)).one()
    assert (row.person, row.machine, row.seen) == ("my boat", "A ship.\nsea\nharbour", "HMS Anna")


def test_passage_tells_who_says_so(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset("banner.jpg")
    refresh_caption(
        session,
        asset_id,
        moment_of(session, asset_id),
        Caption("A happy child.", (), "HAPPY BIRTHDAY"),
    )
    (hit,) = match(session, any_word("happy birthday") or "", Filter(), 10)

    said = passages(session, any_word("happy birthday") or "", [hit.document_id])

    assert said[hit.document_id] == Passage("seen", "«HAPPY» «BIRTHDAY»")


def test_every_column_has_a_weight() -> None:
    columns = {column.key for column in DocumentRow.__table__.columns}

    assert set(fulltext.COLUMN_WEIGHTS) == columns - {"id", "asset_id", "moment_id"}
    assert set(fulltext.TRUST) == set(fulltext.COLUMN_WEIGHTS)


def test_words_that_very_many_documents_hold_are_left_to_the_others(session: Session) -> None:
    made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
    for number in range(30):
        asset = AssetRow(sha256=f"many {number}", **made)
        session.add(asset)
        session.flush()
        said = "a dog on a beach" if number < 2 else "a beach"
        session.add(DocumentRow(asset_id=asset.id, machine=said))
    session.flush()

    assert fulltext.rarer(session, "dog beach") == "dog beach"
    assert fulltext.rarer(session, "a dog") == "dog"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fulltext, "FEW_DOCUMENTS", 5)
        assert fulltext.rarer(session, "dog on beach!") == "dog"
        assert fulltext.rarer(session, "beach") == "beach"
        # What nobody says anywhere cannot stand for the rest.
        assert fulltext.rarer(session, "cat beach") == "cat beach"
        assert fulltext.rarer(session, "the beach") == "the beach"
        assert fulltext.rarer(session, "? beach") == "? beach"
