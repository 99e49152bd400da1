"""The jobs as rows: the ledger beside the machine's limit and its peers."""

PEERS = {"sqlite": "SQLite", "duckdb": "DuckDB", "lmdb": "LMDB", "postgresql": "PostgreSQL"}
WHO = ["ledger", "limit", *PEERS]
HEAD = ["allocledger", "limit", *PEERS.values()]


def rate(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f} M/s"
    return f"{value / 1e3:.1f} k/s" if value >= 1e4 else f"{value:,.0f} /s"


def duration(value):
    if value < 1e-3:
        return f"{value * 1e6:.1f} µs"
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


def size(value):
    return f"{value:.2f} B"


def megabytes(value):
    return f"{value:.0f} MB"


def ratio(value):
    return f"{value:.2f}"


def gigabytes_per_second(value):
    return f"{value:.2f} GB/s"


# A job, how its figures are written, their name, what its limit is.
JOBS = [
    ("J1 one entry a commit, a caller that waits", rate, "commit_1", "bare fdatasync"),
    ("J1 the same, as a share of bare fdatasync", ratio, "share_1", "by definition 1"),
    ("J1 16 callers, pipelined", rate, "commit_16", "16 × bare fdatasync"),
    ("J1 64 callers, pipelined", rate, "commit_64", "64 × bare fdatasync"),
    ("J1 one entry a commit, in process", rate, "append_1", "bare fdatasync"),
    ("J1 the same, as a share of bare fdatasync", ratio, "append_share_1", "by definition 1"),
    ("J1 1000 entries a commit, NDJSON", rate, "commit_1000", "64 kB + fdatasync"),
    ("J1 1000 entries a commit, in process", rate, "append_1000", "64 kB + fdatasync"),
    ("J1 the same, by time of processors", rate, "append_1000_cpu", None),
    ("J1 bulk import of NDJSON", rate, "bulk", "reading the file, warm"),
    ("J1 bulk, in process", rate, "append_bulk", None),
    ("J1 the same, by time of processors", rate, "append_bulk_cpu", None),
    ("bytes an entry, bulk", size, "bytes", None),
    ("bytes an entry, with the index for moments", size, "bytes_history", None),
    ("bytes an entry, with postings of hosts and nodes too", size, "bytes_postings", None),
    ("bytes an entry, commits of one entry", size, "bytes_single", None),
    ("bytes an entry, the same after `seal`", size, "bytes_sealed", None),
    ("J2 full replay, node table with ids and hosts, in process", rate, "replay_of_nodes", "unchecked C fold, uncompressed"),
    ("J2 the same with all attributes and times (`show --no-cache`)", rate, "replay_nodes", None),
    ("J2 full replay, hosts alone (`state`)", rate, "replay", "unchecked C fold, uncompressed"),
    ("J2 hosts alone, whole command", duration, "replay_whole", None),
    ("J2 peak memory, node table and hosts", megabytes, "memory_nodes", None),
    ("J2 peak memory, hosts alone", megabytes, "memory", None),
    ("J3 the first question about all hosts, whole command", duration, "history_build", None),
    ("J3 the first question about one host, whole command", duration, "postings_build", None),
    ("J3 one host at a moment, in process", duration, "one_host", None),
    ("J3 one host, by recorded time", duration, "one_host_recorded", None),
    ("J3 one host, by sequence", duration, "one_host_sequence", None),
    ("J3 the busiest host at a moment", duration, "one_host_busiest", None),
    ("J3 one host, whole command, warm", duration, "one_host_whole", None),
    ("J3 one host, whole command, cold", duration, "one_host_cold", None),
    ("J3 all hosts at a moment, in process", duration, "all_hosts", None),
    ("J3 all hosts, by recorded time", duration, "all_hosts_recorded", None),
    ("J3 all hosts, by sequence", duration, "all_hosts_sequence", None),
    ("J3 all hosts, whole command, warm", duration, "all_hosts_whole", None),
    ("J3 all hosts, whole command, cold", duration, "all_hosts_cold", None),
    ("J4 compare with a live store", duration, "compare", "reading its rows, bare"),
    ("J4 join, in process", duration, "join", None),
    ("verify", rate, "verify", None),
    ("one more commit after a torn one", duration, "open_after_crash", None),
    ("writing a snapshot", duration, "snapshot", None),
    ("state at the end, with a snapshot, whole command", duration, "state_snapshot", None),
    ("start (`version`)", duration, "start", None),
]


def rows(figures):
    """A row of texts for each job that was measured."""
    for name, write, job, limit in JOBS:
        values = [figures.median(who, job) for who in WHO]
        if values[0] is None:
            continue
        texts = ["–" if value is None else write(value) for value in values]
        if limit and values[1] is not None:
            texts[1] += f" ({limit})"
        yield [name, *texts]


def machine(figures):
    """The machine's limits, bare."""
    for name, write, job in [
        ("64 bytes + fdatasync, growing file", rate, "sync_growing"),
        ("64 bytes + fdatasync, zero-filled file", rate, "sync_zero_filled"),
        ("64 kB + fdatasync, growing file", rate, "sync_64_kb"),
        ("memcpy, one thread", gigabytes_per_second, "memcpy"),
        ("updates at random in 8 MiB", rate, "updates_8_mib"),
        ("updates at random in 256 MiB", rate, "updates_256_mib"),
        ("reading a file, cold", gigabytes_per_second, "read_cold"),
        ("reading a file, warm", gigabytes_per_second, "read_warm"),
    ]:
        value = figures.median("limit", job)
        if value is not None:
            yield [name, write(value)]


def printed(heading, table):
    """Prints rows in columns."""
    print(f"\n{heading}", flush=True)
    table = [list(map(str, row)) for row in table]
    widths = [max(len(row[column]) for row in table if column < len(row)) for column in range(max(map(len, table), default=0))]
    for row in table:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip(), flush=True)


def markdown(header, table):
    """Rows as a table of Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *table]]
    return "\n".join(lines)
