"""The part of `make bench` about changes: what planning costs over the reads that it makes, a diff and an edit of a large file."""

import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

ROUNDS = 15
LARGE_BYTES = 100 * 1024 * 1024


def measure_changes() -> dict[str, Any]:
    """Measure and print; the figures are returned."""
    return {**_planning(), **_large_diff(), **_large_edit()}


def _planning() -> dict[str, Any]:
    """Plan changes, and run the same vectors alone: what is above that is planning's own."""
    from executors.facts import gather_facts
    from executors.local import LocalTransport
    from executors.planning import make_plan
    from executors.state import Target
    from intents.catalogue import Catalogue
    from intents.interpretation import Argument, Evidence, Match

    catalogue = Catalogue.load()
    transport = LocalTransport(directory="/")
    facts, login = gather_facts(transport), transport.login()
    figures: dict[str, Any] = {}
    print("\nplanning a change, over the reads that it makes")
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as folder:
        file = Path(folder, "app.conf")
        file.write_text("a = 1\n" * 100, encoding="utf-8")
        for name, values in (
            ("file.set_mode", {"path": str(file), "mode": "0600"}),
            ("file.append_line", {"path": str(file), "line": "b = 2"}),
            ("file.make_directory", {"path": f"{folder}/new", "mode": "0750"}),
        ):
            match = Match(name, {key: Argument(value, Evidence("request")) for key, value in values.items()}, 1.0)
            keeper = _Keeper(transport)
            target = Target("local", keeper, facts, login)

            def plan(match: Match = match, target: Target = target) -> object:
                return make_plan(
                    "bench", [match], catalogue, [target], host_evidence=Evidence("default"), now=datetime.now(UTC)
                )

            plan()
            vectors = list(keeper.vectors)
            planned = min(_timed(plan) for _ in range(ROUNDS))
            alone = min(_timed(partial(_run_all, transport, vectors)) for _ in range(ROUNDS))
            over = planned / alone - 1
            verdict = "ok" if over <= 0.3 else "MISSED"  # noqa: PLR2004 - the target that is printed
            print(
                f"  {name:22} {planned:6.1f} ms   {len(vectors)} reads alone {alone:6.1f} ms   "
                f"+{over * 100:.0f} %  {verdict} (<= 30 %)"
            )
            figures[name] = {"plan_ms": planned, "reads_ms": alone, "reads": len(vectors)}
    return {"planning": figures}


class _Keeper:
    """A transport that runs everything by another one, and keeps the vectors."""

    def __init__(self, transport: Any) -> None:  # noqa: ANN401 - a Transport; nothing of sayso is imported at the top
        self._transport = transport
        self.host = transport.host
        self.vectors: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], *, stdin: bytes | BinaryIO | None = None, **options: Any) -> Any:  # noqa: ANN401
        self.vectors.append(tuple(argv))
        return self._transport.run(argv, stdin=stdin, **options)

    def login(self) -> Any:  # noqa: ANN401
        return self._transport.login()

    def close(self) -> None:
        self.vectors.clear()


def _run_all(transport: Any, vectors: Sequence[tuple[str, ...]]) -> None:  # noqa: ANN401
    for vector in vectors:
        transport.run(vector)


def _large_diff() -> dict[str, Any]:
    """The diff of one changed line in 100 MB, however it is shown."""
    from executors.diffs import unified_diff

    before = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n" * (LARGE_BYTES // 65)
    middle = len(before) // 2
    after = before[:middle] + b"CHANGED" + before[middle:]
    tracemalloc.start()
    started = time.perf_counter()
    shown = unified_diff(before, after, "/var/log/large")
    elapsed_s = time.perf_counter() - started
    peak_mb = tracemalloc.get_traced_memory()[1] / 1024 / 1024
    tracemalloc.stop()
    kind = "a summary" if "Summary:" in shown else "line by line"
    verdict = "ok" if elapsed_s <= 2 and peak_mb <= 100 else "MISSED"  # noqa: PLR2004 - the targets that are printed
    print(
        f"\ndiff of 100 MB with one changed line   {elapsed_s:5.2f} s, {peak_mb:.0f} MB more, as {kind}  {verdict} (<= 2 s, 100 MB)"
    )
    return {"large_diff": {"seconds": elapsed_s, "peak_mb": peak_mb, "shown": kind}}


def _large_edit() -> dict[str, Any]:
    """A line added to a file of 100 MB, with backup, checksums and all, over a plain copy of it."""
    from executors.edit_large import content_of, plan_large_change
    from executors.file_replace import read_file, replace_file
    from executors.file_state import FileHost
    from executors.local import LocalTransport
    from executors.plan import EditStep

    transport = LocalTransport(directory="/")
    host = FileHost(transport)
    with tempfile.TemporaryDirectory(prefix="sayso-bench-", dir="/var/tmp") as folder:
        file = Path(folder, "large.log")
        file.write_bytes(b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n" * (LARGE_BYTES // 65))

        def edit(line: str) -> None:
            state = read_file(transport, str(file), allow_large=True, hash_large=False)
            made = plan_large_change(host, state, "append_line", {"line": line})
            step = EditStep(str(file), made.before_sha256, None, streamed=made.streamed, later_sha256=made.later_sha256)
            with content_of(step, host, state.size_bytes) as content:
                replace_file(
                    transport,
                    str(file),
                    before_sha256=made.before_sha256,
                    after=content,
                    backup_directory=f"{folder}/store",
                )

        def copy() -> None:
            target = Path(folder, "copy")
            transport.run(["cp", "--", str(file), str(target)])
            transport.run(["sync", "--", str(target)])
            target.unlink()

        copied = min(_timed(copy) for _ in range(3))
        edited = min(_timed(partial(edit, f"line {number}")) for number in range(3))
        shutil.rmtree(f"{folder}/store")
    ratio = edited / copied
    print(
        f"edit of 100 MB, planned and carried out   {edited / 1000:5.2f} s, cp {copied / 1000:5.2f} s   {ratio:.0f} times"
    )
    return {"large_edit": {"edit_ms": edited, "copy_ms": copied, "ratio": ratio}}


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000
