"""The ledger's own jobs, each beside the machine's limit."""
import contextlib
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

from . import measure
from .measure import clocked, first_lines, forget, in_process, named, output, removed, size_of

COMMIT_COUNT = 100_000
BATCH_COUNT = 200_000
TRACED_COUNT = 1_000
SECONDS = 1
MOMENT = "2026-02-15T00:00:00Z"


def machine(bench):
    """What the machine gives, bare; the disk is measured again beside the jobs that sync."""
    bench.limits = bench.compile("limits.c")
    for name, values in named([bench.limits, bench.where]).items():
        bench.figures.add("limit", name, *values)


def make_facts(bench):
    with open(bench.facts, "wb") as file:
        subprocess.run([bench.generator, "workload", "--size", bench.size], check=True, stdout=file)
    for name, values in named([bench.limits, bench.where, "read", bench.facts]).items():
        bench.figures.add("limit", name, *values)


def commits(bench, sqlite, writers):
    """J1, small commits. The disk's speed moves within minutes, so every round measures it, the ledger and its peers."""
    client, figures = bench.compile("benchmarks/client.c"), bench.figures
    rates = {
        "ledger": lambda callers: append_rate(bench, client, callers),
        "process": lambda _: append_in_process(bench, 1, COMMIT_COUNT // 10)["rate"][0],
        "sqlite": lambda _: sqlite.rate(1, 10**9, SECONDS),
        "postgresql": lambda callers: writers.rate(callers, SECONDS),
    }
    turns = [("ledger", 1), ("process", 1), ("sqlite", 1), ("ledger", 16), ("ledger", 64)]
    if writers:
        turns[4:4] = [("postgresql", 16)]
    for _ in range(bench.repeat):
        before = disk(bench, 64)
        for who, callers in turns:
            rate = rates[who](callers)
            after = disk(bench, 64)
            # Every job has a measurement of the disk right before it and one right after.
            limit, before = callers * (before + after) / 2, after
            if who == "process":
                figures.add("ledger", "append_1", rate)
                figures.add("limit", "append_1", limit)
                figures.add("ledger", "append_share_1", rate / limit)
                continue
            figures.add(who, f"commit_{callers}", rate)
            figures.add("limit", f"commit_{callers}", limit)
            figures.add(who, f"share_{callers}", rate / limit)
    with removed(bench.where / "commits", bench.where / "batches.ndjson"):
        some = first_lines(bench.facts, BATCH_COUNT, bench.where / "batches.ndjson")
        for _ in range(bench.repeat_long):
            ledger = bench.fresh("commits")
            took = clocked(bench.command(ledger, "import", "-q", "--batch", 1000, some), 1)[0]
            figures.add("ledger", "commit_1000", BATCH_COUNT / took)
            figures.add("limit", "commit_1000", 1000 * disk(bench, 64000))
            figures.add("sqlite", "commit_1000", sqlite.rate(1000, BATCH_COUNT, 1e9))


def appends(bench, lmdb):
    """J1 in process: facts in memory that the library appends, beside LMDB, which is a library too."""
    figures = bench.figures
    for _ in range(bench.repeat_long):
        for job, batch, most in (("append_1000", 1000, BATCH_COUNT), ("append_bulk", None, None)):
            if lmdb:
                lmdb.measure(job, batch or 0, most or bench.count)
            if batch:
                figures.add("limit", job, batch * disk(bench, 64 * batch))
            found = append_in_process(bench, batch, most)
            figures.add("ledger", job, *found["rate"])
            figures.add("ledger", job + "_cpu", *found["rate_of_cpu"])


def disk(bench, size):
    return named([bench.limits, bench.where, "sync", size])["sync"][0]


def append_in_process(bench, batch, most):
    """What the library appends of facts in memory: `most` of them, or all, in commits of `batch`, or one."""
    with removed(bench.where / "appended"):
        line = [bench.measurer, "append", "--ledger", bench.fresh("appended"), "--facts", bench.facts]
        line += ["--batch", batch] if batch else []
        return named([*line, "--count", most] if most else line)


def append_rate(bench, client, callers):
    ledger = bench.fresh("commits")
    line = [client, callers, SECONDS, 10**9, bench.facts, *bench.command(ledger, "append")]
    return named(line)["rate"][0]


def commit_counts(bench):
    """Bytes of commits of one entry, before and after sealing, and the syncs of one."""
    figures, client = bench.figures, bench.where / "client"
    with memory_directory(bench) as directory:
        ledger = bench.fresh("commits", directory)
        output(bench.command(ledger, "import", "-q", "--restore", stamped(bench)))
        figures.add("ledger", "bytes_single", size_of(ledger) / COMMIT_COUNT)
        output(bench.command(ledger, "seal", "-q"))
        figures.add("ledger", "bytes_sealed", size_of(ledger) / COMMIT_COUNT)
    if not shutil.which("strace"):
        measure.install("test")
    if not shutil.which("strace"):
        figures.note("syncs a commit: not counted, strace is missing")
        return
    calls, ledger = bench.where / "calls", bench.fresh("commits")
    trace = ["strace", "-f", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", calls]
    named([client, 1, 1e9, TRACED_COUNT, bench.facts, *trace, *bench.command(ledger, "append")])
    syncs = sum(1 for line in calls.read_text().splitlines() if re.search(r"\b(fsync|fdatasync|sync_file_range)\(", line))
    figures.add("ledger", "syncs", syncs / (TRACED_COUNT + 1))


def stamped(bench):
    """Facts, each recorded at a moment of its own: the same moments on every machine, so that bytes are the same too."""
    chance = random.Random(7)
    recorded = datetime.datetime(2026, 6, 1)
    to = bench.where / "stamped.ndjson"
    with open(bench.facts) as source, open(to, "w") as target:
        for entry, line in zip(range(1, COMMIT_COUNT + 1), source):
            recorded += datetime.timedelta(microseconds=100 + int(chance.expovariate(1 / 200)))
            target.write(f'{{"entry":{entry},"recorded":"{recorded.isoformat(timespec="microseconds")}Z",{line[1:]}')
    return to


@contextlib.contextmanager
def memory_directory(bench):
    """Where a sync costs nothing, because only bytes are counted there."""
    memory = pathlib.Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="allocledger-bench-", dir=memory if usable else bench.where) as directory:
        yield directory


def bulk(bench):
    """J1, everything in one commit; the ledger stays for the jobs that read it."""
    figures = bench.figures
    for _ in range(bench.repeat_long):
        bench.fresh("workload")
        took = clocked(bench.command(bench.ledger, "import", "-q", bench.facts), 1)[0]
        bench.count = bench.count or sum(1 for _ in open(bench.facts, "rb"))
        figures.add("ledger", "bulk", bench.count / took)
    with removed(bench.where / "profiled"):
        some = first_lines(bench.facts, BATCH_COUNT, bench.where / "batches.ndjson")
        bench.profile("J1 bulk import", bench.command(bench.fresh("profiled"), "import", "-q", some))
    figures.add("limit", "bulk", figures.median("limit", "read_warm") * 1e9 / (bench.facts.stat().st_size / bench.count))
    figures.add("ledger", "bytes", size_of(bench.ledger) / bench.count)


def replay(bench):
    """J2, beside a fold in C of the same facts."""
    figures = bench.figures
    line = bench.command(bench.ledger, "state", "-v", "--no-cache")
    figures.add("ledger", "replay", *(bench.count / took for took in in_process(line, bench.repeat)))
    with removed(bench.where / "columns"):
        found = named([bench.compile("benchmarks/reference.c"), bench.where / "columns", bench.facts])
        figures.add("limit", "replay", *found["rate"])
        bench.agree("the fold in C", bench.nodes(), found["live"])
    figures.add("ledger", "replay", *(bench.count / took for took in in_process(line, bench.repeat)))
    line = bench.command(bench.ledger, "state", "-q", "--no-cache")
    figures.add("ledger", "replay_whole", *clocked(line, bench.repeat))
    figures.add("ledger", "memory", measure.peak_megabytes(line))
    bench.profile("J2 full replay", line)
    # Peers keep ids of nodes. state does not; show does, with all attributes and times of each node.
    for job, rates in named([bench.measurer, "replay", "--ledger", bench.ledger, "--rounds", bench.repeat]).items():
        figures.add("ledger", f"replay_of_{job}", *rates)
    nodes = bench.command(bench.ledger, "show", "host", "host-00007", "--no-cache")
    figures.add("ledger", "replay_nodes", *(bench.count / took for took in in_process([*nodes, "-v"], bench.repeat)))
    figures.add("ledger", "memory_nodes", measure.peak_megabytes(nodes))
    bench.profile("J2 with the node table", nodes)
    instructions(bench, line)


def instructions(bench, line):
    """Instructions of user code an entry, where the machine counts them."""
    if shutil.which("perf"):
        done = subprocess.run(["perf", "stat", "-x", ",", "-e", "instructions:u", *line], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        found = re.search(r"^(\d+),", done.stderr, re.MULTILINE)
        if done.returncode == 0 and found:
            bench.figures.add("ledger", "instructions", int(found[1]) / bench.count)
            return
    bench.figures.note("instructions: not counted, this machine does not let perf count them")


def moments(bench):
    """J3: whole commands, and questions in one process that keeps the ledger open. The indexes are built before, by the first questions."""
    figures, ledger = bench.figures, bench.ledger
    figures.add("ledger", "history_build", *clocked(bench.command(ledger, "state", "-q", "--at", MOMENT), 1))
    figures.add("ledger", "bytes_history", size_of(ledger) / bench.count)
    host = ["show", "host", "host-00007"]
    figures.add("ledger", "postings_build", *clocked(bench.command(ledger, *host, "-q", "--at", MOMENT), 1))
    figures.add("ledger", "bytes_postings", size_of(ledger) / bench.count)
    for job, question in (("one_host", host), ("all_hosts", ["state"])):
        at = [*question, "--at", MOMENT]
        figures.add("ledger", job + "_whole", *clocked(bench.command(ledger, "-q", *at), bench.repeat))
        cold = clocked(bench.command(ledger, "-q", *at), bench.repeat, before=lambda: forget(ledger))
        figures.add("ledger", job + "_cold", *cold)
        bench.profile(f"J3 {job.replace('_', ' ')}", bench.command(ledger, "-q", *at))
    for _ in range(bench.repeat):
        for job, values in named([bench.measurer, "moments", "--ledger", ledger]).items():
            # By occurred time, as the commands and the peers are asked.
            figures.add("ledger", job.removesuffix("_occurred"), *values)


def compare(bench, sqlite):
    """J4, beside reading the rows of the live store and doing nothing with them."""
    figures, live = bench.figures, bench.where / "live.db"
    output(bench.command(bench.ledger, "project", "-q", "--to", f"sqlite:{live}"))
    for _ in range(bench.repeat):
        line = bench.command(bench.ledger, "validate", "-q", "--exit-zero", "--store", f"sqlite:{live}")
        figures.add("ledger", "compare", *clocked(line, 1))
        figures.add("limit", "compare", *sqlite.rows(live))
    for _ in range(bench.repeat_long):
        found = named([bench.measurer, "compare", "--ledger", bench.ledger, "--store", live])
        bench.agree("comparing", 0, found["findings"])
        figures.add("ledger", "join", *found["join"])
    bench.profile("J4 compare", line)
    figures.add("sqlite", "compare", *sqlite.compare(live))


def others(bench):
    """Verification, opening after a crash, snapshots, and the start of the program."""
    figures, ledger = bench.figures, bench.ledger
    took = clocked(bench.command(ledger, "verify", "-q"), bench.repeat_long)
    bench.profile("verify", bench.command(ledger, "verify", "-q"))
    log = size_of(ledger / "log")
    figures.add("ledger", "verify", *(bench.count / seconds for seconds in took))
    figures.add("ledger", "verify_bytes", *(log / seconds for seconds in took))
    last = bench.where / "last.ndjson"
    for number in range(bench.repeat_long):
        # A commit of one entry, torn by the loss of its last bytes; the next append opens, repairs and goes on.
        for part in ("torn", "after"):
            last.write_text('{"time":"2026-04-01T00:00:00Z","type":"host_registered","cpu_millicores":1,"memory_bytes":1,'
                            f'"disk_bytes":1,"host":"host-{part}-{number}"}}\n')
            took = clocked(bench.command(ledger, "import", "-q", last), 1)
            if part == "torn":
                segment = max((ledger / "log").glob("*.seg"))
                os.truncate(segment, segment.stat().st_size - 7)
        figures.add("ledger", "open_after_crash", *took)
        # The torn commit is gone, the one after it counts.
        bench.agree("recovery", bench.count + number + 1, [json.loads(output(bench.command(ledger, "state", "-o", "json")))["sequence"]])
    figures.add("ledger", "snapshot", *clocked(bench.command(ledger, "snapshot", "-q"), 1))
    figures.add("ledger", "state_snapshot", *clocked(bench.command(ledger, "state", "-q"), bench.repeat))
    figures.add("ledger", "start", *clocked([bench.ledger_program, "version"], 50))
