"""The encoder with the real model file: what it refuses to load, and what its vectors are."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from intents.encoder import CONTEXT_TOKENS, Encoder
from intents.errors import ModelError
from intents.model_manifest import BUILT_IN_MANIFEST, open_verified, read_manifest

pytestmark = pytest.mark.model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    opened = Encoder.open()
    yield opened
    opened.close()


def copied_model(folder: Path, content: bytes) -> Path:
    """Lay the manifest and a model file of this content into `folder`; return the manifest."""
    manifest = folder / "manifest.json"
    manifest.write_bytes(BUILT_IN_MANIFEST.read_bytes())
    (folder / read_manifest().file.name).write_bytes(content)
    return manifest


def cosine(encoder: Encoder, one: str, other: str) -> float:
    return float(encoder.embed(one) @ encoder.embed(other))


# -- what is loaded


def test_the_built_in_model_is_the_one_of_its_manifest(encoder: Encoder) -> None:
    manifest = read_manifest()
    assert hashlib.sha256(manifest.file.read_bytes()).hexdigest() == manifest.sha256
    assert encoder.identity.sha256 == manifest.sha256
    assert encoder.dimension == manifest.dimension == 384


def test_a_truncated_model_is_refused_and_said_to_be_truncated(tmp_path: Path) -> None:
    whole = read_manifest().file.read_bytes()
    manifest = copied_model(tmp_path, whole[:-1000])
    with pytest.raises(ModelError, match=f"truncated: {len(whole) - 1000} of {len(whole)} bytes"):
        Encoder.open(manifest=manifest)


def test_an_empty_model_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a GGUF"):
        Encoder.open(manifest=copied_model(tmp_path, b""))


def test_a_file_that_does_not_begin_as_a_gguf_is_refused(tmp_path: Path) -> None:
    content = b"FUGG" + read_manifest().file.read_bytes()[4:]
    with pytest.raises(ModelError, match="not a GGUF"):
        Encoder.open(manifest=copied_model(tmp_path, content))


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    content = bytearray(read_manifest().file.read_bytes())
    content[len(content) // 2] ^= 1
    with pytest.raises(ModelError, match="not the pinned one"):
        Encoder.open(manifest=copied_model(tmp_path, bytes(content)))


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(BUILT_IN_MANIFEST.read_bytes())
    with pytest.raises(ModelError, match="No such file") as caught:
        Encoder.open(manifest=manifest)
    assert "make train" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"name": "x", "size_bytes": "many"}', b"\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(content)
    with pytest.raises(ModelError, match="not a model manifest"):
        Encoder.open(manifest=manifest)


def test_a_manifest_cannot_name_a_file_outside_its_folder(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(BUILT_IN_MANIFEST.read_text().replace('"encoder.gguf"', '"../../etc/encoder.gguf"'))
    assert read_manifest(manifest).file == tmp_path / "encoder.gguf"


# -- a person's own model


def test_an_own_model_is_loaded_only_when_its_hash_was_trusted(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(read_manifest().file.read_bytes())
    with pytest.raises(ModelError, match="not trusted") as caught:
        Encoder.open(own)
    assert f"sayso model trust {own}" in caught.value.remedy

    opened = Encoder.open(own, trusted_sha256={str(own.resolve()): read_manifest().sha256})
    assert opened.identity.name == "own"
    opened.close()


def test_an_own_model_may_be_named_by_a_link(tmp_path: Path) -> None:
    own, link = tmp_path / "own.gguf", tmp_path / "link.gguf"
    own.write_bytes(read_manifest().file.read_bytes())
    link.symlink_to(own)
    Encoder.open(link, trusted_sha256={str(own.resolve()): read_manifest().sha256}).close()


def test_an_own_model_that_changed_since_it_was_trusted_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(read_manifest().file.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="not the pinned one") as caught:
        Encoder.open(own, trusted_sha256=read_manifest().sha256)
    assert "sayso model trust" in caught.value.remedy


def test_a_trusted_file_that_llama_cpp_cannot_read_is_a_model_error(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(ModelError, match="can't load"):
        Encoder.open(own, trusted_sha256=hashlib.sha256(own.read_bytes()).hexdigest())


def test_what_is_loaded_is_what_was_hashed_although_the_path_got_another_file(tmp_path: Path) -> None:
    content = read_manifest().file.read_bytes()
    manifest = read_manifest(copied_model(tmp_path, content))
    with open_verified(manifest) as stream:
        manifest.file.unlink()
        manifest.file.write_bytes(b"GGUF of somebody else")
        assert stream.seek(0) == 0
        assert stream.read() == content


# -- vectors


def test_a_vector_has_length_one(encoder: Encoder) -> None:
    vector = encoder.embed("restart nginx")
    assert vector.shape == (384,)
    assert float(vector @ vector) == pytest.approx(1.0, abs=1e-5)


def test_the_same_text_gives_the_same_bits_after_other_texts(encoder: Encoder) -> None:
    first = encoder.embed("how full are the disks").tobytes()
    for other in ("restart nginx", "x " * 400, ""):
        encoder.embed(other)
    assert encoder.embed("how full are the disks").tobytes() == first


def test_two_processes_get_the_same_bits_and_print_nothing_else(encoder: Encoder) -> None:
    text = "which files below /var were changed since yesterday"
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from intents.encoder import Encoder; "
        f"sys.stdout.write(Encoder.open().embed({text!r}).tobytes().hex())"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment)
    assert ran.stdout.decode() == encoder.embed(text).tobytes().hex()
    assert ran.stderr == b""


@pytest.mark.parametrize(
    ("text", "paraphrase", "unrelated"),
    [
        ("restart nginx", "bounce the nginx daemon", "tell me a joke"),
        ("how full are the disks", "is there any free space left on the drives", "create a user for bob"),
        ("who is logged in", "which people have a session on this box", "which kernel runs here"),
        ("show the last lines of the log", "tail the log file", "what is my ip address"),
    ],
)
def test_a_paraphrase_is_nearer_than_something_unrelated(
    encoder: Encoder, text: str, paraphrase: str, unrelated: str
) -> None:
    assert cosine(encoder, text, paraphrase) > cosine(encoder, text, unrelated) + 0.1


def test_a_mark_of_the_vocabulary_in_a_text_stays_text(encoder: Encoder) -> None:
    end_mark = list(encoder._tokens(""))[-1]
    assert list(encoder._tokens("restart [SEP] nginx")).count(end_mark) == 1


def test_a_long_text_is_cut_at_the_context_and_keeps_its_end_mark(encoder: Encoder) -> None:
    tokens = list(encoder._tokens("disk " * 5000))
    assert len(tokens) == CONTEXT_TOKENS
    assert [tokens[0], tokens[-1]] == list(encoder._tokens(""))
    assert encoder.embed("disk " * 5000).tobytes() == encoder.embed("disk " * 6000).tobytes()


@pytest.mark.parametrize("text", ["", " ", "\0", "a\0b", "\ud800", "\U0001f4a5" * 3000, "é" * 5000, "\u202e", "{slot}"])
def test_any_text_has_a_vector(encoder: Encoder, text: str) -> None:
    vector = encoder.embed(text)
    assert float(vector @ vector) == pytest.approx(1.0, abs=1e-5)


def test_a_closed_model_says_so_and_can_be_closed_again() -> None:
    opened = Encoder.open()
    opened.close()
    opened.close()
    with pytest.raises(ModelError, match="closed"):
        opened.embed("restart nginx")
