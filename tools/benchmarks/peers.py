"""What a user would pick instead, doing the same jobs on the same facts in the same run."""
import pathlib
import subprocess
import sys

from . import measure, postgres
from .jobs import MOMENT, disk
from .measure import named, removed


class SQLite:
    """SQLite by its C API: sqlite.c."""

    def __init__(self, bench):
        self.bench = bench
        self.program = bench.compile("benchmarks/sqlite.c", "-lsqlite3")
        self.base = bench.where / "events.db"

    def rate(self, batch, count, seconds):
        """Entries a second in commits of so many."""
        with self.emptied():
            return named([self.program, "load", self.base, self.bench.facts, count, batch, seconds])["rate"][0]

    def emptied(self):
        return removed(self.base, f"{self.base}-wal", f"{self.base}-shm")

    def jobs(self):
        """Bulk load, replay and moments."""
        figures, facts = self.bench.figures, self.bench.facts
        with self.emptied():
            figures.add("sqlite", "bulk", *named([self.program, "load", self.base, facts, 10**9, 0, 1e9])["rate"])
            figures.add("sqlite", "bytes", self.base.stat().st_size / self.bench.count)
            for _ in range(self.bench.repeat_long):
                found = named([self.program, "replay", self.base])
                figures.add("sqlite", "replay", *found["rate"])
                self.bench.agree("SQLite", self.bench.nodes(), found["live"])
            named([self.program, "history", self.base, facts])
            figures.add("sqlite", "bytes_history", self.base.stat().st_size / self.bench.count)
            found = named([self.program, "moments", self.base, self.bench.count // 500])
            self.bench.agree("SQLite", self.bench.nodes("--at", MOMENT), found["nodes"])
            figures.add("sqlite", "one_host", *found["one_host"])
            figures.add("sqlite", "all_hosts", *found["all_hosts"])

    def compare(self, live):
        with self.emptied():
            return named([self.program, "compare", self.base, live])["compare"]

    def rows(self, live):
        return named([self.program, "rows", live])["rows"]


class LMDB:
    """LMDB by its C API: lmdb.c, which is given facts in memory."""

    NEEDED = [pathlib.Path("/usr/include/lmdb.h")]

    def __init__(self, bench):
        self.bench = bench
        self.program = bench.compile("benchmarks/lmdb.c", "-llmdb")

    def measure(self, job, batch, most):
        """Appends in commits of so many, and notes the rate, and the bytes an entry of the bulk."""
        directory = self.bench.where / "rows"
        directory.mkdir()
        with removed(directory):
            found = named([self.program, "load", directory, self.bench.facts, most, batch])
        self.bench.figures.add("lmdb", job, *found["rate"])
        if job == "append_bulk":
            self.bench.figures.add("lmdb", "bytes", *found["bytes"])


class Writers:
    """PostgreSQL by libpq: writers.c, with a server of its own on the disk that the others are measured on."""

    NEEDED = [pathlib.Path("/usr/include/postgresql/libpq-fe.h"), postgres.BINARIES / "initdb"]

    def __init__(self, bench):
        self.bench = bench
        self.program = bench.compile("benchmarks/writers.c", "-I/usr/include/postgresql", "-lpq", "-lpthread")
        self.server = postgres.Postgres(bench.where, durable=True)

    def rate(self, writers, seconds):
        """Commits of one fact a second, by so many writers."""
        return named([self.program, self.server.address, self.bench.facts, writers, seconds])["rate"][0]

    def stop(self):
        self.server.stop()


def available(bench, name, peer):
    """A peer, whose files are installed where they are missing; None where they cannot be had."""
    if not all(path.exists() for path in peer.NEEDED):
        measure.install("bench")
    missing = [str(path) for path in peer.NEEDED if not path.exists()]
    if missing:
        bench.figures.note(f"{name}: not measured, {', '.join(missing)} could not be installed")
        return None
    return peer(bench)


def duckdb(bench):
    """DuckDB in an environment of its own; where it cannot be had, the bench goes on without."""
    python = bench.where / "environment" / "bin" / "python"
    steps = ([sys.executable, "-m", "venv", bench.where / "environment"], [python, "-m", "pip", "install", "-q", "duckdb"])
    for step in steps:
        if subprocess.run(step, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            bench.figures.note("DuckDB: not measured, its Python package could not be installed")
            return
    script = measure.ROOT / "tools" / "benchmarks" / "duck.py"
    with removed(bench.where / "events.duckdb", bench.where / "commits.duckdb"):
        # The disk's speed moves within minutes: it is measured right before and right after.
        for _ in range(bench.repeat_long):
            before = disk(bench, 64)
            rate = named([python, script, bench.where, bench.facts, "commit", 1])["rate"][0]
            bench.figures.add("duckdb", "commit_1", rate)
            bench.figures.add("duckdb", "share_1", 2 * rate / (before + disk(bench, 64)))
            bench.figures.add("duckdb", "commit_1000", *named([python, script, bench.where, bench.facts, "batch", 1])["rate"])
        found = named([python, script, bench.where, bench.facts, "jobs"])
    bench.agree("DuckDB", bench.nodes(), found.pop("live"))
    bench.agree("DuckDB", bench.nodes("--at", MOMENT), found.pop("nodes"))
    for job, values in found.items():
        bench.figures.add("duckdb", job, *values)
