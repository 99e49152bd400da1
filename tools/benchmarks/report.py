"""docs/internals/PERFORMANCE.md, written by the run that it tells of, so that it is never stale by hand."""
import datetime
import os
import pathlib
import platform
import re
import sqlite3

from . import counts, table, targets

HEAD = """# Performance

`tools/bench` wrote this page; nobody edits it. All figures are of **one run**, on {date}, of version {version}:

```sh
{command}
```

{cores} cores ({processor}), {system}, load {load:.1f} when it began. Workload {size}: {count:,} entries. Figures are medians,
of {repeat} runs or {repeat_long} where one takes seconds (bulk load and tables of peers: one). The disk and the neighbours of a
machine move times by factors, so compare within the run, not with another one. Counts move hardly, and gate: see the end.

How the peers do it: SQLite {sqlite}, by its C API with prepared statements, WAL and `synchronous=FULL`, rows with ids as
bytes and hosts and images as numbers, replay by a fold in C, moments from an index table of counters after every event.
DuckDB by its Python package and SQL, on all cores. LMDB by its C API, rows of fixed size by their sequence, each commit synced;
like the ledger's own rates in process, its rates begin with facts in memory. PostgreSQL by libpq and prepared statements,
`synchronous_commit=on`, a connection for each writer, with nothing tuned for durability. The run stops where either, or the fold in C, counts other nodes than the ledger.
Cold means that the kernel was asked to forget the pages of the ledger's own files.

J2 is judged in process by a replay that keeps a table of nodes with ids, as the C fold and the peers do, which keep the image too;
`show --no-cache` keeps all attributes and times of nodes besides, and `state --no-cache` no ids, so its figures are those of a smaller job.

DuckDB's commits are measured after the others, when the disk may be another: its share of bare fdatasync has its own
measurement of the disk beside it, its rates have not.
"""


def write(bench, path, picture, command, load):
    """Writes the page; `picture` is the path of the drawing, or None."""
    path, version = pathlib.Path(path), counts.output([bench.ledger_program, "version"]).split()[1]
    parts = [HEAD.format(
        date=datetime.date.today().isoformat(), version=version, command=command, cores=os.cpu_count(),
        processor=processor(), system=platform.system(), load=load, size=bench.size, count=bench.count,
        repeat=bench.repeat, repeat_long=bench.repeat_long, sqlite=sqlite_version())]
    parts += ["## Targets\n", table.markdown(["target", "measured", "beside it", "verdict"], targets.verdicts(bench)), ""]
    parts += ["## Jobs\n", table.markdown(["job", *table.HEAD], table.rows(bench.figures)), ""]
    if picture:
        parts += [f"![The jobs as bars]({os.path.relpath(picture, path.parent)})\n"]
    parts += ["## The machine, bare\n", table.markdown(["what", "rate"], table.machine(bench.figures)), ""]
    if bench.profiles:
        parts += ["## Where the time goes\n", "Of whole commands, by `perf record -e cpu-clock`.\n",
                  table.markdown(["job", "profile"], bench.profiles), ""]
    if bench.figures.notes:
        parts += ["Not measured:\n", "\n".join(f"- {note}" for note in bench.figures.notes), ""]
    rows, _ = counts.gate(bench)
    parts += ["## Counts\n", "They gate against the lowest of each in [counts.csv](counts.csv), to which `--record` adds those of a run that passes.\n",
              table.markdown(["count", "value", "gate"], rows), ""]
    path.write_text("\n".join(parts))


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def sqlite_version():
    return sqlite3.sqlite_version
