"""DuckDB doing the ledger's jobs on the same facts; it runs in an environment of its own, below the scratch directory.

    python duck.py DIRECTORY FACTS commit SECONDS    commits of one fact
    python duck.py DIRECTORY FACTS batch SECONDS     commits of a thousand facts
    python duck.py DIRECTORY FACTS jobs              everything else

Prints lines of "name value". Both cores are used, as DuckDB does by itself.
"""
import os
import pathlib
import statistics
import sys
import time

import duckdb

COLUMNS = {"time": "TIMESTAMP", "type": "VARCHAR", "host": "VARCHAR", "node": "UUID", "image": "VARCHAR",
           "cpu_millicores": "BIGINT", "memory_bytes": "BIGINT", "disk_bytes": "BIGINT", "pool": "VARCHAR",
           "workers_after": "BIGINT"}
NODES = """
CREATE OR REPLACE TEMP TABLE nodes AS SELECT * EXCLUDE (gone) FROM (
  SELECT node, max(host) AS host, arg_max(image, seq) AS image, arg_max(cpu_millicores, seq) AS cpu,
         arg_max(memory_bytes, seq) AS memory, arg_max(disk_bytes, seq) AS disk, bool_or(type = 'node_deleted') AS gone
  FROM events WHERE node IS NOT NULL GROUP BY node) WHERE NOT gone"""
HOSTS = """
CREATE OR REPLACE TEMP TABLE hosts AS
  SELECT host, count(*) AS nodes, sum(cpu) AS cpu, sum(memory) AS memory, sum(disk) AS disk FROM nodes GROUP BY host"""
HISTORY = """
CREATE TABLE history AS
  WITH changes AS (
    SELECT seq, time, coalesce(host, first_value(host) OVER w) AS host, (type = 'node_created')::INT - (type = 'node_deleted')::INT AS n,
           coalesce(cpu_millicores, 0) - coalesce(lag(cpu_millicores) OVER w, 0) AS c,
           coalesce(memory_bytes, 0) - coalesce(lag(memory_bytes) OVER w, 0) AS m,
           coalesce(disk_bytes, 0) - coalesce(lag(disk_bytes) OVER w, 0) AS d
    FROM events WHERE node IS NOT NULL WINDOW w AS (PARTITION BY node ORDER BY seq))
  SELECT host, time, seq, sum(n) OVER h AS nodes, sum(c) OVER h AS cpu, sum(m) OVER h AS memory, sum(d) OVER h AS disk
  FROM changes WINDOW h AS (PARTITION BY host ORDER BY seq) ORDER BY host, time, seq"""
ONE_HOST = "SELECT nodes, cpu, memory, disk FROM history WHERE host = ? AND time <= ? ORDER BY time DESC, seq DESC LIMIT 1"
ALL_HOSTS = """SELECT host, arg_max(nodes, seq), arg_max(cpu, seq), arg_max(memory, seq), arg_max(disk, seq)
  FROM history WHERE time <= ? GROUP BY host"""
MOMENT = "2026-02-15 00:00:00"
COMPARE = """SELECT count(*) FROM nodes p FULL JOIN live l ON p.node = l.node
  WHERE p.node IS NULL OR l.node IS NULL OR p.host <> l.host OR p.image <> l.image OR p.cpu <> l.cpu
     OR p.memory <> l.memory OR p.disk <> l.disk"""


def main():
    where, facts, job = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if job == "jobs":
        jobs(where / "events.duckdb", facts)
    else:
        commits(where / "commits.duckdb", facts, job, float(sys.argv[4]))


def jobs(path, facts):
    base = duckdb.connect(str(path))
    took, count = loaded(base, facts)
    say("bulk", count / took)
    say("bytes", path.stat().st_size / count)
    say("replay", *(count / took for took in clocked(lambda: base.execute(NODES + ";" + HOSTS))))
    say("live", base.execute("SELECT count(*) FROM nodes").fetchone()[0])
    base.execute(HISTORY)
    hosts = [row[0] for row in base.execute("SELECT host FROM hosts ORDER BY hash(host) LIMIT 50").fetchall()]
    say("one_host", *(clocked(lambda host=host: base.execute(ONE_HOST, [host, MOMENT]).fetchall(), 1)[0] for host in hosts))
    say("all_hosts", *clocked(lambda: base.execute(ALL_HOSTS, [MOMENT]).fetchall()))
    say("nodes", sum(row[1] for row in base.execute(ALL_HOSTS, [MOMENT]).fetchall()))
    base.execute("CREATE TEMP TABLE live AS SELECT * FROM nodes ORDER BY hash(node)")
    say("compare", *clocked(lambda: base.execute(COMPARE).fetchall()))


def events(facts):
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    return ("SELECT row_number() OVER () AS seq, * FROM read_json('" + facts.replace("'", "''")
            + f"', format = 'newline_delimited', columns = {{{columns}}})")


def loaded(base, facts):
    began = time.perf_counter()
    base.execute("CREATE TABLE events AS " + events(facts))
    base.execute("CHECKPOINT")
    return time.perf_counter() - began, base.execute("SELECT count(*) FROM events").fetchone()[0]


def commits(path, facts, job, seconds):
    """Commits of one or of a thousand facts, of facts that are parsed already."""
    base = duckdb.connect(str(path))
    base.execute(f"CREATE TEMP TABLE facts AS SELECT * FROM ({events(facts)}) LIMIT 200000")
    base.execute("CREATE TABLE events AS SELECT * FROM facts LIMIT 0")
    row = base.execute("SELECT * FROM facts LIMIT 1").fetchone()
    one = f"INSERT INTO events VALUES ({', '.join('?' * len(row))})"
    many = "INSERT INTO events SELECT * FROM facts WHERE seq > ? AND seq <= ?"
    if job == "commit":
        say("rate", repeated(lambda _: base.execute(one, row), seconds))
    else:
        say("rate", 1000 * repeated(lambda n: base.execute(many, [1000 * n, 1000 * n + 1000]), seconds, 200))
    base.close()
    os.remove(path)


def repeated(job, seconds, most=10**9):
    began, done = time.perf_counter(), 0
    while done < most and time.perf_counter() - began < seconds:
        job(done)
        done += 1
    return done / (time.perf_counter() - began)


def clocked(job, runs=5):
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        job()
        took.append(time.perf_counter() - began)
    return took


def say(name, *values):
    print(name, statistics.median(values), flush=True)


if __name__ == "__main__":
    main()
