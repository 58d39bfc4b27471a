"""What a question finds in the words of a model, and how these stand beside those of people."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from mediaindex.config import SearchSettings
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.pipeline.embed_text import EmbedText
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.sync import Sync
from mediaindex.search.calibration import read_calibration, refresh_calibration
from mediaindex.search.engine import Engine
from mediaindex.search.hits import Answer, Hit
from mediaindex.search.parse import parse
from mediaindex.search.retrieve import Each
from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset, save_metadata, save_moments
from mediaindex.store.captions import save_caption
from mediaindex.store.database import Database
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.types import Caption, Metadata, PersonWords
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes
from tests.conftest import NOW, ORIGIN, insert_asset, plain

RED, GREEN, BLUE, GREY = (200, 30, 30), (50, 150, 50), (40, 80, 200), (128, 128, 128)
COLOUR = ColourEmbedder()
Ask = Callable[..., Answer]
Colour = tuple[int, int, int]


class Library:
    """Assets with pictures of one colour each, and words."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.indexes = Indexes(ExactIndex(folder / "e"), Facets(folder / "f"), None, 0)

    def add(
        self,
        name: str,
        *seen: tuple[Colour, Caption | None],
        told: str = "",
        summary: Caption | None = None,
    ) -> int:
        """Add a photo, or a video where it has several moments, of a second each."""
        with self.database.write() as session:
            kind = "photo" if name.endswith(".jpg") else "video"
            asset_id = insert_asset(session, name, kind=kind)
            spans = [(at * 1000, at * 1000 + 1000, at * 1000) for at in range(len(seen))]
            save_moments(session, asset_id, spans)
            words = (PersonWords("title", told, "xmp"),) if told else ()
            save_metadata(session, asset_id, Metadata(words=words), None)
            self._look(session, asset_id, [colour for colour, _ in seen])
            moments = [moment for moment, _ in moments_by_asset(session, [asset_id])[asset_id]]
            said = [*zip(moments, (caption for _, caption in seen), strict=True), (None, summary)]
            for moment_id, caption in said:
                if caption is not None:
                    save_caption(session, asset_id, moment_id, "1", caption, ORIGIN, NOW)
        return asset_id

    def ask(self, words: str, each: Each = "asset", limit: int = 20) -> Answer:
        """Embed what is new and answer."""
        stage = EmbedText(Model(ColourEmbedder))
        Runner(self.database, [stage]).run(threading.Event())
        sync = Sync(self.database, [self.indexes.exact], self.indexes.facets)
        while sync.step():
            pass
        engine = Engine(self.database, self.indexes, COLOUR, SearchSettings())
        return engine.answer(parse(words, NOW.date(), ()), None, limit, each)

    def calibrate(self) -> bool:
        """Learn what chance looks like."""
        self.ask("red")
        return refresh_calibration(self.database, COLOUR, lambda _: None)

    def _look(self, session: Session, asset_id: int, colours: list[Colour]) -> None:
        moments = [moment for moment, _ in moments_by_asset(session, [asset_id])[asset_id]]
        vectors = COLOUR.embed_images([plain(*colour) for colour in colours])
        space = open_space(session, COLOUR.model_id, "picture", COLOUR.dim)
        replace_embeddings(session, space, moments, moments, vectors)
        for stage in ("decode", "embed"):
            jobs.mark_done(session, asset_id, stage, COLOUR.model_id, NOW, redo=())


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    return Library(database, tmp_path)


def names(answer: Answer) -> list[str]:
    return [Path(hit.shown.paths[0]).name for hit in answer.hits]


def seconds(answer: Answer) -> list[tuple[int, int]]:
    return [(hit.shown.start_ms // 1000, hit.shown.end_ms // 1000) for hit in answer.hits]


def reasons(hit: Hit) -> dict[str, str | None]:
    return {reason.by: reason.source for reason in hit.why}


CAKE = Caption("A child in front of a red cake.", ("cake", "child"), "", "kitchen")
BANNER = Caption("A wall.", ("wall",), "HAPPY BIRTHDAY\nANNA", "room")


@pytest.mark.parametrize("words", ['"happy birthday"', 'red "happy birthday"'])
@pytest.mark.parametrize("each", ["asset", "moment"])
def test_banner_is_found_and_the_second_that_shows_it(
    library: Library, words: str, each: Each
) -> None:
    library.add("cake.jpg", (RED, CAKE))
    library.add("banner.jpg", (GREY, BANNER))
    library.add("party.mp4", (RED, CAKE), (RED, CAKE), (GREY, BANNER), (RED, CAKE))

    answer = library.ask(words, each)

    assert sorted(names(answer)) == ["banner.jpg", "party.mp4"]
    assert sorted(seconds(answer)) == [(0, 1), (2, 3)]
    for hit in answer.hits:
        assert reasons(hit)["words"] == "seen"
        assert hit.shown.caption is not None
        assert hit.shown.caption.caption == BANNER


def test_other_filters_hold_beside_what_is_said(library: Library) -> None:
    for folder in ("Trip", "Home"):
        library.add(f"{folder}/party.mp4", (RED, CAKE), (GREY, BANNER))
        library.add(f"{folder}/banner.jpg", (GREY, BANNER), told="at home")

    found = library.ask('red "happy birthday" in:Trip -home', "moment")

    assert [hit.shown.paths for hit in found.hits] == [("/photos/Trip/party.mp4",)]
    assert seconds(found) == [(1, 2)]


def test_moments_that_say_all_and_follow_each_other_are_one_stretch(library: Library) -> None:
    wall, sign = (GREY, BANNER), (BLUE, Caption("A sign.", (), "Happy Birthday!"))
    library.add("party.mp4", (RED, CAKE), wall, sign, wall, (RED, CAKE), sign)

    assert sorted(seconds(library.ask('"happy birthday"', "moment"))) == [(1, 4), (5, 6)]


def test_words_without_quotes_show_the_moment_that_says_all_of_them(library: Library) -> None:
    library.add("party.mp4", (RED, None), (GREY, Caption("A red kite.")), (RED, None))

    assert seconds(library.ask("red kite")) == [(1, 2)]
    assert seconds(library.ask("red")) == [(1, 2)]
    assert seconds(library.ask("green kite")) == [(1, 2)]


def test_phrase_that_a_person_wrote_holds_for_every_moment(library: Library) -> None:
    library.add("party.mp4", (RED, None), (GREY, BANNER), (BLUE, None), told="happy birthday")

    assert seconds(library.ask('"happy birthday"')) == [(1, 2)]
    assert seconds(library.ask('blue "happy birthday"')) == [(2, 3)]
    assert len(library.ask('blue "happy birthday"', "moment").hits) > 1


def test_several_phrases_may_be_said_by_several_moments_of_a_video(library: Library) -> None:
    library.add("party.mp4", (RED, CAKE), (GREY, BANNER), told="at grandma's")

    assert names(library.ask('"happy birthday" "red cake"')) == ["party.mp4"]
    assert library.ask('"happy birthday" "red cake"', "moment").hits == ()
    assert seconds(library.ask('"happy birthday" "at grandma"', "moment")) == [(1, 2)]


@pytest.mark.parametrize("each", ["asset", "moment"])
def test_exclusion_leaves_out_the_moments_that_say_it(library: Library, each: Each) -> None:
    library.add("cake.jpg", (RED, CAKE))
    library.add("red.jpg", (RED, None))
    library.add("all cake.mp4", (RED, CAKE), (RED, CAKE))
    library.add("some cake.mp4", (RED, CAKE), (RED, None), (GREY, BANNER))
    library.add("told.mp4", (RED, None), (RED, None), told="our cake")

    answer = library.ask("red -cake -wall", each)

    # The name of a file says so too.
    assert sorted(names(answer)) == ["red.jpg"]

    library.add("party.mp4", (RED, CAKE), (RED, None), (GREY, BANNER))
    answer = library.ask("red -cake -wall", each)

    assert sorted(names(answer)) == ["party.mp4", "red.jpg"]
    assert sorted(seconds(answer)) == [(0, 1), (1, 2)]
    assert sorted(seconds(library.ask("kind:video -cake -wall", each))) == [(1, 2)]


def test_excluding_acts_before_the_cut_off(library: Library) -> None:
    for number in range(260):
        library.add(f"{number}.jpg", (RED, CAKE))
    library.add("last.jpg", ((190, 60, 60), None))

    assert names(library.ask("red -cake", limit=3)) == ["last.jpg"]


def test_many_moments_that_say_the_same_starve_no_other(library: Library) -> None:
    library.add("long.mp4", *[(GREY, Caption("A kite."))] * 900)
    library.add("short.mp4", (GREY, Caption("A kite, far away over the sea in the evening.")))

    assert sorted(names(library.ask("kite"))) == ["long.mp4", "short.mp4"]


SHORT = "a birthday party in the garden"
LONG = f"We all were there. {SHORT}. " + "And then we went home, all of us. " * 30


@pytest.mark.parametrize("written", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("said", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("person_first", [True, False])
@pytest.mark.parametrize("colour", ["", "red "], ids=["words only", "with a colour"])
@pytest.mark.parametrize("each", ["asset", "moment"])
def test_person_outranks_the_machine(
    library: Library, written: str, said: str, person_first: bool, colour: str, each: Each
) -> None:
    machine = Caption(f"{colour}{said}", ("birthday", "party", "garden"))

    def by_person() -> None:
        library.add("person.jpg", (RED, Caption("A red table.")), told=f"{colour}{written}")

    def by_machine() -> None:
        for number in range(3):
            library.add(f"machine {number}.jpg", (RED, machine))
        library.add("machine.mp4", (RED, machine), (GREY, machine), summary=machine)

    for add in (by_person, by_machine) if person_first else (by_machine, by_person):
        add()

    assert names(library.ask(f"{colour}birthday party", each))[0] == "person.jpg"


def test_caption_finds_what_it_means_and_shows_its_second(library: Library) -> None:
    library.add("a.jpg", (GREY, Caption("It is crimson.")))
    library.add("c.mp4", (GREY, None), (GREY, Caption("Scarlet!")), (GREY, None))
    library.add("b.jpg", (GREY, Caption("It is green.")))

    answer = library.ask("red")

    found = dict(zip(names(answer), answer.hits, strict=True))
    assert set(names(answer)[:2]) == {"a.jpg", "c.mp4"}
    (caption,) = [reason for reason in found["a.jpg"].why if reason.by == "caption"]
    assert caption.similarity == pytest.approx(1.0, abs=0.01)
    video = [hit for hit in library.ask("red", "moment").hits if hit.shown.kind == "video"]
    assert video[0].shown.at_ms == 1000


def test_summary_speaks_for_the_whole_video(library: Library) -> None:
    summary = Caption("All is purple.")
    library.add("a.mp4", (GREY, None), ((130, 50, 160), None), (GREY, None), summary=summary)

    (hit,) = library.ask("violet").hits

    assert hit.shown.at_ms == 1000
    assert {"picture", "caption"} <= set(reasons(hit))
    assert hit.shown.summary is not None
    assert hit.shown.summary.caption == summary
    assert hit.shown.caption is None


def test_caption_by_chance_does_not_count(library: Library) -> None:
    shades = np.random.default_rng(3)
    for number in range(40):
        colour: Colour = (int(shades.integers(90, 160)), 128, 128)
        library.add(f"{number}.jpg", (colour, Caption("A grey wall, a black floor.")))
    library.add("answer.jpg", (GREY, Caption("Orange!")))

    assert library.calibrate()
    assert not library.calibrate()
    assert read_calibration(library.database, COLOUR.model_id, "caption") is not None

    answer = library.ask("orange")
    found = dict(zip(names(answer), answer.hits, strict=True))
    assert [name for name, hit in found.items() if "caption" in reasons(hit)] == ["answer.jpg"]


def test_no_captions_change_nothing(library: Library) -> None:
    library.add("person.jpg", (GREY, None), told="a red kite")
    library.add("red.jpg", (RED, None))

    answer = library.ask("red kite")

    assert sorted(names(answer)) == ["person.jpg", "red.jpg"]
    assert answer.hits[0].score <= 1
    assert all("caption" not in reasons(hit) for hit in answer.hits)
