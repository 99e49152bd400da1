#!/usr/bin/env python3
"""Checks proofs of a ledger with nothing of this program's code: tools/verify_proof.py VKEY PROOF...

Written from docs/internals/PROOFS.md alone. Prints a line for each proof that holds; exits 1 at the first that does not.
Needs python3-cryptography for the signature.
"""
import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right)


def demand(holds, what):
    if not holds:
        raise ValueError(what)


def read_checkpoint(note, vkey=None):
    """The checkpoint of a note, which has to be signed by vkey where that is given."""
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    if vkey is not None:
        name, key_id, key = vkey.split("+", 2)
        key = base64.b64decode(key, validate=True)
        demand(key[0] == 1 and len(key) == 33, "the key is no Ed25519 key")
        demand(sha256(f"{name}\n".encode() + key)[:4].hex() == key_id, "the key's id is wrong")
        signed = False
        for line in signatures.splitlines():
            dash, signer, value = line.split(" ")
            value = base64.b64decode(value, validate=True)
            if (dash, signer, value[:4].hex()) == ("\u2014", name, key_id):
                # Raises where the signature is not one of the text.
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(value[4:], text.encode())
                signed = True
        demand(signed, "the key has not signed")
    lines = text.splitlines()
    words = {line.split(" ")[0]: line.split(" ")[1:] for line in lines[3:]}
    return {"size": int(lines[1]), "root": base64.b64decode(lines[2]), "ledger": words["ledger"][0],
            "hosts": base64.b64decode(words["hosts"][0])}


def tree_root(hashes_of, first, last):
    """The root over leaves first to last - 1, by the definition; hashes_of gives those of whole subtrees."""
    known = hashes_of(first, last)
    if known is not None:
        return known
    power = 1
    while power * 2 < last - first:
        power *= 2
    middle = first + power
    return node(tree_root(hashes_of, first, middle), tree_root(hashes_of, middle, last))


def inclusion_ranges(index, first, last):
    if last - first == 1:
        return []
    power = 1
    while power * 2 < last - first:
        power *= 2
    middle = first + power
    if index < middle:
        return inclusion_ranges(index, first, middle) + [(middle, last)]
    return inclusion_ranges(index, middle, last) + [(first, middle)]


def consistency_ranges(old, first, last, is_old_tree=True):
    if old == last:
        return [] if is_old_tree else [(first, last)]
    power = 1
    while power * 2 < last - first:
        power *= 2
    middle = first + power
    if old <= middle:
        return consistency_ranges(old, first, middle, is_old_tree) + [(middle, last)]
    return consistency_ranges(old, middle, last, False) + [(first, middle)]


def check_entry(proof, checkpoint, path):
    entry = base64.b64decode(proof["entry"], validate=True)
    sequence = proof["sequence"]
    length, own = struct.unpack_from("<IQ", entry)
    demand((length, own) == (len(entry) - 4, sequence), "the entry is of another sequence")
    demand(1 <= sequence <= checkpoint["size"], "the entry is not covered")
    ranges = inclusion_ranges(sequence - 1, 0, checkpoint["size"])
    demand(len(ranges) == len(path), "the path has another length")
    known = dict(zip(ranges, path))
    known[(sequence - 1, sequence)] = sha256(b"\x00" + entry)
    root = tree_root(lambda first, last: known.get((first, last)), 0, checkpoint["size"])
    demand(root == checkpoint["root"], "the root is another")
    return f"entry {sequence}"


def check_consistency(proof, checkpoint, path):
    old = read_checkpoint(proof["old_checkpoint"])
    demand(old["ledger"] == checkpoint["ledger"], "the ledgers differ")
    if old["size"] == 0:
        demand(not path and old["root"] == sha256(b""), "the empty tree has another root")
        return "consistent from 0"
    ranges = consistency_ranges(old["size"], 0, checkpoint["size"])
    demand(len(ranges) == len(path), "the path has another length")
    known = dict(zip(ranges, path))
    # A perfect old tree, or the same one, is a node of the new tree and stands in no path.
    if all(last <= old["size"] or first >= old["size"] for first, last in ranges):
        inside = [pair for pair in ranges if pair[1] <= old["size"]]
        if not inside:
            known[(0, old["size"])] = old["root"]
    look = lambda first, last: known.get((first, last))
    demand(tree_root(look, 0, old["size"]) == old["root"], "the old root is another")
    demand(tree_root(look, 0, checkpoint["size"]) == checkpoint["root"], "the new root is another")
    return f"consistent from {old['size']}"


def check_host(proof, checkpoint, path):
    name = proof["host"].encode()
    key = sha256(name)
    if proof["counters"] is not None:
        counters = proof["counters"]
        values = [counters[field] for field in ("nodes", "cpu_millicores", "memory_bytes", "disk_bytes")]
        leaf = struct.pack("<I", len(name)) + name + struct.pack("<4q", *values)
        found = sha256(b"\x00" + key + sha256(leaf))
    elif proof["other"] is not None:
        other = base64.b64decode(proof["other"]["key"])
        bits = lambda data: bin(int.from_bytes(b"\x01" + data, "big"))[3:]
        demand(other != key and bits(other)[:len(path)] == bits(key)[:len(path)], "the other host stands elsewhere")
        found = sha256(b"\x00" + other + base64.b64decode(proof["other"]["value_hash"]))
    else:
        found = bytes(32)
    for depth in reversed(range(len(path))):
        is_right = key[depth // 8] >> (7 - depth % 8) & 1
        found = node(path[depth], found) if is_right else node(found, path[depth])
    demand(found == checkpoint["hosts"], "the map of hosts has another root")
    return f"host {proof['host']} " + ("absent" if proof["counters"] is None else "present")


CHECKS = {"entry": check_entry, "consistency": check_consistency, "host": check_host}


def main():
    vkey = sys.argv[1]
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as file:
            proof = json.load(file)
        demand(proof["schema"] == "allocledger.proof/1", "not a proof")
        checkpoint = read_checkpoint(proof["checkpoint"], vkey)
        path = [bytes(32) if text is None else base64.b64decode(text, validate=True) for text in proof["path"]]
        print(f"{CHECKS[proof['kind']](proof, checkpoint, path)} at {checkpoint['size']}")


if __name__ == "__main__":
    main()
