"""The fleet of a Blockvisor in a real PostgreSQL: validation beside what reading its rows costs, and repair."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import table
from .measure import Bench, clocked, output, peak_megabytes
from .postgres import Postgres, fleet

# What a validation has to look at, and no more.
QUERIES = {
    "hosts": "SELECT id, org_id, cpu_cores, memory_bytes, disk_bytes, node_count, node_cpu_cores, node_memory_bytes, "
             "node_disk_bytes, deleted_at FROM hosts",
    "configs": "SELECT id, image_id, config_type::text, config FROM configs",
    "nodes": "SELECT id, org_id, host_id, image_id, config_id, cpu_cores, memory_bytes, disk_bytes FROM nodes "
             "WHERE deleted_at IS NULL",
    "orgs": "SELECT id, host_count, node_count FROM orgs",
}
REPAIRED = 10_000


def run(arguments, programs):
    """Builds the fleet, measures, prints; gates on nothing, because all of it are times."""
    with tempfile.TemporaryDirectory(prefix="allocledger-bench-", dir=arguments.directory) as directory:
        os.environ["XDG_STATE_HOME"] = directory
        bench = Bench(directory, programs, arguments.size, arguments.repeat)
        nodes, hosts = {"XS": (10_000, 200), "S": (100_000, 2_000), "M": (1_000_000, 20_000)}[arguments.size]
        server = Postgres(directory)
        try:
            fleet(server, nodes, hosts)
            measured(bench, server, nodes, hosts)
        finally:
            server.stop()


def measured(bench, server, nodes, hosts):
    bare = [bench.compile("benchmarks/copy.c", "-I/usr/include/postgresql", "-lpq"), server.address, *QUERIES.values()]
    store = ["--store", server.address]
    ledger = pathlib.Path(bench.where) / "fleet"
    output(bare)
    output(bench.command(ledger, "init", "-q"))
    imported = clocked(bench.command(ledger, "import", "-q", "--from", server.address), 1)[0]
    own = [str(bench.ledger_program), "validate", "-q", *store, "--checks", "config,counters"]
    both = bench.command(ledger, "validate", "-q", *store)
    # In turns, so that a machine that is busy for a while is so for all of them.
    for _ in range(bench.repeat):
        bench.figures.add("bare", "read", *clocked(bare, 1))
        bench.figures.add("ledger", "own", *clocked(own, 1))
        bench.figures.add("ledger", "both", *clocked(both, 1))
    median = bench.figures.median
    reading = median("bare", "read")
    rows = [["", "seconds", "× reading", "peak MB"], ["reading the rows through libpq", f"{reading:.2f}", "1.00", "–"]]
    for name, job, command in [("validate, configs and counters", "own", own), ("validate, against the ledger too", "both", both)]:
        took = median("ledger", job)
        rows.append([name, f"{took:.2f}", f"{took / reading:.2f}", f"{peak_megabytes(command):.0f}"])
    rows.append(["import --from", f"{imported:.2f}", f"{imported / reading:.2f}",
                 f"{import_memory(bench, server):.0f}"])
    rows.append([f"repair of {REPAIRED:,} nodes", f"{repair(bench, server, ledger):.2f}", "–", "–"])
    table.printed(f"A Blockvisor of {nodes:,} nodes and {hosts:,} hosts", rows)


def import_memory(bench, server):
    ledger = bench.fresh("imported")
    peak = peak_megabytes(bench.command(ledger, "import", "-q", "--from", server.address))
    shutil.rmtree(ledger)
    return peak


def repair(bench, server, ledger):
    """The time in which so many rows are brought back to what the ledger says."""
    server.sql(f"UPDATE nodes SET memory_bytes = memory_bytes + 1 WHERE id IN (SELECT id FROM nodes LIMIT {REPAIRED})")
    command = bench.command(ledger, "repair", "-q", "--store", server.address, "--apply")
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    took = time.perf_counter() - began
    bench.agree("repair", 3, [done.returncode])
    output(bench.command(ledger, "validate", "-q", "--store", server.address))
    return took
