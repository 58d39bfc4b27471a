"""Looking at what a model says with the real program, and a server without a model."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal
from tests.acceptance.test_videos import SCENES
from tests.clips import make_clip
from tests.servers.answers import Answer, ChatRequest
from tests.servers.faults import Fault
from tests.servers.models import ONE_IMAGE, VISION
from tests.servers.ollama import OllamaServer
from tests.servers.openai import OpenAIServer

REFUSAL = "I'm sorry, but I can't help with that."


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        yield running


@pytest.fixture
def program(server: OllamaServer, tmp_path: Path) -> Program:
    return Program(tmp_path / "home", settings(server.url))


def settings(url: str, use: str = "ollama", model: str = VISION.name) -> dict[str, str]:
    return {
        "MEDIAINDEX__CAPTION__USE": use,
        "MEDIAINDEX__CAPTION__URL": url,
        "MEDIAINDEX__CAPTION__MODEL": model,
    }


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return made(tmp_path / "red.png", "red")


def made(path: Path, colour: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (640, 480), colour).save(path)
    return path


def said(program: Program, *arguments: str, code: int = 0) -> Any:
    done = program.run("caption", "--json", *arguments)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def chats(server: OllamaServer) -> list[tuple[str, bytes]]:
    """Return the model and the picture of each question in which one was shown."""
    return [
        (request.body["model"], picture)
        for request in server.requests
        for picture in request.pictures
    ]


def test_photo_is_described_anew_and_nothing_is_stored(
    program: Program, server: OllamaServer, photo: Path
) -> None:
    done = program.run("caption", str(photo))

    assert done.returncode == 0, done.stderr
    assert "A mostly red picture" in done.stdout
    assert re.search(r"^  tags: red", done.stdout, re.MULTILINE)
    assert f"{VISION.name}  ·  {server.url}  ·  0." in done.stdout
    assert "tokens/s" in done.stdout
    assert done.stderr == ""
    assert not (program.home / "state").exists()


def test_json_has_the_documented_shape(program: Program, server: OllamaServer, photo: Path) -> None:
    found = said(program, str(photo))

    assert (found["version"], len(found["files"])) == (1, 1)
    file = found["files"][0]
    assert (file["path"], file["trouble"]) == (str(photo), None)
    caption = file["captions"][0]
    assert caption.keys() == {
        *("at_ms", "description", "tags", "text", "setting", "rejected", "raw", "trouble"),
        *("model", "server", "duration_ms", "tokens", "tokens_per_s"),
    }
    assert (caption["model"], caption["server"]) == (VISION.name, server.url)
    assert caption["rejected"] is None
    assert "red" in caption["tags"]


def test_what_is_not_worth_keeping_is_told_with_the_reason_and_the_raw_answer_on_demand(
    program: Program, server: OllamaServer, photo: Path
) -> None:
    server.answer = lambda _: REFUSAL

    short = program.run("caption", str(photo))
    long = program.run("caption", "-v", str(photo))

    assert (short.returncode, long.returncode) == (1, 1)
    assert "nothing worth keeping: the model refused: I'm sorry" in short.stdout
    assert "the raw answer" not in short.stdout
    assert f"the raw answer:\n    {REFUSAL}" in long.stdout


def test_server_that_breaks_off_is_to_blame_and_not_the_picture(
    program: Program, server: OllamaServer, photo: Path
) -> None:
    server.fail_next(9, Fault.half())

    done = program.run("caption", str(photo))

    assert done.returncode == 3, done.stdout
    assert "the server gave no answer: " in done.stdout
    assert "nothing worth keeping" not in done.stdout


def test_terminal_says_that_the_server_is_busy(
    program: Program, server: OllamaServer, photo: Path
) -> None:
    server.fail_next(1, Fault.too_many(2))

    code, screen = at_terminal(program, "caption", str(photo))

    assert code == 0
    assert "the server is busy; waiting" in screen


def test_one_file_that_cannot_be_used_does_not_keep_the_others_from_it(
    program: Program, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")

    found = said(
        program, str(tmp_path / "notes.txt"), str(tmp_path / "gone.jpg"), str(photo), code=1
    )

    troubles = [file["trouble"] for file in found["files"]]
    assert troubles == [
        "it is neither a photo nor a video",
        "cannot be read: No such file or directory",
        None,
    ]
    assert found["files"][2]["captions"][0]["description"]


def test_video_is_shown_by_its_moments_once_it_is_indexed(program: Program, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    clip = make_clip(
        tmp_path / "library" / "colours.mp4",
        *("-force_key_frames", "expr:gte(t,n_forced*4)"),
        picture=f"{SCENES};[0][1][2]concat=n=3",
    )
    unknown = said(program, str(clip), code=1)
    quiet = Program(program.home, {"MEDIAINDEX__CAPTION__USE": "off"})
    assert quiet.run("index", str(clip.parent)).returncode == 0

    spread = said(program, str(clip))["files"][0]["captions"]
    late = said(program, str(clip), "--at", "9.5")["files"][0]["captions"]

    assert "mediaindex index" in unknown["files"][0]["trouble"]
    times = [caption["at_ms"] for caption in spread]
    assert times == sorted(times)
    assert 3 <= len(times) <= 4
    assert [caption["at_ms"] for caption in late] == [
        min(times, key=lambda at_ms: abs(at_ms - 9500))
    ]
    assert "blue" in late[0]["description"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["{photo}", "--at", "3"], 2, "--at is for videos"),
        (["{photo}", "-n", "3"], 2, "belong to --compare"),
        ([], 2, "name photos"),
        (["{folder}"], 2, "is a folder; name photos, or use --compare"),
        (["--compare", "a,b"], 2, "say which folder"),
        (["--compare", "a,b", "{folder}", "--to", "{folder}/a.html"], 2, "never written to"),
        (["{photo}", "--model", "nope"], 3, "Installed and able to see: qwen2.5vl:7b"),
        (["{photo}", "--model", "nope"], 3, "or: mediaindex model pull nope\n"),
        (["{photo}", "--model", "llama3.2:3b"], 3, "cannot see"),
        (["--compare", VISION.name, "{folder}"], 2, "two models or more"),
        (["--compare", "a,b", "{photo}"], 2, "is not a folder"),
        (["--compare", "a,b", "{folder}", "--to", "a.pdf"], 2, "a .html"),
        (["--compare", "a,b", "{folder}", "--at", "3"], 2, "takes one folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_and_what_is_missing_are_told(
    program: Program,
    server: OllamaServer,
    photo: Path,
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    filled = [word.format(photo=photo, folder=photo.parent) for word in arguments]

    done = program.run("caption", *filled)

    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert chats(server) == []


def test_server_that_is_off_and_nobody_at_all_are_told(photo: Path, tmp_path: Path) -> None:
    off = Program(tmp_path / "home", settings("http://127.0.0.1:9")).run("caption", str(photo))
    nobody = Program(tmp_path / "home").run("caption", str(photo))

    assert (off.returncode, nobody.returncode) == (3, 2)
    assert "there is no Ollama at http://127.0.0.1:9" in off.stderr
    assert "caption.use is off" in nobody.stderr


@pytest.mark.parametrize("during", ["load", "answer"])
def test_ctrl_c_ends_it_at_once_also_while_the_server_is_silent(
    program: Program, server: OllamaServer, photo: Path, during: str
) -> None:
    if during == "load":
        server.load_s = 60
    else:
        server.answer = lambda _: Answer("late", delay_s=60)
    process = program.start("caption", str(photo))
    if during == "load":
        server.wait_until(lambda: server.loading is not None, 30)
    else:
        server.wait_until(lambda: bool(chats(server)), 30)
    sent_s = time.monotonic()

    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=10)
    assert time.monotonic() - sent_s < 3
    assert process.returncode == 130
    assert err.splitlines() == ["interrupted"]


def test_terminal_shows_what_is_waited_for_and_nothing_of_it_stays(
    program: Program, photo: Path
) -> None:
    code, screen = at_terminal(program, "caption", str(photo), str(photo))

    assert code == 0
    assert "2 of 2: asking qwen2.5vl:7b about red.png" in screen
    assert not any("asking" in line.rpartition("\033[K")[2] for line in screen.split("\n"))


def test_server_of_the_openai_form_describes_too(photo: Path, tmp_path: Path) -> None:
    with OpenAIServer() as server:
        program = Program(tmp_path / "home", settings(server.url, "openai", server.models[0]))
        caption = said(program, str(photo))["files"][0]["captions"][0]
        pull = program.run("model", "pull")

    assert "red" in caption["description"]
    assert pull.returncode == 3
    assert "only Ollama can be asked to download a model; start your server" in pull.stderr


@pytest.fixture
def album(tmp_path: Path) -> Path:
    colours = ("red", "green", "blue", "white", "black", "yellow")
    for number, colour in enumerate(colours):
        made(tmp_path / "album" / f"{number % 2}" / f"{number}.png", colour)
    (tmp_path / "album" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    return tmp_path / "album"


def test_models_are_shown_the_same_pictures_one_model_after_the_other(
    program: Program, server: OllamaServer, album: Path, tmp_path: Path
) -> None:
    def answer(request: ChatRequest) -> str:
        return REFUSAL if request.model == ONE_IMAGE.name else '{"description": "A red <b>wall."}'

    server.answer = answer
    page = tmp_path / "models.html"
    models = f"{VISION.name},{ONE_IMAGE.name}"

    done = program.run("caption", "--compare", models, str(album), "-n", "4", "--to", str(page))

    assert done.returncode == 1, done.stderr  # one of them described nothing
    shown = chats(server)
    assert [model for model, _ in shown] == [VISION.name] * 4 + [ONE_IMAGE.name] * 8  # twice each
    first = [picture for model, picture in shown if model == VISION.name]
    assert set(first) == {picture for model, picture in shown if model == ONE_IMAGE.name}
    assert [load.model for load in server.loads] == [VISION.name, ONE_IMAGE.name]
    assert re.search(rf"^{VISION.name} +4 of 4 +0\.\d s", done.stdout, re.MULTILINE)
    assert re.search(rf"^{ONE_IMAGE.name} +0 of 4 ", done.stdout, re.MULTILINE)
    text = page.read_text()
    assert text.count("<section>") == 4
    assert "A red &lt;b&gt;wall." in text
    assert "the model refused" in text
    assert re.search(r"<figcaption>[01]/\d\.png</figcaption>", text)
    assert re.search(r"\d{4}-\d\d-\d\d · 4 pictures · language: en · prompts: \S", text)


def test_comparison_has_the_same_pictures_again_and_tells_how_long_the_library_takes(
    program: Program, album: Path
) -> None:
    quiet = Program(program.home, {"MEDIAINDEX__CAPTION__USE": "off"})
    quiet.run("index", str(album))
    asked = ("--compare", f"{VISION.name},{ONE_IMAGE.name}", str(album), "-n", "3")

    one, other = said(program, *asked), said(program, *asked)

    assert one["moments"] == 6
    paths = [[file["path"] for file in model["files"]] for model in one["models"]]
    assert paths[0] == paths[1] == sorted(paths[0])
    assert len(paths[0]) == 3
    assert paths[0] == [file["path"] for file in other["models"][0]["files"]]
    model = one["models"][0]
    assert model["library_s"] == pytest.approx(6 * model["mean_s"])
    assert "whole library: 6 moments" in program.run("caption", *asked).stdout


def test_model_that_is_missing_is_told_before_any_work(
    program: Program, server: OllamaServer, album: Path
) -> None:
    done = program.run("caption", "--compare", f"{VISION.name},nope", str(album))

    assert done.returncode == 3
    assert "there is no model 'nope'" in done.stderr
    assert "Installed and able to see: qwen2.5vl:7b, " in done.stderr
    assert done.stderr.endswith("mediaindex model pull nope\n")
    assert (chats(server), server.loads) == ([], [])


def test_comparison_never_takes_the_place_of_another_file(
    program: Program, server: OllamaServer, album: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.html").write_text("a letter")
    models = f"{VISION.name},{ONE_IMAGE.name}"

    done = program.run(
        *("caption", "--compare", models, str(album)), "--to", str(tmp_path / "letter.html")
    )

    assert done.returncode == 2
    assert "is no comparison of models" in done.stderr
    assert chats(server) == []  # told before any work
    assert (tmp_path / "letter.html").read_text() == "a letter"


def test_models_on_the_servers_are_listed_and_doctor_looks_at_them(
    program: Program, server: OllamaServer, tmp_path: Path
) -> None:
    listed = json.loads(program.run("model", "list", "--json").stdout)["captions"]["servers"]
    shown = program.run("model", "list").stdout
    off = Program(tmp_path / "home", settings("http://127.0.0.1:9"))
    listed_off = off.run("model", "list")

    models = {model["name"]: model for model in listed[0]["models"]}
    assert (models[VISION.name]["chosen"], models[VISION.name]["can_see"]) == (True, True)
    assert models["llama3.2:3b"]["can_see"] is False
    assert re.search(rf"^\*  {VISION.name} +qwen25vl +6\.0 GB  yes$", shown, re.MULTILINE)
    assert listed_off.returncode == 0
    assert "there is no Ollama at http://127.0.0.1:9" in listed_off.stdout.splitlines()[-1]

    def finding(of: Program) -> tuple[str, str]:
        findings = json.loads(of.run("doctor", "--json").stdout)["findings"]
        return next((one["state"], one["said"]) for one in findings if one["what"] == "captions")

    assert finding(program) == ("ok", f"{VISION.name} on {server.url}")
    assert finding(off)[0] == "note"
    assert finding(Program(tmp_path / "home", settings(server.url, model="nope")))[0] == "note"
    assert (
        finding(Program(tmp_path / "home", settings(server.url, model="llama3.2:3b")))[0] == "bad"
    )
    assert server.loads == []


def test_ollama_downloads_a_model(program: Program, server: OllamaServer) -> None:
    server.models.remove(VISION)
    server.library.append(VISION)

    done = program.run("model", "pull")
    unknown = program.run("model", "pull", "nope")

    assert done.returncode == 0, done.stderr
    assert "pulling manifest" in done.stderr
    assert done.stderr.splitlines()[-1] == f"{VISION.name} is on {server.url}"
    assert VISION in server.models
    assert f"{VISION.name}: {server.url} downloads it" in done.stderr
    off = Program(program.home, settings("http://127.0.0.1:9")).run("model", "pull")
    assert (off.returncode, "downloads it" in off.stderr) == (3, False)
    assert unknown.returncode == 3
    assert "could not download 'nope'" in unknown.stderr
