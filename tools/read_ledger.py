#!/usr/bin/env python3
"""Reads a ledger as docs/internals/FORMAT.md describes it, without the program: tools/read_ledger.py [--chain] DIRECTORY

Prints each entry as one line of JSON with sorted keys, the fields named as `allocledger export` names them. With --chain it
prints the chain's link after the last entry instead. Checksums, slots, commits and the chain are verified either way; damage
ends it with status 5, and so does whatever the format does not allow. What a writer left unfinished at the end is passed
over with a note. It looks at no lock: nobody may be writing.

Needs liblz4.so.1, and nothing else that Python does not bring.
"""
import argparse
import ctypes
import hashlib
import json
import pathlib
import re
import struct
import sys
from typing import NamedTuple

EVENTS = [
    None, "host_registered", "host_resized", "host_retired", "node_created", "node_upgraded",
    "node_upgrade_rolled_back", "node_moved", "node_renamed", "node_transferred", "node_deletion_requested",
    "node_deleted", "worker_scaled", "container_created", "container_changed", "container_deleted", "entry_voided",
    "state_adopted", "repair_started", "repair_finished"]
CONTRADICTIONS = [
    None, "unknown_host", "retired_host", "host_registered_twice", "host_has_nodes", "node_created_twice",
    "unknown_node", "deletion_differs", "workers_before_differs", "overflow", "negative_counter", "unknown_entry",
    "not_an_upgrade", "already_voided", "unknown_container", "container_created_twice", "deletion_already_requested"]

NUMBERS = ("cpu_millicores", "memory_bytes", "disk_bytes")
LIMITS = ("cpu_limit", "memory_limit", "disk_limit")
ATTRIBUTES = ("image", "config", "org", "name", "protocol", "protocol_version", "semantic_version")
COMMON = ("reason", "key", "actor", "source", "cause", "contradiction")

# Tag, field, kind of value: in the order of the tags, which is that of canonical bytes.
FIELDS = list(enumerate([
    ("node", "text"), ("host", "text"), ("cpu_millicores", "number"), ("memory_bytes", "number"),
    ("disk_bytes", "number"), *((name, "text") for name in ATTRIBUTES), ("pool", "text"), ("workers_before", "number"),
    ("workers_after", "number"), ("last_issued", "number"), ("added", "list"), ("removed", "list"), ("reason", "text"),
    ("container", "text"), ("status", "text"), ("template", "text"), ("cpu_limit", "number"),
    ("memory_limit", "number"), ("disk_limit", "number"), ("target", "number"), ("target_key", "text"),
    ("present", "truth"), ("counters", "numbers4"), ("capacity", "numbers3"), ("store", "text"), ("outcome", "text"),
    ("changes", "text"), ("contradiction", "code"), ("key", "text"), ("actor", "text"), ("source", "text"),
    ("cause", "number")], start=1))
TAGS = {tag: field for tag, field in FIELDS}

# The table of kinds: stored subject, opens, closes, host, shape, workers, attributes.
SUBJECT = {**dict.fromkeys((1, 2, 3, 23), "host"), **dict.fromkeys((5, 6, 7, 8, 9, 10, 11, 21, 22), "node"),
           **dict.fromkeys((12, 24), "pool"), **dict.fromkeys((13, 14, 15, 25), "container")}
OPENS = {4, 20, 26}
CLOSES = {11, 21}
HAS_HOST = {4, 7, 20, 22}
HAS_SHAPE = {1, 2, 4, 5, 6}
HAS_WORKERS = {12}
HAS_ATTRIBUTES = {4, 5, 6, 8, 9, 20, 22}
ALWAYS_DETAILED = {6, *range(13, 27)}

# What an export prints of each type, besides COMMON.
PRINTED = {
    "host_registered": ("host", *NUMBERS), "host_resized": ("host", *NUMBERS), "host_retired": ("host",),
    "node_created": ("node", "host", *NUMBERS, *ATTRIBUTES), "node_upgraded": ("node", *NUMBERS, *ATTRIBUTES),
    "node_upgrade_rolled_back": ("node", *NUMBERS, *ATTRIBUTES), "node_moved": ("node", "host"),
    "node_renamed": ("node", "name"), "node_transferred": ("node", "org"),
    "node_deletion_requested": ("node", "host", *NUMBERS), "node_deleted": ("node", "host", *NUMBERS),
    "worker_scaled": ("pool", "workers_before", "workers_after", "last_issued", "added", "removed"),
    "container_created": ("container", "status", "template"), "container_changed": ("container", "status", "template"),
    "container_deleted": ("container", "status", "template"), "entry_voided": (),
    "repair_started": ("store", "outcome", "changes"), "repair_finished": ("store", "outcome", "changes")}
PRINTED_ADOPTIONS = {
    "node": ("node", "host", "present", *NUMBERS, *ATTRIBUTES),
    "pool": ("pool", "workers_after", "last_issued", "present"),
    "container": ("container", "status", "template", "present"), "host": ("host", "present")}

COMPRESSED, ENDS_COMMIT, CARRIES_LINK, HAS_VOIDS, HAS_LATE = 1, 2, 4, 8, 16
CONTRADICTED, DETAILED = 0x40, 0x80
SEALED = 1
PART_ATTRIBUTES, PART_ORIGINS, PART_KEYS, PART_DETAILS, PART_TEXTS = 1, 2, 4, 8, 16
PARTS_OF_NEW_IDS = {"node": 32, "host": 64, "pool": 128, "container": 256}
PART_COMMITS, PARTS = 512, 1023
EXTRA_ATTRIBUTES, EXTRA_ACTOR, EXTRA_SOURCE, EXTRA_CAUSE, EXTRA_KEY, EXTRA_NEW_ID, EXTRAS = 1, 2, 4, 8, 16, 32, 63
END_MARK = b"\xa1\x5e"
SEGMENT_HEADER, FRAME_HEADER, ROW_HEADER, LINK = 96, 24, 12, 32
ENTRIES_MAX, BODY_MAX, TEXTS_MAX = 1 << 16, 1 << 28, 1 << 28
UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CHAIN_ORIGIN = hashlib.sha256(b"allocledger chain 1").digest()


class Damaged(Exception):
    """Bytes that are not what the format says."""


class Newer(Damaged):
    """Bytes of a version that this reader does not know."""


def demand(condition, what):
    if not condition:
        raise Damaged(what)


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ CRC_TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def expand(data, count):
    """One block of LZ4's Block Format, of exactly `count` bytes."""
    library = ctypes.CDLL("liblz4.so.1")
    output = ctypes.create_string_buffer(count)
    size = library.LZ4_decompress_safe(bytes(data), output, len(data), count)
    demand(size == count, "the block does not expand")
    return output.raw


def signed64(value):
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def zigzag(value):
    return (value << 1 ^ value >> 63) & (1 << 64) - 1


def unzigzag(value):
    return signed64(value >> 1 ^ -(value & 1))


def uuid_text(data):
    digits = data.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])).encode()


class Reader:
    """Takes what the format calls varints, columns, texts and so on from bytes."""

    def __init__(self, data):
        self.data = data
        self.offset = 0

    @property
    def remaining(self):
        return len(self.data) - self.offset

    def take(self, count):
        demand(count <= self.remaining, "the data ends early")
        self.offset += count
        return self.data[self.offset - count:self.offset]

    def byte(self):
        return self.take(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            demand(shift < 63 or byte <= 1, "a number is too long")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                demand(byte or not shift, "a number is longer than needed")
                return value
            shift += 7

    def signed(self):
        return unzigzag(self.varint())

    def number(self, bits=63, bias=0):
        """A varint below 2^bits once `bias` is taken away."""
        value = self.varint() - bias
        demand(value < 1 << bits, "a number is out of range")
        return value

    def quantity(self):
        """What the body of a row has of millicores and bytes, -1 for one that is not said."""
        stored = self.varint()
        if stored == 0:
            return -1
        mantissa, exponent = divmod(stored - 1, 4)
        value = mantissa << 10 * exponent
        is_shortest = exponent == 3 or mantissa % 1024 if mantissa else exponent == 0
        demand(is_shortest and mantissa < 1 << 61 and value < 1 << 63, "a quantity is out of range")
        return value

    def count(self, limit):
        value = self.varint()
        demand(value <= limit, "a count is above its limit")
        return value

    def column(self, count, bits=64):
        """`count` numbers, each below 2^bits."""
        if count == 0:
            return []
        shape = self.byte()
        base = self.varint()
        unit = shape & 0x7F
        if shape & 0x80:
            demand(unit <= 8, "unknown column shape")
            planes = [self.take(count) for _ in range(unit)]
            offsets = [sum(plane[row] << 8 * place for place, plane in enumerate(planes)) for row in range(count)]
        else:
            demand(unit <= 64, "unknown column shape")
            packed = int.from_bytes(self.take((count * unit + 7) // 8), "little")
            mask = (1 << unit) - 1
            offsets = []
            # A long number is costly to shift, so it is cut into pieces of whole bytes first.
            for start in range(0, count, 1024):
                piece = packed & (1 << unit * 1024) - 1
                packed >>= unit * 1024
                for _ in range(min(1024, count - start)):
                    offsets.append(piece & mask)
                    piece >>= unit
        values = [base + offset & (1 << 64) - 1 for offset in offsets]
        demand(max(values) >> bits == 0, "a number is too large for its column")
        return values

    def texts(self):
        count = self.count(TEXTS_MAX)
        return [uuid_text(self.take(16)) if shape == 0 else self.take(shape - 1) for shape in self.column(count, 32)]

    def text(self):
        head = self.varint()
        if head == 1:
            return uuid_text(self.take(16))
        demand(head & 1 == 0, "the length of a text is wrong")
        text = self.take(head // 2)
        demand(not UUID.fullmatch(text), "a UUID is written as text")
        return text

    def value(self, form):
        if form == "text":
            return self.text()
        if form == "number":
            return self.signed()
        if form == "list":
            return [self.text() for _ in range(self.count(self.remaining))]
        if form in ("numbers3", "numbers4"):
            return [self.signed() for _ in range(int(form[-1]))]
        value = self.byte()
        if form == "truth":
            demand(value <= 1, "a truth is neither 0 nor 1")
            return bool(value)
        demand(1 <= value < len(CONTRADICTIONS), "unknown contradiction")
        return value

    def fact(self):
        """A fact that fills the rest of the data: its fields by name, and `type` and `time`."""
        code = self.byte()
        demand(1 <= code < len(EVENTS), "unknown event type")
        demand(self.byte() == 1, "unknown event version")
        fact = {"type": code, "time": self.signed()}
        last = 0
        while self.remaining:
            tag = self.byte()
            demand(tag in TAGS and tag > last, "unknown or misplaced field")
            last = tag
            name, form = TAGS[tag]
            fact[name] = self.value(form)
        return fact


def put_varint(value):
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def put_signed(value):
    return put_varint(zigzag(value))


def put_text(text):
    if UUID.fullmatch(text):
        return b"\x01" + bytes.fromhex(text.decode().replace("-", ""))
    return put_varint(2 * len(text)) + text


def canonical(fact):
    """The canonical bytes of a fact."""
    parts = [bytes((fact["type"], 1)), put_signed(fact["time"])]
    for tag, (name, form) in FIELDS:
        if name not in fact:
            continue
        value = fact[name]
        parts.append(bytes((tag,)))
        if form == "text":
            parts.append(put_text(value))
        elif form == "number":
            parts.append(put_signed(value))
        elif form == "list":
            parts += [put_varint(len(value)), *map(put_text, value)]
        elif form in ("numbers3", "numbers4"):
            parts += map(put_signed, value)
        else:
            parts.append(bytes((int(value),)))
    return b"".join(parts)


class Frame(NamedTuple):
    header: int
    flags: int
    stored: int
    raw: int
    entries: int
    checksum: int

    @property
    def byte_count(self):
        return self.header + self.stored + len(END_MARK)

    @property
    def body_count(self):
        return self.stored - (LINK if self.flags & CARRIES_LINK else 0)

    @staticmethod
    def at(data, offset):
        """The header at `offset`, or nothing where none can be believed."""
        is_row = data[offset:offset + 2] == b"AR"
        head = data[offset:offset + (ROW_HEADER if is_row else FRAME_HEADER)]
        return Frame.of_row(head) if is_row else Frame.of_columns(head)

    @staticmethod
    def of_row(head):
        if len(head) < ROW_HEADER or crc32c(head[:6]) & 0xFFFF != struct.unpack_from("<H", head, 6)[0]:
            return None
        flags, version, stored, checksum = struct.unpack_from("<2xBBH2xI", head)
        raw = stored - (LINK if flags & CARRIES_LINK else 0)
        frame = Frame(ROW_HEADER, flags, stored, raw, 1, checksum)
        return frame if raw >= 0 and not flags & COMPRESSED and Frame.are_known(flags, version) else None

    @staticmethod
    def of_columns(head):
        if len(head) < FRAME_HEADER or crc32c(head[:20]) != struct.unpack_from("<I", head, 20)[0]:
            return None
        magic, flags, version, stored, raw, entries, checksum = struct.unpack_from("<2sBBIIII", head)
        frame = Frame(FRAME_HEADER, flags, stored, raw, entries, checksum)
        if magic != b"AL" or raw > BODY_MAX or not 1 <= entries <= ENTRIES_MAX:
            return None
        return frame if 0 <= frame.body_count <= raw and Frame.are_known(flags, version) else None

    @staticmethod
    def are_known(flags, version):
        if version > 1:
            raise Newer(f"the block is of version {version}")
        return version == 1 and flags <= 31 and (flags & ENDS_COMMIT or not flags & CARRIES_LINK)

    @staticmethod
    def is_believed(data, offset):
        try:
            return Frame.at(data, offset) is not None
        except Newer:
            return False

    def body(self, stored):
        """The body that the stored bytes hold."""
        demand(crc32c(stored) == self.checksum, "the block's checksum is wrong")
        body = stored[:self.body_count]
        if self.flags & COMPRESSED:
            return expand(body, self.raw)
        demand(len(body) == self.raw, "the header's lengths disagree")
        return body

    def is_whole(self, stored):
        try:
            self.body(stored)
        except Damaged:
            return False
        return True


def read_manifest(directory):
    """The id of the ledger."""
    text = (directory / "LEDGER").read_bytes()
    head = text.split(b"\n")[0].split(b" ")
    demand(len(head) == 2 and head[0] == b"allocledger" and head[1].isdigit(), "LEDGER: this is not a ledger")
    demand(int(head[1]) == 1, "LEDGER: the ledger is of another version")
    lines = text.split(b"\n")
    demand(len(lines) >= 3 and lines[-1] == b"", "LEDGER: the last line is not whole")
    guarded = b"\n".join(lines[:-2]) + b"\n"
    demand(lines[-2] == b"crc32c %08x" % crc32c(guarded), "LEDGER: the checksum is wrong")
    values = dict(line.partition(b" ")[::2] for line in lines[:-2])
    demand(values.get(b"release") in (b"deletion", b"request"), "LEDGER: release is wrong")
    demand(re.fullmatch(rb"[0-9a-fA-F]{32}", values.get(b"id", b"")), "LEDGER: the id is wrong")
    return bytes.fromhex(values[b"id"].decode())


class Block(NamedTuple):
    segment: str
    offset: int
    first: int
    frame: Frame
    stored: bytes
    # The link in the header of the segment, where the block is its first.
    link_before: bytes

    def body(self):
        data = self.frame.body(self.stored)
        return Row(data, self.first) if self.frame.header == ROW_HEADER else Columns(data, self.frame.entries)


def check_tail(data, offset, can_be_torn):
    """Whether what stands at `offset`, where no whole block does, was never completed; else it is damage."""
    written = data[offset:].rstrip(b"\0")
    if not written:
        return
    demand(can_be_torn and not written.endswith(END_MARK), "the block is damaged")
    place = written.find(END_MARK)
    while place >= 0:
        demand(not Frame.is_believed(data, offset + place + len(END_MARK)), "the block is damaged")
        place = written.find(END_MARK, place + 1)


def read_segment(path, identity, first, is_last):
    """The blocks of one segment, or nothing where its header was never written."""
    data = path.read_bytes()
    head = data[:SEGMENT_HEADER]
    valid = len(head) == SEGMENT_HEADER and crc32c(head[:92]) == struct.unpack_from("<I", head, 92)[0]
    if not valid or head[:8] != b"ALLOCLOG":
        demand(is_last and len(data.rstrip(b"\0")) < SEGMENT_HEADER, f"{path.name}: the header is damaged")
        return
    version, size, flags, owner, sequence, link = struct.unpack_from("<HHI16sQ32s", head, 8)
    demand(version == 1 and size == SEGMENT_HEADER, f"{path.name}: the segment is of another version")
    demand(owner == identity, f"{path.name}: the segment belongs to another ledger")
    demand(sequence == first == int(path.stem), f"{path.name}: sequence {first} should begin here")
    demand(flags <= SEALED, f"{path.name}: the segment has unknown flags")
    # No block is added to a sealed segment any more, so its marks are all set, and nothing of it is torn.
    is_growing = is_last and not flags & SEALED
    offset = SEGMENT_HEADER
    commit = 0
    unmarked = None
    while offset < len(data):
        try:
            frame = Frame.at(data, offset)
            end = offset + frame.byte_count if frame else 0
            mark = data[end - 2:end] if frame and end <= len(data) else None
            stored = data[offset + frame.header:end - 2] if mark else b""
            demand(mark in (None, END_MARK) or mark in (b"\0\0", b"\xa1\0", b"\0\x5e"), "the end mark is damaged")
            if mark is None or mark != END_MARK and not (is_growing and frame.is_whole(stored)):
                check_tail(data, offset, is_growing)
                return
            if mark != END_MARK:
                unmarked = commit if unmarked is None else unmarked
            demand(mark != END_MARK or unmarked in (None, commit), "an earlier block has no end mark")
        except Damaged as damage:
            raise Damaged(f"{path.name}, offset {offset}: {damage}") from None
        yield Block(path.name, offset, first, frame, stored, link)
        commit += bool(frame.flags & ENDS_COMMIT)
        link = None
        first += frame.entries
        offset = end


def read_blocks(directory, identity):
    """The blocks of complete commits, in order."""
    paths = sorted(path for path in (directory / "log").iterdir() if re.fullmatch(r"\d{20}\.seg", path.name))
    blocks = []
    for path in paths:
        first = blocks[-1].first + blocks[-1].frame.entries if blocks else 1
        blocks += read_segment(path, identity, first, path == paths[-1])
    unfinished = 0
    while blocks and not blocks[-1].frame.flags & ENDS_COMMIT:
        blocks.pop()
        unfinished += 1
    if unfinished:
        print(f"note: {unfinished} blocks of a commit without an end are passed over", file=sys.stderr)
    return blocks


class Slots:
    """The ids behind the slots, as of a place in the log."""

    def __init__(self):
        self.ids = {"node": [], "host": [], "pool": [], "container": []}
        self.free = []
        self.is_free = set()

    def open(self, name):
        if self.free:
            slot = self.free.pop()
            self.is_free.remove(slot)
            self.ids["node"][slot] = name
            return slot
        self.ids["node"].append(name)
        return len(self.ids["node"]) - 1

    def name(self, kind, slot):
        demand(slot < len(self.ids[kind]), f"there is no such {kind} slot")
        return self.ids[kind][slot]


class Body:
    """What the rows of a block say, however they are laid out."""

    def __init__(self):
        self.first = self.recorded = None
        # The recorded times of the commits that begin behind the first row, by their first rows.
        self.commits = {}
        self.kinds, self.times = [], []
        # By row, of those that have such a thing.
        self.subjects, self.hosts, self.shapes, self.workers = {}, {}, {}, {}
        self.attributes, self.origins, self.keys, self.details = {}, {}, {}, {}
        self.new = {kind: [] for kind in PARTS_OF_NEW_IDS}

    @staticmethod
    def code(kind):
        """What the columns of a row follow from; a contradicted row has none."""
        return 0 if kind & CONTRADICTED else kind & 0x1F

    @staticmethod
    def event(kind):
        code = kind & 0x1F
        return "entry_voided" if code == 26 else EVENTS[17 if code >= 20 else code]

    @staticmethod
    def check(kind):
        code = kind & 0x1F
        is_known = 1 <= code <= 26 and not kind & 0x20
        needs_detail = kind & CONTRADICTED or code in ALWAYS_DETAILED
        demand(is_known and (kind & DETAILED or not needs_detail), f"unknown kind of entry {kind}")

    def fact_of_kind(self, reader, kind):
        """The details of a row, which fill the rest of the data."""
        fact = reader.fact()
        demand(EVENTS[fact["type"]] == self.event(kind), "a fact's details are of another type")
        return fact

    def follow(self, slots):
        """Yields the fact of each row, giving slots out and taking them back."""
        new = {kind: iter(names) for kind, names in self.new.items()}
        left = {kind: len(names) for kind, names in self.new.items()}
        for row, kind in enumerate(self.kinds):
            code = self.code(kind)
            subject, name = SUBJECT.get(code), None
            if code in OPENS:
                demand(left["node"], "the id of a new node is missing")
                left["node"] -= 1
                subject, name = "node", next(new["node"])
                slots.open(name)
            elif subject:
                slot = self.subjects[row]
                if subject != "node" and slot == len(slots.ids[subject]) and left[subject]:
                    left[subject] -= 1
                    slots.ids[subject].append(next(new[subject]))
                name = slots.name(subject, slot)
                if code in CLOSES:
                    demand(slot not in slots.is_free, "a node slot is closed twice")
                    slots.is_free.add(slot)
                    slots.free.append(slot)
            host = slots.name("host", self.hosts[row] - 1) if self.hosts.get(row) else None
            yield self.details[row] if kind & DETAILED else self.fact(row, code, subject, name, host)
        demand(not any(left.values()), "new ids do not match the entries")

    def fact(self, row, code, subject, name, host):
        """The fact that the columns say."""
        fact = {"type": code, "time": self.times[row], "host": host}
        fact[subject] = name
        said = list(zip(NUMBERS, self.shapes.get(row, ())))
        said += zip(("workers_before", "workers_after", "last_issued"), self.workers.get(row, ()))
        fact.update((field, value) for field, value in said if value >= 0)
        fact.update(zip(ATTRIBUTES, self.attributes.get(row, ())))
        fact.update(zip(("actor", "source", "cause"), self.origins.get(row, ())))
        fact["key"] = self.keys.get(row)
        return {field: value for field, value in fact.items() if value is not None}


class Columns(Body):
    """The body of a block, column by column."""

    def __init__(self, data, count):
        super().__init__()
        reader = Reader(data)
        self.first = reader.varint()
        self.recorded = reader.signed()
        parts = reader.varint()
        demand(parts <= PARTS, "unknown parts")
        self.commits = self.read_commits(reader, count) if parts & PART_COMMITS else {}
        self.kinds = reader.column(count, 8)
        for kind in self.kinds:
            self.check(kind)
        time = signed64(self.recorded + unzigzag(reader.varint()))
        self.times = [time]
        for distance in reader.column(count - 1):
            time = signed64(time + unzigzag(distance))
            self.times.append(time)
        self.subjects = self.spread(reader, SUBJECT)
        self.hosts = self.spread(reader, HAS_HOST)
        self.shapes = self.spread(reader, HAS_SHAPE)
        if self.shapes:
            table = self.quantities(reader, reader.count(ENTRIES_MAX), (1, 1, 1))
            self.shapes = {row: self.at(table, place) for row, place in self.shapes.items()}
        rows = [row for row, kind in enumerate(self.kinds) if self.code(kind) in HAS_WORKERS]
        self.workers = dict(zip(rows, self.quantities(reader, len(rows), (1, 0, 1))))
        attributes = self.spread(reader, HAS_ATTRIBUTES) if parts & PART_ATTRIBUTES else {}
        attribute_table = self.table(reader, 7) if parts & PART_ATTRIBUTES else []
        origins = dict(enumerate(reader.column(count, 32))) if parts & PART_ORIGINS else {}
        origin_table = self.table(reader, 3) if parts & PART_ORIGINS else []
        if parts & PART_KEYS:
            rows = reader.column(reader.count(count), 32)
            names = reader.texts()
            demand(len(names) == len(rows) and all(row < count for row in rows), "keys and rows do not match")
            self.keys = dict(zip(rows, names))
            reader.take(8 * len(rows))
        rows = [row for row, kind in enumerate(self.kinds) if kind & DETAILED]
        demand(bool(parts & PART_DETAILS) == bool(rows), "details do not match the kinds")
        for row, size in zip(rows, reader.column(len(rows))):
            self.details[row] = self.fact_of_kind(Reader(reader.take(size)), self.kinds[row])
        self.new = {kind: reader.texts() if parts & part else [] for kind, part in PARTS_OF_NEW_IDS.items()}
        texts = reader.texts() if parts & PART_TEXTS else []
        demand(reader.remaining == 0, "bytes are left over")

        def text(place):
            return self.at(texts, place - 1) if place else None

        self.attributes = {row: [text(place) for place in self.at(attribute_table, ref - 1)]
                           for row, ref in attributes.items() if ref}
        for row, ref in origins.items():
            if ref:
                actor, source, cause = self.at(origin_table, ref - 1)
                self.origins[row] = (text(actor), text(source), cause - 1 if cause else None)

    def read_commits(self, reader, count):
        """The recorded times of the commits that begin behind the first row, by their first rows."""
        commits = {}
        starts = reader.count(count - 1)
        row, time = 0, self.recorded
        for rows, times in zip(reader.column(starts), reader.column(starts)):
            row += rows + 1
            later = signed64(time + times + 1)
            demand(row < count and later > time, "the commits are not in order")
            commits[row] = time = later
        return commits

    @staticmethod
    def at(table, place):
        demand(0 <= place < len(table), "a place is beyond its table")
        return table[place]

    def spread(self, reader, codes):
        """A column of the rows whose code is in `codes`, by row."""
        rows = [row for row, kind in enumerate(self.kinds) if self.code(kind) in codes]
        return dict(zip(rows, reader.column(len(rows), 32)))

    @staticmethod
    def table(reader, width):
        count = reader.count(ENTRIES_MAX)
        return list(zip(*(reader.column(count) for _ in range(width))))

    @staticmethod
    def quantities(reader, count, biases):
        """Rows of numbers, -1 for one that is not said."""
        columns = []
        for bias in biases:
            values = [value - bias for value in reader.column(count)]
            demand(all(value < 1 << 63 for value in values), "a quantity is out of range")
            columns.append(values)
        return list(zip(*columns))


class Row(Body):
    """The body of a block of one entry, field by field."""

    def __init__(self, data, sequence):
        super().__init__()
        reader = Reader(data)
        demand(reader.byte() == sequence & 0xFF, f"it does not hold sequence {sequence}, which belongs here")
        self.first = sequence
        self.recorded = int.from_bytes(reader.take(7), "little")
        kind = reader.byte()
        self.check(kind)
        self.kinds = [kind]
        self.times = [signed64(self.recorded + reader.signed())]
        code = self.code(kind)
        if code in SUBJECT:
            self.subjects[0] = reader.number(32)
        if code in HAS_HOST:
            self.hosts[0] = reader.number(32)
        if code in HAS_SHAPE:
            self.shapes[0] = [reader.quantity() for _ in NUMBERS]
        if code in HAS_WORKERS:
            self.workers[0] = [reader.number(bias=bias) for bias in (1, 0, 1)]
        self.read_extras(reader, code)
        if kind & DETAILED:
            self.details[0] = self.fact_of_kind(reader, kind)
        demand(reader.remaining == 0, "bytes are left over")

    def read_extras(self, reader, code):
        extras = reader.byte()
        demand(extras <= EXTRAS and (code in HAS_ATTRIBUTES or not extras & EXTRA_ATTRIBUTES), "unknown parts")
        if extras & EXTRA_ATTRIBUTES:
            mask = reader.byte()
            demand(1 <= mask < 1 << len(ATTRIBUTES), "unknown attributes")
            self.attributes[0] = [reader.text() if mask >> place & 1 else None for place in range(len(ATTRIBUTES))]
        actor = reader.text() if extras & EXTRA_ACTOR else None
        source = reader.text() if extras & EXTRA_SOURCE else None
        self.origins[0] = (actor, source, reader.number() if extras & EXTRA_CAUSE else None)
        if extras & EXTRA_KEY:
            self.keys[0] = reader.text()
            reader.take(8)
        if extras & EXTRA_NEW_ID:
            subject = "node" if code in OPENS else SUBJECT.get(code)
            demand(subject, "an entry without a subject brings an id")
            self.new[subject] = [reader.text()]


def read_entries(blocks, links):
    """Yields sequence, recorded time and fact of all entries; appends the links of all commits to `links`."""
    slots = Slots()
    link = CHAIN_ORIGIN
    commit = None
    latest = recorded = None
    for block in blocks:
        try:
            body = block.body()
            demand(body.first == block.first, f"it holds sequence {body.first} where {block.first} belongs")
            demand(block.link_before in (None, link), "the chain's link before the segment is another")
            if commit is None:
                demand(recorded is None or body.recorded > recorded, "the recorded time goes back")
                commit = hashlib.sha256(link)
            else:
                demand(body.recorded == recorded, "a commit has two recorded times")
            recorded = body.recorded
            has_voids = has_late = False
            for row, fact in enumerate(body.follow(slots)):
                sequence = block.first + row
                if row in body.commits:
                    link = commit.digest()
                    links.append(link)
                    recorded = body.commits[row]
                    commit = hashlib.sha256(link)
                has_voids |= EVENTS[fact["type"]] == "entry_voided"
                has_late |= latest is not None and body.times[row] < latest
                latest = body.times[row] if latest is None else max(latest, body.times[row])
                data = struct.pack("<Qq", sequence, recorded) + canonical(fact)
                commit.update(struct.pack("<I", len(data)) + data)
                yield sequence, recorded, fact
            flags = block.frame.flags
            demand(bool(flags & HAS_VOIDS) == has_voids and bool(flags & HAS_LATE) == has_late, "the flags are wrong")
            if flags & ENDS_COMMIT:
                link = commit.digest()
                commit = None
                links.append(link)
                carried = block.stored[block.frame.body_count:]
                demand(carried in (b"", link), "the chain's link is another")
        except Damaged as damage:
            raise Damaged(f"{block.segment}, offset {block.offset}: {damage}") from None


def rfc3339(microseconds):
    """The time in UTC; datetime knows no year 0."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    days, second = divmod(seconds, 86_400)
    # The Gregorian calendar repeats after 400 years of 146,097 days; 1970 is year 370 of a cycle that begins in 1600.
    cycle, day = divmod(days + 135_140, 146_097)
    year = 1600 + 400 * cycle
    while True:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if day < 365 + leap:
            break
        day -= 365 + leap
        year += 1
    month = 0
    lengths = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    while day >= lengths[month]:
        day -= lengths[month]
        month += 1
    return (f"{year:04}-{month + 1:02}-{day + 1:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            f".{fraction:06}Z")


def printable(value):
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return [printable(element) for element in value] if isinstance(value, list) else value


def as_json(sequence, recorded, fact):
    """An entry as an export prints it."""
    event = EVENTS[fact["type"]]
    names = PRINTED.get(event)
    has_limits = event.startswith("container_")
    entry = {"entry": sequence, "recorded": rfc3339(recorded), "time": rfc3339(fact["time"]), "type": event}
    if event == "state_adopted":
        kind = next((kind for kind in ("node", "pool", "container") if kind in fact), "host")
        names = PRINTED_ADOPTIONS[kind]
        has_limits = kind == "container"
        if kind == "host":
            entry.update(zip(("nodes", *NUMBERS), fact.get("counters", ())))
            if "capacity" in fact:
                entry["capacity"] = dict(zip(NUMBERS, fact["capacity"]))
    if event in ("node_created", "node_moved"):
        entry["host"] = None
    entry.update((name, printable(fact[name])) for name in (*names, *COMMON) if name in fact)
    limits = {name: fact[name] for name in LIMITS if name in fact}
    if has_limits and limits:
        entry["limits"] = limits
    if event in ("entry_voided", "repair_started", "repair_finished") and "target" in fact:
        entry["sequence"] = fact["target"]
    if event == "node_upgrade_rolled_back":
        key = printable(fact.get("target_key"))
        said = {"upgrade": fact["target"], "upgrade_key": key} if "target" in fact else {"upgrade": key}
        entry.update((name, value) for name, value in said.items() if value is not None)
    if "contradiction" in fact:
        entry["contradiction"] = CONTRADICTIONS[fact["contradiction"]]
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--chain", action="store_true", help="print the chain's link after the last entry")
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    links = [CHAIN_ORIGIN]
    try:
        blocks = read_blocks(options.directory, read_manifest(options.directory))
        for entry in read_entries(blocks, links):
            if not options.chain:
                print(json.dumps(as_json(*entry), sort_keys=True, ensure_ascii=False, separators=(",", ":")))
    except Damaged as damage:
        sys.stdout.flush()
        print(f"error: {damage}", file=sys.stderr)
        return 5
    except OSError as failure:
        sys.exit(f"error: {failure}")
    if options.chain:
        print(links[-1].hex())
    return 0


if __name__ == "__main__":
    sys.exit(main())
