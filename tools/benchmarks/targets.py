"""The targets, and what one run says of each."""
from .table import PEERS, duration, gigabytes_per_second, megabytes, rate, ratio, size


def verdicts(bench):
    """Rows of target, what was measured, what stands beside it, and whether it is met."""
    f = bench.figures

    def ledger(job):
        return f.median("ledger", job)

    def peer(job, write):
        texts = [f"{name} {write(value)}" for who, name in PEERS.items() if (value := f.median(who, job)) is not None]
        return ", ".join(texts) or "–"

    def most(job, bound, write):
        value = ledger(job)
        return met(value, bound, value is not None and value <= bound, write)

    def least(job, bound, write):
        value = ledger(job)
        return met(value, bound, value is not None and value >= bound, write)

    def against(who, job, factor):
        """Whether the ledger is so many times as fast as a peer."""
        other = f.median(who, job)
        if other is None:
            return f"not judged: {PEERS[who]} could not be measured"
        return least(job, factor * other, rate)

    reference = f.median("limit", "replay")
    rows_bare = f.median("limit", "compare")
    return [
        ["J1 one entry a commit, in process ≥ 0.95 of bare fdatasync", text(ledger("append_share_1"), ratio),
         f"limit {rate(f.median('limit', 'append_1'))}; {peer('share_1', ratio)}", least("append_share_1", 0.95, ratio)],
        ["J1 one entry a commit, through pipes ≥ 0.95", text(ledger("share_1"), ratio),
         f"limit {rate(f.median('limit', 'commit_1'))}", least("share_1", 0.95, ratio)],
        ["J1 one sync a commit", text(ledger("syncs"), lambda value: f"{value:.3f}"), "opening and closing counted too",
         most("syncs", 1.05, ratio)],
        ["J1 16 callers ≥ 0.4 × 16 × bare", text(ledger("share_16"), ratio),
         rate(ledger("commit_16")), least("share_16", 0.4, ratio)],
        ["J1 64 callers ≥ 0.4 × 64 × bare", text(ledger("share_64"), ratio),
         rate(ledger("commit_64")), least("share_64", 0.4, ratio)],
        ["J1 16 callers ≥ 3 × PostgreSQL", rate(ledger("commit_16")), peer("commit_16", rate),
         against("postgresql", "commit_16", 3)],
        ["J1 over HTTP ≥ 50 k durable POSTs/s", "–", "–", "not judged: there is no service"],
        ["J1 1000 entries a commit, in process ≥ 3 × LMDB", rate(ledger("append_1000")),
         f"limit {rate(f.median('limit', 'append_1000'))}; {peer('append_1000', rate)}", against("lmdb", "append_1000", 3)],
        ["J1 bulk, in process ≥ 8 M/s", rate(ledger("append_bulk")), peer("append_bulk", rate), least("append_bulk", 8e6, rate)],
        ["J1 bulk import of NDJSON ≥ 2 M/s", rate(ledger("bulk")),
         f"limit {rate(f.median('limit', 'bulk'))}; {peer('bulk', rate)}", least("bulk", 2e6, rate)],
        ["bytes an entry ≤ 14 (stretch 13)", size(ledger("bytes")), peer("bytes", size), most("bytes", 14, size)],
        ["bytes an entry of commits of one entry ≤ 64", size(ledger("bytes_single")),
         f"{size(ledger('bytes_sealed'))} after `seal`", most("bytes_single", 64, size)],
        ["J2 to node table and hosts ≥ 40 M/s", rate(ledger("replay_of_nodes")), f"limit {rate(reference)}; {peer('replay', rate)}",
         least("replay_of_nodes", 40e6, rate)],
        ["J2 to hosts alone ≥ 40 M/s", rate(ledger("replay")), f"limit {rate(reference)}; {peer('replay', rate)}",
         least("replay", 40e6, rate)],
        ["J2 never below the C reference", rate(ledger("replay_of_nodes")),
         f"unchecked, uncompressed C fold {rate(reference)}", least("replay_of_nodes", reference, rate)],
        ["J2 peak memory ≤ 150 MB", megabytes(ledger("memory_nodes")), f"hosts alone {megabytes(ledger('memory'))}",
         most("memory_nodes", 150, megabytes)],
        ["J3 one host ≤ 2 µs, in process", duration(ledger("one_host")), peer("one_host", duration),
         most("one_host", 2e-6, duration)],
        ["J3 all hosts ≤ 1 ms, in process", duration(ledger("all_hosts")), peer("all_hosts", duration),
         most("all_hosts", 1e-3, duration)],
        ["J3 one host, whole command, cold ≤ 30 ms", duration(ledger("one_host_cold")), "–",
         most("one_host_cold", 30e-3, duration)],
        ["J3 all hosts, whole command, cold ≤ 30 ms", duration(ledger("all_hosts_cold")), "–",
         most("all_hosts_cold", 30e-3, duration)],
        ["J3 no slower at 100 M entries than at 10 M", "–", "–", f"not judged: this run has {bench.count:,} entries"],
        ["J4 join, in process ≤ 60 ms", duration(ledger("join")), peer("compare", duration), most("join", 60e-3, duration)],
        ["J4 by fingerprints ≤ 25 ms", "–", "–", "not judged: nothing compares by fingerprints"],
        ["J4 end to end ≤ 1.3 × reading the rows", duration(ledger("compare")), f"limit {duration(rows_bare)}",
         most("compare", 1.3 * rows_bare, duration)],
        ["open after a crash, 10 GiB of log ≤ 0.5 s", duration(ledger("open_after_crash")),
         "whole command that opens, repairs and commits", f"not judged: the log has {log_text(bench)}"],
        ["verify ≥ 1 GB/s of log", gigabytes_per_second(ledger("verify_bytes") / 1e9),
         "with chain and tree, not checksums alone", "not judged: checksums alone are not a command"],
        ["verify ≥ 1.3 M entries/s with chain and tree", rate(ledger("verify")), "–", least("verify", 1.3e6, rate)],
        ["start (`version`) ≤ 10 ms", duration(ledger("start")), "–", most("start", 10e-3, duration)],
    ]


def text(value, write):
    return "not counted" if value is None else write(value)


def met(value, bound, good, write):
    if value is None:
        return "**not counted**"
    if good:
        return "met"
    return f"**missed** by a factor of {max(value / bound, bound / value):.2f}"


def log_text(bench):
    return f"{bench.log_bytes / 2**20:,.0f} MiB"
