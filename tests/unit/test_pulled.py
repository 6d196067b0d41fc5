"""Images from a registry: names, what a registry may answer, what the engine is told, and the archive that is kept."""

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from promdrill.artefacts.cache import Cache
from promdrill.artefacts.pins import Pins
from promdrill.artefacts.reference import Reference
from promdrill.artefacts.registries import Registry
from promdrill.core.errors import CommandFailed, CommandTimeout, SupplyError, UsageError
from promdrill.core.shell import Completed
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.pull import images

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = hashlib.sha256(MANIFEST).hexdigest()
OTHER = "b" * 64
NAME = "quay.io/prometheus/prometheus:v2.48.0"
WANTED = Reference("quay.io", "prometheus/prometheus", "v2.48.0")
PINS = Pins({"image": {NAME: {"digest": f"sha256:{DIGEST}"}}})
PATH = "/v2/hub/prometheus/prometheus/manifests/"
TOKENS = "/token?service=s&scope=repository%3Ap%3Apull"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Served:
    """A registry on loopback: what it answers by path, and what it was asked."""

    registry: Registry
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return f"{self.registry.prefix}prometheus/prometheus"


class _Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        if "hang" in self.path:
            self.served.released.wait(20)
            return
        self.served.asked.append(f"{self.headers.get('Authorization', '')} {self.path}".strip())
        known = self.served.answers
        status, headers, body = known.get(self.served.asked[-1]) or known[self.path]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = type("_Bound", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made = Served(Registry.of(f"127.0.0.1:{server.server_port}/hub"))
        handler.served = made  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.released.set()
        server.shutdown()
        thread.join()


class Docker(Engine):
    """A Docker that knows the commands it is given beforehand, and no others."""

    def __init__(self, **answers: str | Exception) -> None:
        super().__init__("28", ours=False)
        object.__setattr__(self, "answers", {"version": "1.41 linux/amd64", **answers})
        object.__setattr__(self, "calls", [])

    def docker(self, *arguments: Any, timeout_s: float, **options: Any) -> Completed:
        assert timeout_s > 0
        assert not options
        self.calls.append(" ".join(map(str, arguments)))  # type: ignore[attr-defined]
        known = self.answers  # type: ignore[attr-defined]
        precise = f"{arguments[0]}_{arguments[1]}"
        answer = known[precise if precise in known else arguments[0]]
        if isinstance(answer, Exception):
            raise answer
        if arguments[0] == "save":
            _saved(Path(arguments[arguments.index("--output") + 1]), arguments[-1])
        return Completed((), 0, answer, "", 0.0)


def _calls(engine: Engine) -> list[str]:
    return list(engine.calls)  # type: ignore[attr-defined]


def _tar(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("copy.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "layer.tar"
        tar.addfile(link)
    return path


def _saved(path: Path, name: str) -> None:
    manifest = [{"Config": "c.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    index = {"manifests": [{"digest": "sha256:d", "annotations": {"io.containerd.image.name": name, "x": "y"}}]}
    files = {"manifest.json": manifest, "index.json": index, "repositories": {name: "x"}}
    _tar(path, {"layer.tar": b"layer", **{name: json.dumps(content).encode() for name, content in files.items()}})


def _read(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file}


def _archive(engine: Engine, cache: Path, registry: Registry, pins: Pins = PINS, name: str = NAME) -> Path:
    return images.archive(name, engine, Cache(cache), registry=registry, pins=pins, say=lambda _: None)


def _check(served: Served, digest: str | None, **options: Any) -> str | None:
    return images.check_manifest(served.registry, WANTED, digest, what="image x", **options)


def test_a_manifest_is_known_by_its_digest_or_its_tag(served: Served) -> None:
    served.answers |= {f"{PATH}sha256:{DIGEST}": (200, {}, MANIFEST), f"{PATH}v2.48.0": (200, {}, MANIFEST)}
    assert _check(served, DIGEST) == DIGEST
    assert _check(served, None) == DIGEST
    assert served.asked == [f"{PATH}sha256:{DIGEST}", f"{PATH}v2.48.0"]


@pytest.mark.parametrize(
    ("by_digest", "by_tag", "words", "hint"),
    [
        (404, 404, r"does not have it \(404\)", "docker push"),
        (404, 500, r"does not have it \(404\)", "docker push"),
        (500, None, "answers 500", "REGISTRY_MIRROR"),
        (404, 200, f"v2.48.0 has SHA-256 {DIGEST}, but {OTHER} is pinned", "PROMDRILL_PINS"),
        (200, None, f"sha256:{OTHER} has SHA-256 {DIGEST}, but {OTHER} is pinned", "PROMDRILL_PINS"),
    ],
)
def test_a_registry_that_has_something_else_is_told(
    served: Served, by_digest: int, by_tag: int | None, words: str, hint: str
) -> None:
    served.answers[f"{PATH}sha256:{OTHER}"] = (by_digest, {}, MANIFEST)
    if by_tag is not None:
        served.answers[f"{PATH}v2.48.0"] = (by_tag, {}, MANIFEST)
    with pytest.raises(SupplyError, match=words) as caught:
        _check(served, OTHER)
    assert str(caught.value).startswith("image x: http://127.0.0.1:")
    assert hint in caught.value.hint


def test_a_tag_that_is_not_there_is_told(served: Served) -> None:
    served.answers[f"{PATH}v2.48.0"] = (404, {}, b"")
    with pytest.raises(SupplyError, match=r"v2\.48\.0 does not have it") as caught:
        _check(served, None)
    assert caught.value.hint.startswith(f"docker push {served.name}:v2.48.0")


def _bearer(served: Served) -> dict[str, str]:
    realm = f'realm="{served.registry.api}/token",service="s",scope="repository:p:pull"'
    return {"WWW-Authenticate": f"Bearer {realm}"}


@pytest.mark.parametrize("field_name", ["token", "access_token"])
def test_a_token_that_everybody_gets_is_used(served: Served, field_name: str) -> None:
    path = f"{PATH}sha256:{DIGEST}"
    served.answers |= {
        path: (401, _bearer(served), b""),
        TOKENS: (200, {}, json.dumps({field_name: "abc"}).encode()),
        f"Bearer abc {path}": (200, {}, MANIFEST),
    }
    assert _check(served, DIGEST) == DIGEST
    assert served.asked == [path, TOKENS, f"Bearer abc {path}"]


@pytest.mark.parametrize(("first", "second"), [(401, 403), (401, 401)])
def test_a_registry_that_wants_a_login_is_left_to_the_engine(served: Served, first: int, second: int) -> None:
    path = f"{PATH}sha256:{DIGEST}"
    served.answers[path] = (first, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
    assert _check(served, DIGEST) is None
    served.answers |= {path: (first, _bearer(served), b""), TOKENS: (second, {}, b"{}")}
    assert _check(served, DIGEST) is None
    served.answers |= {TOKENS: (200, {}, b'{"token": "abc"}'), f"Bearer abc {path}": (second, {}, b"")}
    assert _check(served, DIGEST) is None


def test_a_registry_with_too_many_questions_from_strangers_is_left_to_the_engine(served: Served) -> None:
    path = f"{PATH}sha256:{DIGEST}"
    served.answers[path] = (429, {}, b"toomanyrequests")
    assert _check(served, DIGEST) is None
    served.answers |= {path: (401, _bearer(served), b""), TOKENS: (429, {}, b"")}
    assert _check(served, DIGEST) is None
    served.answers |= {TOKENS: (200, {}, b'{"token": "abc"}'), f"Bearer abc {path}": (429, {}, b"")}
    assert _check(served, DIGEST) is None


def test_a_registry_that_hangs_is_given_up(served: Served) -> None:
    hanging = Reference("quay.io", "hang", "v1")
    with pytest.raises(SupplyError, match=r"image x: http://127\.0\.0\.1:.* sent nothing for 0 s"):
        images.check_manifest(served.registry, hanging, DIGEST, what="image x", silence_s=0.1)


def test_a_registry_that_is_not_there_is_told() -> None:
    with pytest.raises(SupplyError, match=r"image x: http://127\.0\.0\.1:1 cannot be reached"):
        images.check_manifest(Registry.of("127.0.0.1:1"), WANTED, None, what="image x")


def _pull(served: Served, engine: Engine, digest: str | None = DIGEST) -> tuple[images.Pulled, list[str]]:
    said: list[str] = []
    return images.pull(WANTED, served.registry, digest, engine, what="image x", say=said.append), said


def test_an_image_is_pulled_by_digest_pinned_or_not(served: Served) -> None:
    served.answers |= {f"{PATH}sha256:{DIGEST}": (200, {}, MANIFEST), f"{PATH}v2.48.0": (200, {}, MANIFEST)}
    target = f"{served.name}@sha256:{DIGEST}"
    for digest, remark in ((DIGEST, ""), (None, "; no digest is pinned for it")):
        engine = Docker(pull="")
        found, said = _pull(served, engine, digest)
        assert found == images.Pulled(target, DIGEST)
        assert _calls(engine) == [f"pull --quiet {target}"]
        assert said == [f"Image x comes from {target}{remark}."]


def test_with_a_login_and_no_pin_the_engine_tells_the_digest(served: Served) -> None:
    served.answers[f"{PATH}v2.48.0"] = (401, {}, b"")
    told = f"elsewhere/prometheus@sha256:{OTHER}\n{served.name}@sha256:{DIGEST}\n\n"
    engine = Docker(pull="", image_inspect=told)
    assert _pull(served, engine, None)[0] == images.Pulled(f"{served.name}:v2.48.0", DIGEST)
    with pytest.raises(SupplyError, match="does not know the digest"):
        _pull(served, Docker(pull="", image_inspect="\n"), None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CommandTimeout(["docker", "pull"], -9, ""), "was not pulled within 900 s"),
        (CommandFailed(["docker", "pull"], 1, "Error: unauthorized: authentication required"), "wants credentials"),
        (CommandFailed(["docker", "pull"], 1, "Head: no basic auth credentials"), "credentials"),
        (CommandFailed(["docker", "pull"], 1, "manifest unknown: manifest unknown"), "does not have it"),
    ],
)
def test_a_pull_that_fails_says_why(served: Served, answer: Exception, words: str) -> None:
    served.answers[f"{PATH}sha256:{DIGEST}"] = (401, {}, b"")
    with pytest.raises(SupplyError, match=words) as caught:
        _pull(served, Docker(pull=answer))
    assert f"image x: {served.name}@sha256:{DIGEST}" in caught.value.message
    assert caught.value.hint.startswith(f"docker login {served.registry.prefix.partition('/')[0]}, or REGISTRY_MIRROR=")


def test_an_archive_has_the_images_own_name_and_is_made_once(served: Served, tmp_path: Path) -> None:
    served.answers[f"{PATH}sha256:{DIGEST}"] = (200, {}, MANIFEST)
    engine = Docker(pull="", tag="", save="", image_ls="", image_rm="")
    path = _archive(engine, tmp_path, served.registry)
    content = _read(path)
    assert set(content) == {"layer.tar", "manifest.json", "index.json"}
    assert json.loads(content["manifest.json"])[0] == {"Config": "c.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}
    names = {"io.containerd.image.name": NAME, "org.opencontainers.image.ref.name": "v2.48.0", "x": "y"}
    assert json.loads(content["index.json"])["manifests"] == [{"digest": "sha256:d", "annotations": names}]
    notes = json.loads((path.parents[1] / "manifest.json").read_text())
    target = f"{served.name}@sha256:{DIGEST}"
    assert (notes["reference"], notes["from"], notes["digest"]) == (NAME, target, f"sha256:{DIGEST}")
    _, listed, pull, tag, save, removed = _calls(engine)
    ours = tag.removeprefix(f"tag {target} ")
    assert listed.endswith(f" {served.name}")
    assert pull == f"pull --quiet {target}"
    assert ours.startswith("promdrill/pulled:")
    assert save.startswith("save --output ")
    assert save.endswith(f" {ours}")
    assert removed == f"image rm {ours} {target}"
    assert _archive(Docker(), tmp_path, Registry.of("elsewhere.example")) == path, "a digest is the same everywhere"


def test_what_the_engine_had_before_stays(served: Served, tmp_path: Path) -> None:
    served.answers[f"{PATH}v2.48.0"] = (200, {}, MANIFEST)
    had = f"{served.name}:v2.48.0 {served.name}@sha256:{DIGEST}\n"
    engine = Docker(pull="", tag="", save="", image_ls=had, image_rm=CommandFailed([], 1, "in use"))
    _archive(engine, tmp_path, served.registry, Pins())
    assert _calls(engine)[-1].startswith("image rm promdrill/pulled:")
    assert DIGEST not in _calls(engine)[-1]


def test_an_image_without_a_pin_is_another_in_another_registry(served: Served, tmp_path: Path) -> None:
    served.answers[f"{PATH}v2.48.0"] = (200, {}, MANIFEST)
    engine = Docker(pull="", tag="", save="", image_ls="", image_rm="")
    path = _archive(engine, tmp_path, served.registry, Pins())
    assert _archive(Docker(), tmp_path, served.registry, Pins()) == path
    with pytest.raises(SupplyError, match="cannot be reached"):
        _archive(Docker(image_ls=""), tmp_path, Registry.of("127.0.0.1:1"), Pins())


@pytest.mark.parametrize(("api", "flag"), [("1.47", ""), ("1.48", "--platform linux/arm64 "), ("1.100", "--platform ")])
def test_one_platform_is_saved_where_an_engine_keeps_several(
    served: Served, tmp_path: Path, api: str, flag: str
) -> None:
    served.answers[f"{PATH}sha256:{DIGEST}"] = (200, {}, MANIFEST)
    engine = Docker(version=f"{api} linux/arm64", pull="", tag="", save="", image_ls="", image_rm="")
    _archive(engine, tmp_path, served.registry)
    save = next(call for call in _calls(engine) if call.startswith("save"))
    assert save.startswith(f"save {flag}") if flag else "--platform" not in save


def test_a_save_that_fails_leaves_nothing(served: Served, tmp_path: Path) -> None:
    served.answers[f"{PATH}sha256:{DIGEST}"] = (200, {}, MANIFEST)
    broken = CommandFailed(["docker", "save"], 1, "no space left on device")
    engine = Docker(pull="", tag="", save=broken, image_ls="", image_rm="")
    with pytest.raises(CommandFailed):
        _archive(engine, tmp_path, served.registry)
    assert _calls(engine)[-1].startswith("image rm promdrill/pulled:")
    assert not list(tmp_path.rglob("image.tar"))


def test_an_image_named_by_digest_or_wrongly_pinned_asks_nobody(tmp_path: Path) -> None:
    nowhere = Registry.of("127.0.0.1:1")
    with pytest.raises(SupplyError, match="by its tag only") as caught:
        _archive(Docker(), tmp_path, nowhere, name=f"{NAME}@sha256:{OTHER}")
    assert f'[image."{NAME}"] digest = "{OTHER}"' in caught.value.hint
    with pytest.raises(UsageError, match="is not a SHA-256"):
        _archive(Docker(), tmp_path, nowhere, Pins({"image": {NAME: {"digest": "latest"}}}))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"layer.tar": b""}, "holds 0 images"),
        ({"manifest.json": b'[{"Config": "a"}, {"Config": "b"}]'}, "holds 2 images"),
        ({"manifest.json": b"nothing"}, "not a docker archive"),
        ({"index.json": b"{}", "manifest.json": b"[{}]"}, "not a docker archive"),
    ],
)
def test_what_is_no_archive_of_one_image_is_refused(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(SupplyError, match=words):
        images.rename(_tar(tmp_path / "in.tar", files), tmp_path / "out.tar", NAME)


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.tar").write_bytes(b"x" * 2000)
    with pytest.raises(SupplyError, match="not a docker archive"):
        images.rename(tmp_path / "in.tar", tmp_path / "out.tar", NAME)
