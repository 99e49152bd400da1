"""How things are measured: programs that run, the time and memory they take, and the figures that come out."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Figures:
    """What was measured, by who did it ("ledger", "limit", "sqlite", "duckdb") and which job; several runs each."""

    def __init__(self):
        self.runs = {}
        self.notes = []

    def add(self, who, job, *values):
        self.runs.setdefault((who, job), []).extend(float(value) for value in values)

    def median(self, who, job):
        runs = self.runs.get((who, job))
        return statistics.median(runs) if runs else None

    def note(self, text):
        self.notes.append(text)
        print(f"  note: {text}", flush=True)


class Bench:
    """One run: where its files lie, which programs it measures, and what it found."""

    def __init__(self, where, programs, size, repeat):
        self.where = pathlib.Path(where)
        # Copies, because a build meanwhile would exchange what is measured in the middle of a run.
        self.ledger_program = shutil.copy2(pathlib.Path(programs) / "allocledger", self.where)
        self.generator = shutil.copy2(pathlib.Path(programs) / "allocledger-generate", self.where)
        self.measurer = shutil.copy2(pathlib.Path(programs) / "allocledger-measure", self.where)
        self.size = size
        self.repeat = repeat
        # Jobs of many seconds.
        self.repeat_long = max(1, repeat // 2)
        self.figures = Figures()
        self.profiles = []
        self.facts = self.where / "workload.ndjson"
        self.ledger = self.where / "workload"
        self.count = 0
        os.environ["XDG_STATE_HOME"] = str(where)
        os.environ.pop("ALLOCLEDGER_LEDGER", None)

    def compile(self, source, *libraries):
        """Compiles a C program of the tools and returns where it lies."""
        compiler = next((name for name in ("cc", "clang", "gcc") if shutil.which(name)), None)
        if compiler is None:
            sys.exit("bench: no C compiler; on Debian: apt-get install gcc")
        program = self.where / pathlib.Path(source).stem
        subprocess.run([compiler, "-O2", "-o", program, ROOT / "tools" / source, *libraries], check=True)
        return program

    def command(self, ledger, *arguments):
        return [str(self.ledger_program), "--ledger", str(ledger), *map(str, arguments)]

    def nodes(self, *at):
        """How many nodes the ledger says that there are."""
        return json.loads(output(self.command(self.ledger, "state", "-o", "json", *at)))["totals"]["nodes"]

    def agree(self, who, expected, found):
        """A peer that finds something else did another job."""
        if any(value != expected for value in found):
            sys.exit(f"bench: {who} finds {found}, the ledger {expected}")

    def profile(self, job, command):
        """Keeps where the time of a command goes, where perf is there to say so."""
        data = self.where / "profile"
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "999", "-o", data, *command]
        if not shutil.which("perf") or subprocess.run(record, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return
        report = ["perf", "report", "-i", data, "--stdio", "--no-children", "-g", "none", "-F", "overhead,symbol"]
        lines = [line for line in output(report).splitlines() if line.strip() and not line.startswith("#")][:4]
        if shutil.which("swift"):
            names = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(lines), stdout=subprocess.PIPE, text=True)
            lines = names.stdout.splitlines()
        self.profiles.append([job, "; ".join(re.sub(r"^\s*(\S+)\s+\[.\] ", r"\1 ", line).strip()[:80] for line in lines)])

    def fresh(self, name, directory=None):
        """An empty ledger of that name, whatever was there before."""
        ledger = pathlib.Path(directory or self.where) / name
        shutil.rmtree(ledger, ignore_errors=True)
        output(self.command(ledger, "init", "-q"))
        return ledger


def install(group):
    """Installs the packages of a group; where that fails, what needs them says so."""
    subprocess.run([ROOT / "tools" / "install-packages", group], stdout=subprocess.DEVNULL)


def output(command):
    return finished(command).stdout.decode()


def finished(command):
    """Runs a command to its end. Notes and warnings about made-up facts are no news; an error is."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        failed(command, done.returncode, done.stderr)
    return done


def failed(command, status, errors=b""):
    sys.exit(f"bench: exit {status}: {' '.join(map(str, command))}\n{errors.decode(errors='replace')[-2000:]}")


def named(command):
    """The lines of "name value" that a program prints: the values of each name."""
    found = {}
    for line in output(command).splitlines():
        name, value = line.split()
        found.setdefault(name, []).append(float(value))
    return found


def clocked(command, runs, before=None):
    """The seconds that a whole process takes, in some runs."""
    took = []
    for _ in range(runs):
        if before:
            before()
        began = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took.append(time.perf_counter() - began)
        if done.returncode != 0:
            failed(command, done.returncode, done.stderr)
    return took


def in_process(command, runs):
    """The seconds that the program itself says its replay took."""
    took = []
    for _ in range(runs):
        errors = finished(command).stderr.decode()
        found = re.search(r"replayed a log of \d+ entries in (\d+) us", errors)
        if not found:
            sys.exit(f"bench: no timing in what {' '.join(map(str, command))} says")
        took.append(int(found[1]) / 1e6)
    return took


def peak_megabytes(command):
    """The peak resident memory of a process, 10^6 bytes."""
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        failed(command, process.returncode)
    return usage.ru_maxrss * 1024 / 1e6


def size_of(directory):
    return sum(path.stat().st_size for path in pathlib.Path(directory).rglob("*") if path.is_file())


def forget(directory):
    """Asks the kernel to drop the pages of these files, and of no others."""
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def first_lines(facts, count, to):
    """The first so many lines of a file, as a file."""
    with open(facts, "rb") as source, open(to, "wb") as target:
        for _, line in zip(range(count), source):
            target.write(line)
    return to


@contextlib.contextmanager
def removed(*paths):
    """Whatever lies there afterwards is deleted."""
    try:
        yield
    finally:
        for path in paths:
            if pathlib.Path(path).is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                pathlib.Path(path).unlink(missing_ok=True)
