"""Counts, which are nearly equal on every machine, gate; their history is kept in docs/internals/counts.csv."""
import csv
import datetime

from .measure import ROOT, output

HISTORY = ROOT / "docs" / "internals" / "counts.csv"
COLUMNS = ["date", "version", "count", "value"]

# The figure, how a count is called, whether it depends on the size, how much worse than the best record it may be,
# and what it may never exceed.
COUNTS = [
    ("bytes", "bytes_an_entry", True, 0.01, 14),
    ("bytes_history", "bytes_an_entry_with_history", True, 0.01, None),
    ("bytes_single", "bytes_an_entry_single_commits", True, 0.01, None),
    ("bytes_sealed", "bytes_an_entry_stamped_commits_sealed", True, 0.01, None),
    ("syncs", "syncs_a_commit", False, 0.01, 1.05),
    ("memory_nodes", "replay_with_nodes_peak_megabytes", True, 0.05, None),
    ("memory", "replay_peak_megabytes", True, 0.05, 150),
    ("instructions", "replay_instructions_an_entry", True, 0.02, None),
]


def counted(bench):
    """The counts of this run, by name; None where one could not be counted."""
    return {f"{bench.size}.{name}" if sized else name: bench.figures.median("ledger", figure)
            for figure, name, sized, _, _ in COUNTS}


def gate(bench):
    """Compares with the best record and with what is never exceeded; returns rows and whether all passed."""
    records, rows, passed = best_records(), [], True
    for (_, _, _, worse, most), (name, value) in zip(COUNTS, counted(bench).items()):
        if value is None and name not in records and most is None:
            rows.append((name, "not counted", "not counted before either"))
            continue
        bounds = [records[name] * (1 + worse)] if name in records else []
        bounds += [most] if most is not None else []
        good = value is not None and all(value <= bound for bound in bounds)
        passed = passed and good
        text = f"at most {min(bounds):,.3f}" if bounds else "not recorded yet"
        rows.append((name, "not counted" if value is None else f"{value:,.3f}", f"{text}: {'ok' if good else 'FAILED'}"))
    return rows, passed


def best_records():
    """The lowest value of each count: the last one would let a count grow by a percent a run."""
    best = {}
    if HISTORY.exists():
        with open(HISTORY, newline="") as file:
            for row in csv.DictReader(file):
                best[row["count"]] = min(float(row["value"]), best.get(row["count"], float("inf")))
    return best


def record(bench):
    """Appends the counts of this run to the history."""
    version = output([bench.ledger_program, "version"]).split()[1]
    fresh = not HISTORY.exists()
    with open(HISTORY, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(COLUMNS)
        for name, value in counted(bench).items():
            if value is not None:
                writer.writerow([datetime.date.today().isoformat(), version, name, f"{value:.3f}"])
