"""From a parsed question to an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy.orm import Session

from mediaindex.config import SearchSettings
from mediaindex.embedders import Embedder
from mediaindex.search.calibration import Chances
from mediaindex.search.chance import (
    FEWEST_PICTURES,
    Calibration,
    better_than_chance,
    telling,
)
from mediaindex.search.evidence import Found, Places, described, found, places_of
from mediaindex.search.fuse import Fused, Ranking, combine_terms, fuse
from mediaindex.search.hits import Answer, Hit, Reason
from mediaindex.search.query import Query
from mediaindex.search.retrieve import (
    Asked,
    Candidate,
    Each,
    matching_words,
    nearest_moments,
    placed,
)
from mediaindex.search.spans import merged
from mediaindex.store import fulltext, moments
from mediaindex.store.database import Database
from mediaindex.store.embeddings import of_summaries, read_vectors, spaces_of
from mediaindex.store.filters import Filter
from mediaindex.store.names import looked_up
from mediaindex.types import Space, SpaceKind, Vectors
from mediaindex.vectors.indexes import Indexes

NEIGHBOURS = 5
"""So many moments are looked at for each hit that is wanted, where neighbours become one."""

DEPTH = 200
"""How far down each ranking fusion looks, at least."""


Spaces = Mapping[SpaceKind, Space]
"""What a model's vectors lie in, by kind."""


@dataclass(frozen=True)
class Engine:
    """Answers questions about one database. Safe from any thread if its embedder is."""

    database: Database
    indexes: Indexes
    #: The serving model's; None where it is not there: then words only.
    embedder: Embedder | None
    settings: SearchSettings
    chances: Chances = field(default_factory=Chances)

    def answer(
        self, query: Query, like: Vectors | None, limit: int, each: Each = "asset"
    ) -> Answer:
        """Return the best hits for a question in words, by a picture, or both.

        Args:
            query: The question; one without words but with a filter lists what passes.
            like: float32 (dim,), a picture's vector by the serving model, or None.
            limit: At most this many hits.
            each: `moment`: any number of moments of one video, those that follow each other as one.
        """
        words = self._vector(query, None)
        looks = words if like is None else self._vector(query, like)
        with self.database.read() as session:
            wanted = looked_up(session, _wanted(query, each))
            notes = [note.text for note in query.notes]
            if query.text or looks is not None:
                found = self._search(session, query, looks, words, wanted, limit, each)
            else:
                found = _newest(session, wanted, limit)
            if not found and looks is None and query.terms and not query.filter.is_empty:
                found = _newest(session, wanted, limit, weak=True)
                if found:
                    notes.append(f"nothing says {query.text!r}; this is what passes the filter")
            hits = self._hits(session, found, wanted)
            if each == "moment":
                hits = merged(hits)[:limit]
        if self.settings.weak == "drop":
            hits = [hit for hit in hits if not hit.weak]
        return Answer(
            hits=tuple(hits),
            notes=tuple(notes),
            no_good_match=bool(found) and all(hit.weak for hit in hits),
            model_id=self.embedder.model_id if looks is not None and self.embedder else None,
        )

    def _vector(self, query: Query, like: Vectors | None) -> Vectors | None:
        """Return where to look, float32 (dim,): terms and picture added, exclusions taken off."""
        if self.embedder is None:
            return None
        terms = [(term.text, term.weight) for term in query.terms]
        terms += [(phrase, 1.0) for phrase in query.phrases]
        # What says nothing to the model is left to the words: near to all, it would find anything.
        terms = [(text, weight) for text, weight in terms if self.embedder.split_text(text)]
        weights = [weight for _, weight in terms]
        parts = [self.embedder.embed_texts([text for text, _ in terms])] if terms else []
        if like is not None:
            parts.append(like[None, :])
            weights.append(1.0)
        if not parts:
            return None
        known = [text for text in query.excluded if self.embedder.split_text(text)]
        excluded = self.embedder.embed_texts(known) if known else None
        return combine_terms(np.concatenate(parts), weights, excluded)

    def _search(
        self,
        session: Session,
        query: Query,
        looks: Vectors | None,
        words: Vectors | None,
        wanted: Filter,
        limit: int,
        each: Each,
    ) -> list[Found]:
        if each == "moment":  # those that follow each other become one
            limit = limit * NEIGHBOURS
        depth = max(DEPTH, 2 * limit)
        spaces = {} if self.embedder is None else spaces_of(session, self.embedder.model_id)

        def near(kind: SpaceKind, vector: Vectors | None) -> list[Candidate]:
            if vector is None or kind not in spaces:
                return []
            return nearest_moments(session, self.indexes, spaces[kind], vector, wanted, depth, each)

        pictures = near("picture", looks)
        texts = self._telling(session, spaces, "text", near("text", words))
        captions = self._meant(session, spaces, near("caption", words), words)
        asked = _asked(session, query)
        spread: dict[str, list[Candidate]] = {
            "picture": pictures,
            "text": placed(_of_assets(texts), pictures),
            "caption": placed(captions, pictures),
            "words": placed(matching_words(session, asked, wanted, depth, each), pictures),
        }
        weights = {
            "picture": self.settings.picture_weight,
            "text": self.settings.text_weight,
            "caption": self.settings.caption_weight,
            "words": self.settings.words_weight,
        }
        rankings = {
            name: tuple(found.id(each) for found in candidates)
            for name, candidates in spread.items()
            if candidates
        }
        if "caption" in rankings:
            rankings["caption"] = described(spread["caption"], spread["words"], each)
        fused = fuse([Ranking(name, weights[name], ids) for name, ids in rankings.items()])
        places = places_of(spread, each, {item.id for item in fused[:limit]})
        if looks is words:  # Chance was measured with words; a picture is like in its own way.
            self._judge(session, spaces, places, looks)
        return self._found(session, fused[:limit], places, weights, asked)

    def _found(
        self,
        session: Session,
        fused: Sequence[Fused],
        places: Places,
        weights: Mapping[str, float],
        asked: Asked,
    ) -> list[Found]:
        saying = [places[item.id]["words"] for item in fused if "words" in places[item.id]]
        passages: dict[int, fulltext.Passage] = {}
        if asked.some is not None and saying:
            documents = [place.candidate.document_id for place in saying]
            passages = fulltext.passages(session, asked.some, documents)
        return [found(item, list(places[item.id].values()), weights, passages) for item in fused]

    def _telling(
        self, session: Session, spaces: Spaces, kind: SpaceKind, found: list[Candidate]
    ) -> list[Candidate]:
        """Leave out texts that are no nearer to this question than to any other.

        Few assets have words on them; the worst of a handful would rank with the best pictures.
        """
        calibration = self._calibration(session) if found else None
        if calibration is None:
            return found
        known, texts = _vectors(session, spaces[kind], found)
        scores = np.array([candidate.score for candidate in known], dtype=np.float32)
        tells = telling(calibration, texts, scores) if known else []
        return [candidate for candidate, good in zip(known, tells, strict=True) if good]

    def _meant(
        self, session: Session, spaces: Spaces, found: list[Candidate], question: Vectors | None
    ) -> list[Candidate]:
        """Leave out captions that are no nearer to the question than chance brings one.

        Where all is described, of a thousand captions some are near to any question whatever; only
        of a few it can be told by themselves (measured: tests/unit/test_chance.py).
        """
        if not found or question is None:
            return found
        summaries = of_summaries(session, [candidate.key for candidate in found])
        found = [one._replace(is_whole=one.key in summaries) for one in found]
        calibration = self._calibration(session, "caption")
        if calibration is None or calibration.sample < FEWEST_PICTURES:
            return self._telling(session, spaces, "caption", found)
        known, texts = _vectors(session, spaces["caption"], found)
        good = better_than_chance(calibration, question, texts) if known else []
        return [candidate for candidate, fine in zip(known, good, strict=True) if fine]

    def _judge(
        self, session: Session, spaces: Spaces, places: Places, question: Vectors | None
    ) -> None:
        """Mark pictures that are no nearer to the question than chance brings one."""
        pictures = [mine["picture"] for mine in places.values() if "picture" in mine]
        if not pictures or question is None or self.settings.weak == "off":
            return
        calibration = self._calibration(session)
        if calibration is None:
            return
        candidates = [place.candidate for place in pictures]
        known, vectors = _vectors(session, spaces["picture"], candidates)
        good = better_than_chance(calibration, question, vectors) if known else []
        weak = {one.key for one, fine in zip(known, good, strict=True) if not fine}
        for place in pictures:
            if place.candidate.key in weak:
                place.candidate = place.candidate._replace(weak=True)

    def _calibration(self, session: Session, kind: SpaceKind = "picture") -> Calibration | None:
        if self.embedder is None:
            return None
        return self.chances.of(session, self.embedder.model_id, kind)

    def _hits(self, session: Session, found: Sequence[Found], wanted: Filter) -> list[Hit]:
        shown = moments.show(session, [item.moment_id for item in found], wanted)
        return [
            Hit(
                shown[item.moment_id],
                item.score,
                _worth_saying(item.why),
                all(reason.weak for reason in item.why),
            )
            for item in found
            if item.moment_id in shown
        ]


def _vectors(
    session: Session, space: Space, found: Sequence[Candidate]
) -> tuple[list[Candidate], Vectors]:
    """Return those of `found` whose vectors are stored, and these, float32 (n, dim)."""
    keys, vectors = read_vectors(session, space, [candidate.key for candidate in found])
    places = {key: place for place, key in enumerate(keys.tolist())}
    known = [candidate for candidate in found if candidate.key in places]
    return known, vectors[[places[candidate.key] for candidate in known]]


def _of_assets(texts: Sequence[Candidate]) -> list[Candidate]:
    """Return the vectors of words as what they are so far: words of whole assets."""
    return [found._replace(is_whole=True) for found in texts]


def _newest(session: Session, wanted: Filter, limit: int, *, weak: bool = False) -> list[Found]:
    return [
        Found(moment_id, 1.0, (Reason("filter", rank, weak=weak),))
        for rank, (_, moment_id) in enumerate(moments.newest(session, wanted, limit), start=1)
    ]


def _wanted(query: Query, each: Each) -> Filter:
    """Return the filter, narrowed to what says every phrase and nothing that was excluded.

    A phrase is said by the moment that is shown. Only where several are asked of a whole video each
    may be said by another.
    """
    said = tuple(filter(None, (fulltext.all_phrases([phrase]) for phrase in query.phrases)))
    excluded = tuple(filter(None, (fulltext.all_phrases([words]) for words in query.excluded)))
    if each == "moment" or len(said) == 1:
        return replace(query.filter, said_here=said, unsaid=excluded)
    return replace(query.filter, said=said, unsaid=excluded)


def _asked(session: Session, query: Query) -> Asked:
    phrases = fulltext.all_phrases(query.phrases)
    some = [fulltext.any_word(fulltext.rarer(session, query.text)), phrases]
    every = [fulltext.all_words(query.text), phrases]
    return Asked(
        " OR ".join(part for part in some if part) or None,
        " AND ".join(part for part in every if part) or None,
    )


def _worth_saying(why: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons less a likeness by chance, unless there is no other."""
    return tuple(reason for reason in why if not reason.weak) or why
