"""The jobs as a picture: a bar for each of the ledger, the limit and the peers, on a logarithmic scale."""
import html
import math

from .table import PEERS, WHO, duration, rate, size

COLOURS = {"ledger": "#0b6e4f", "limit": "#9aa5b1", "sqlite": "#3b6fb6", "duckdb": "#d98e04",
           "lmdb": "#7a4fa3", "postgresql": "#b23a48"}
NAMES = {"ledger": "allocledger", "limit": "the machine", **PEERS}
PANELS = [
    ("Entries a second: longer is better", rate, [
        ("J1 one a commit", "commit_1"), ("J1 16 callers", "commit_16"), ("J1 64 callers", "commit_64"),
        ("J1 1000 a commit", "commit_1000"), ("J1 1000 a commit, in process", "append_1000"),
        ("J1 bulk, NDJSON", "bulk"), ("J1 bulk, in process", "append_bulk"),
        ("J2 hosts alone", "replay"), ("J2 node table too", "replay_nodes")]),
    ("Time: shorter is better", duration, [
        ("J3 one host", "one_host"), ("J3 all hosts", "all_hosts"), ("J4 compare", "compare"), ("J4 join", "join")]),
    ("Bytes an entry: shorter is better", size, [("bulk", "bytes"), ("with an index of moments", "bytes_history")]),
]
LEFT, WIDTH, BAR, RIGHT = 190, 560, 15, 110


def draw(bench, path):
    """Writes the picture as SVG."""
    parts, y = [], 64
    x = 20
    for who in WHO:
        parts.append(f'<rect x="{x}" y="38" width="12" height="12" fill="{COLOURS[who]}"/>')
        parts.append(written(x + 18, 48, NAMES[who]))
        x += 130
    for title, write, jobs in PANELS:
        shown = [(name, values) for name, job in jobs if (values := values_of(bench.figures, job))]
        if not shown:
            continue
        parts.append(written(20, y + 22, title, "bold"))
        y += 34
        low, high = scale([value for _, values in shown for _, value in values])
        for name, values in shown:
            parts.append(written(LEFT - 10, y + BAR * len(values) / 2 + 4, name, anchor="end"))
            for who, value in values:
                length = WIDTH * (math.log10(value) - low) / (high - low)
                parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 3}" fill="{COLOURS[who]}"/>')
                parts.append(written(LEFT + length + 6, y + BAR - 5, write(value), size=11))
                y += BAR
            y += 8
    width, height = LEFT + WIDTH + RIGHT, y + 16
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>')
    title = f"Workload {bench.size}, {bench.count:,} entries: medians of one run, logarithmic scales"
    with open(path, "w") as file:
        file.write("\n".join([head, written(20, 24, title, "bold", size=15), *parts, "</svg>"]) + "\n")


def values_of(figures, job):
    """The figures of a job that has one of the ledger, with who has them."""
    found = [(who, value) for who in WHO if (value := figures.median(who, job)) is not None]
    return found if found and found[0][0] == "ledger" else []


def scale(values):
    """Powers of ten around the values; the shortest bar is still seen."""
    low, high = math.log10(min(values)), math.log10(max(values))
    return math.floor(low - 0.2), max(math.ceil(high), math.floor(low) + 1)


def written(x, y, text, weight="normal", anchor="start", size=12):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
            f'fill="#1f2933">{html.escape(text)}</text>')
