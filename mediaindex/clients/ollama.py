"""A thin client of Ollama: its own Python client, with our limits and our errors."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httpx
import ollama

from mediaindex.clients.hosts import Host
from mediaindex.clients.wire import MOST_TEXT, Wire
from mediaindex.clients.words import error_text
from mediaindex.errors import Faulty

PORT = 11434

T = TypeVar("T")

Running = ollama.ProcessResponse.Model
"""A model in memory, or on its way there."""
Step = ollama.ProgressResponse
"""How far a download is."""


class Tag(ollama.ListResponse.Model):
    """What the list of models says of one, and what Ollama's client leaves out of it."""

    #: Who really computes its answers, where that is not this Ollama: `https://ollama.com:443`.
    remote_host: str | None = None


class Shown(ollama.ShowResponse):
    """What is said of one model that was asked for."""

    remote_host: str | None = None


@dataclass(frozen=True)
class Said:
    """A whole answer."""

    #: Without what the model thought before it.
    text: str
    done_reason: str
    tokens: int | None
    #: How long the answer itself took, nanoseconds; None where it is not told.
    tokens_ns: int | None


class OllamaClient:
    """Ollama's requests. Safe from any thread.

    All of them raise what `Wire.handle_request` raises, and `Faulty` for an answer in no form of
    Ollama's; how long they may take is set by `wire.within`.
    """

    def __init__(self, host: Host, api_key: str | None = None) -> None:
        self.wire = Wire(host, "Ollama", "start it (ollama serve)", api_key)
        self._api = ollama.Client(
            host=host.url, transport=self.wire, follow_redirects=False, trust_env=False
        )
        # For what Ollama's client does not pass on.
        self._http = httpx.Client(transport=self.wire, follow_redirects=False, trust_env=False)
        self._root = host.url

    def installed(self) -> Sequence[Tag]:
        """Return the models that were pulled."""
        with self._in_our_words():
            body = self._http.get(f"{self._root}/api/tags").json()
            return [tag for tag in (Tag(**one) for one in body["models"] or ()) if tag.model]

    def show(self, model: str) -> Shown:
        """Return what is known of a model; `Refused` with 404 if there is none."""
        with self._in_our_words():
            body = self._http.post(f"{self._root}/api/show", json={"model": model}).json()
            # Before 2024-05 there was no such key.
            return Shown(**{"model_info": None, **body})

    def running(self) -> Sequence[Running]:
        """Return the models in memory; one that is being loaded is among them."""
        with self._in_our_words():
            return self._api.ps().models

    def load(self, model: str, num_ctx: int, keep_alive: str | float) -> None:
        """Have a model loaded; returns once it is.

        Args:
            model: Its name.
            num_ctx: As in later questions, for another one would load it anew.
            keep_alive: Not zero, which would have it unloaded.
        """
        with self._in_our_words():
            options = {"num_ctx": num_ctx}
            self._api.generate(model, prompt="", options=options, keep_alive=keep_alive)

    def chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        keep_alive: str | float,
        extras: Mapping[str, Any],
    ) -> Said:
        """Return the model's answer.

        Args:
            model: Its name.
            messages: With `role`, `content`, and `images` as bytes.
            options: `num_ctx`, `num_predict` and so on.
            keep_alive: How long the model stays in memory afterwards.
            extras: `format` and `think`, if they are to be sent.
        """
        asked = {"messages": messages, "options": options, "keep_alive": keep_alive, **extras}
        text = ""
        last: ollama.ChatResponse | None = None
        with closing(self._streamed(self._api.chat(model, stream=True, **asked))) as parts:
            for part in parts:
                text += part.message.content or ""
                if len(text) > MOST_TEXT:
                    return Said(text[:MOST_TEXT], "length", None, None)
                last = part if part.done else last
        if last is None:
            raise Faulty(f"{self.wire.who} broke off in the middle of its answer")
        reason = last.done_reason or "stop"
        return Said(text, reason, last.eval_count, last.eval_duration)

    def pull(self, model: str) -> Iterator[Step]:
        """Download a model, and tell how it goes."""
        return self._streamed(self._api.pull(model, stream=True))

    def close(self) -> None:
        """Break off every request."""
        self.wire.close()

    def _streamed(self, parts: Iterator[T]) -> Generator[T]:
        """Yield the parts; what goes wrong where they are used is none of ours."""
        with closing(cast("Generator[T]", parts)):
            while True:
                with self._in_our_words():
                    try:
                        part = next(parts)
                    except StopIteration:
                        return
                yield part

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except ollama.ResponseError as error:
            said = error_text({"error": error.error})
            raise self.wire.complaint(error.status_code, said) from error
        except (httpx.HTTPError, httpx.StreamError, ConnectionError) as error:
            raise self.wire.failure(error) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # Not JSON, or not such as pydantic expects, or no object where one is.
            section = self.wire.host.section
            raise Faulty(
                f"{self.wire.who} answered with something that is not Ollama's;"
                f" are {section}.url and {section}.use right?"
            ) from error
