internal import LedgerCore
package import LedgerText

/// A proof as a JSON document, `allocledger.proof/1`; docs/internals/PROOFS.md.
package enum ProofFile {
  package static let schema = "allocledger.proof/1"

  private enum Kind: String {
    case entry
    case consistency
    case host
  }

  /// Writes `proof` as one document.
  package static func write(_ proof: Proof, to json: inout JSONWriter) {
    json.beginObject()
    json.text("schema", schema)
    switch proof.claim {
    case .entry(let sequence, let bytes, let path):
      json.text("kind", Kind.entry.rawValue)
      json.key("sequence")
      json.integer(sequence)
      json.text("entry", Base64.text(of: bytes))
      json.hashes("path", path)
    case .consistency(let old, let path):
      json.text("kind", Kind.consistency.rawValue)
      json.text("old_checkpoint", String(decoding: old.bytes, as: UTF8.self))
      json.hashes("path", path)
    case .host(let host, let found):
      json.text("kind", Kind.host.rawValue)
      json.key("host")
      json.name(host)
      write(found, to: &json)
    }
    json.text("checkpoint", String(decoding: proof.note.bytes, as: UTF8.self))
    json.endObject()
  }

  private static func write(_ proof: HostProof, to json: inout JSONWriter) {
    json.key("counters")
    if case .present(let leaf) = proof.finding {
      json.beginObject()
      for (name, value) in zip(Counters.fieldNames, leaf.counters.values) {
        json.key(name)
        json.integer(value)
      }
      json.endObject()
    } else {
      json.null()
    }
    json.key("other")
    if case .other(let key, let valueHash) = proof.finding {
      json.beginObject()
      json.text("key", Base64.text(of: key))
      json.text("value_hash", Base64.text(of: valueHash))
      json.endObject()
    } else {
      json.null()
    }
    json.hashes("path", proof.siblings)
  }

  /// Reads a document.
  ///
  /// - Throws: `ProofError.malformed` where it is not a whole proof.
  package static func read(_ bytes: [UInt8]) throws(ProofError) -> Proof {
    let document: JSONValue
    do throws(JSONError) { document = try JSONValue(bytes) } catch {
      throw .malformed("the proof is not JSON: at byte \(error.offset): \(error.message)")
    }
    let found = document["schema"]?.string
    guard found == schema else {
      throw .malformed("the file is \(found ?? "something else"), expected \(schema)")
    }
    guard let text = document["checkpoint"]?.string, let claim = try claim(document) else {
      throw .malformed("the proof is not whole: a member is missing or malformed")
    }
    return Proof(note: try SignedNote(Array(text.utf8)), claim: claim)
  }

  private static func claim(_ document: JSONValue) throws(ProofError) -> Proof.Claim? {
    guard let kind = document["kind"]?.string.flatMap({ Kind(rawValue: $0) }),
      let path = hashes(document["path"])
    else { return nil }
    switch kind {
    case .entry:
      guard let sequence = document["sequence"]?.integer,
        let entry = document["entry"]?.string.flatMap({ Base64.bytes(of: $0) })
      else { return nil }
      return .entry(sequence: sequence, bytes: entry, path: path)
    case .consistency:
      guard let old = document["old_checkpoint"]?.string else { return nil }
      return .consistency(old: try SignedNote(Array(old.utf8)), path: path)
    case .host:
      guard let host = document["host"]?.string, let finding = finding(document, Name(host)) else {
        return nil
      }
      return .host(Name(host), HostProof(finding: finding, siblings: path))
    }
  }

  private static func finding(_ document: JSONValue, _ host: Name) -> HostProof.Finding? {
    guard let counters = document["counters"], let other = document["other"] else { return nil }
    if !counters.isNull {
      let values = Counters.fieldNames.compactMap { counters[$0]?.integer }
      guard values.count == Counters.fieldNames.count, other.isNull else { return nil }
      let resources = Resources(
        cpuMillicores: values[1], memoryBytes: values[2], diskBytes: values[3])
      return .present(
        HostLeaf(host: host, counters: Counters(nodes: values[0], resources: resources)))
    }
    if other.isNull { return .nothing }
    guard let key = hash(other["key"]), let valueHash = hash(other["value_hash"]) else {
      return nil
    }
    return .other(key: key, valueHash: valueHash)
  }

  private static func hashes(_ value: JSONValue?) -> [[UInt8]]? {
    guard let elements = value?.elements else { return nil }
    let hashes = elements.compactMap { $0.isNull ? HostMap.empty : hash($0) }
    return hashes.count == elements.count ? hashes : nil
  }

  private static func hash(_ value: JSONValue?) -> [UInt8]? {
    value?.string.flatMap { Base64.bytes(of: $0) }.flatMap {
      $0.count == Merkle.hashByteCount ? $0 : nil
    }
  }
}

extension JSONWriter {
  fileprivate mutating func text(_ name: String, _ text: String) {
    key(name)
    string(text)
  }

  /// Hashes in Base 64; the map of no hosts, which is all zeros, is null.
  fileprivate mutating func hashes(_ name: String, _ hashes: [[UInt8]]) {
    key(name)
    beginArray()
    for hash in hashes {
      if hash == HostMap.empty { null() } else { string(Base64.text(of: hash)) }
    }
    endArray()
  }
}
