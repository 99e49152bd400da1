"""The command line of tools/bench."""
import argparse
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from . import blockvisor, counts, jobs, peers, picture, report, table
from .measure import ROOT, Bench, clocked, output, size_of


def main():
    arguments = parse()
    load = os.getloadavg()[0]
    if arguments.programs is None:
        subprocess.run([ROOT / "tools" / "build"], check=True, stdout=sys.stderr)
    programs = pathlib.Path(arguments.programs or ROOT / ".build" / "release").absolute()
    if arguments.job == "blockvisor":
        blockvisor.run(arguments, programs)
        return 0
    with tempfile.TemporaryDirectory(prefix="allocledger-bench-", dir=arguments.directory) as directory:
        bench = Bench(directory, programs, arguments.size, arguments.repeat)
        measure(bench, arguments)
        table.printed("The machine, bare", table.machine(bench.figures))
        table.printed(f"Workload {bench.size}, {bench.count:,} entries",
                      [["", *table.HEAD], *table.rows(bench.figures)])
        rows, passed = counts.gate(bench)
        table.printed("Gates", rows)
        if arguments.picture:
            picture.draw(bench, arguments.picture)
        if arguments.report:
            report.write(bench, arguments.report, arguments.picture, written_command(arguments), load)
        if arguments.record and passed:
            counts.record(bench)
    return 0 if passed else 1


def parse():
    parser = argparse.ArgumentParser(
        prog="tools/bench", description="Measures the ledger beside the machine's limits, SQLite, LMDB, PostgreSQL and DuckDB. "
        "Times are printed; counts gate: exit 1 where one is worse than the best record, or cannot be counted.")
    parser.add_argument("--size", choices=["XS", "S", "M"], default="S", help="0.1, 1 or 10 million entries (default: S)")
    parser.add_argument("--job", choices=["all", "blockvisor"], default="all", help="all jobs of a ledger, or those of a Blockvisor in "
                        "PostgreSQL with 10,000 (XS), 100,000 (S) or a million nodes (M) (default: all)")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each job, of which the median counts (default: 5)")
    parser.add_argument("--picture", metavar="FILE", help="draw the jobs as SVG")
    parser.add_argument("--report", metavar="FILE", help="write targets, jobs and counts as a page of Markdown")
    parser.add_argument("--record", action="store_true", help="append the counts to docs/internals/counts.csv, where they pass")
    parser.add_argument("--programs", metavar="DIR", help="release programs to measure (default: they are built)")
    parser.add_argument("--directory", metavar="DIR", help="where the files lie while it runs (default: TMPDIR)")
    return parser.parse_args()


def measure(bench, arguments):
    """All jobs in one order, so that what one leaves is what the next reads."""
    steps = [
        ("the machine", lambda: jobs.machine(bench)),
        ("the workload", lambda: jobs.make_facts(bench)),
        ("J1, bulk", lambda: jobs.bulk(bench)),
        ("J1, commits", lambda: commits()),
        ("J1, in process", lambda: jobs.appends(bench, peers.available(bench, "LMDB", peers.LMDB))),
        ("J1, counts", lambda: jobs.commit_counts(bench)),
        ("J2", lambda: jobs.replay(bench)),
        ("J3", lambda: jobs.moments(bench)),
        ("J4", lambda: jobs.compare(bench, sqlite())),
        ("SQLite", lambda: sqlite().jobs()),
        ("DuckDB", lambda: peers.duckdb(bench)),
        ("verification, opening, start", lambda: jobs.others(bench)),
        ("the trace azure-v1", lambda: trace(bench)),
    ]
    made = []

    def commits():
        writers = peers.available(bench, "PostgreSQL", peers.Writers)
        try:
            jobs.commits(bench, sqlite(), writers)
        finally:
            if writers:
                writers.stop()

    def sqlite():
        if not made:
            made.append(peers.SQLite(bench))
        return made[0]

    for name, step in steps:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        step()
    bench.log_bytes = size_of(bench.ledger / "log")


def trace(bench):
    """The real trace, where ALLOCLEDGER_TEST_DATA names the directory that holds it."""
    data = os.environ.get("ALLOCLEDGER_TEST_DATA")
    facts = pathlib.Path(data) / "azure-v1" / "events.ndjson.gz" if data else None
    if facts is None or not facts.exists():
        bench.figures.note("the trace azure-v1: ALLOCLEDGER_TEST_DATA names no directory that holds it")
        return
    ledger = bench.fresh("azure")
    took = clocked(bench.command(ledger, "import", "-q", facts), 1)[0]
    count = json.loads(output(bench.command(ledger, "verify", "-o", "json")))["sequence"]
    bench.figures.add("ledger", "trace", count / took)
    shutil.rmtree(ledger)


def written_command(arguments):
    """The command of this run, without what is only of this machine."""
    words = ["tools/bench", "--size", arguments.size, "--repeat", str(arguments.repeat)]
    for name in ("picture", "report"):
        if getattr(arguments, name):
            words += [f"--{name}", getattr(arguments, name)]
    return ("nice -n -20 " if os.nice(0) == -20 else "") + shlex.join(words + (["--record"] if arguments.record else []))
