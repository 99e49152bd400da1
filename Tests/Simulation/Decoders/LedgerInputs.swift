internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerProofs
internal import LedgerText
internal import TestSupport

/// A small ledger on a simulated disk, and what reads its files.
struct LedgerInputs: Sendable {
  static let shared = Result { try LedgerInputs() }

  /// The files of the ledger, closed.
  private let memory: DiskMemory
  private let head: Int64
  let segment: [UInt8]
  /// Not compressed.
  let snapshot: [UInt8]
  /// Not compressed.
  let histories: [[UInt8]]
  let postings: [[UInt8]]
  let trails: [[UInt8]]
  let maps: [[UInt8]]
  /// Not compressed.
  let lates: [[UInt8]]
  let orders: [[UInt8]]

  private init() throws {
    let disk = try DecodedLedger.make()
    try LedgerInputs.write(disk)
    let reader = try Reading(disk: disk).reader()
    head = reader.head
    _ = try reader.writeSnapshot()
    segment = try DecodedLedger.bytes(of: DecodedLedger.layout.segment(1), disk)
    snapshot = LedgerInputs.expanded(
      try DecodedLedger.bytes(of: DecodedLedger.layout.snapshot(head), disk), isHistory: false)
    histories = try DecodedLedger.caches(".chg", disk).map {
      LedgerInputs.expanded($0, isHistory: true)
    }
    postings = try DecodedLedger.caches(".post", disk)
    trails = try DecodedLedger.caches(".trail", disk)
    maps = try DecodedLedger.caches(".map", disk)
    _ = try reader.projectHosts(.occurred(moment(head / 2))) { _ in }
    lates = try DecodedLedger.caches(".late", disk).map(LedgerInputs.expandedLate)
    orders = try DecodedLedger.caches(".order", disk)
    memory = disk.memory
  }

  private static func write(_ disk: SimulatedDisk) throws {
    var facts = RandomFacts(seed: 3)
    let ledger = try DecodedLedger.open(disk, at: 1, process: 1)
    for size in [1, 20, 2, 30, 10, 1] {
      let end = ledger.head + Int64(size)
      while ledger.head < end {
        let fact = facts.next()
        guard fact.type != .entryVoided, fact.type != .nodeUpgradeRolledBack else { continue }
        _ = try? ledger.admit(FactItem(fact: fact))
      }
      try ledger.commit()
    }
    ledger.writer.close()
  }

  /// The file with its body as it was before compression.
  private static func expanded(_ original: [UInt8], isHistory: Bool) -> [UInt8] {
    let headerByteCount = DecodedLedger.headerByteCount
    guard let rawCount = number(at: 12, in: original),
      let stored = isHistory ? number(at: 72, in: original) : original.count - headerByteCount,
      stored != rawCount
    else { return original }
    let end = headerByteCount + stored
    var body: [UInt8] = []
    guard
      LZ4.expand(original.span, headerByteCount..<end, count: rawCount, padding: 0, into: &body)
    else { return original }
    var bytes = Array(original[..<headerByteCount])
    if isHistory { put(UInt32(rawCount), at: 72, in: &bytes) }
    return bytes + body + original[end...]
  }

  private static func expandedLate(_ original: [UInt8]) -> [UInt8] {
    var body: [UInt8] = []
    guard let rawCount = number(at: 12, in: original), original.count - 92 != rawCount,
      LZ4.expand(original.span, 92..<original.count, count: rawCount, padding: 0, into: &body)
    else { return original }
    return original[..<92] + body
  }

  /// The ledger with `bytes` in place of a file.
  private func disk(_ path: String, _ bytes: [UInt8]) throws(DiskError) -> SimulatedDisk {
    try DecodedLedger.disk(memory, path, bytes)
  }

  // MARK: - Notes and proofs

  private func checkpoint(
    _ prover: inout Prover, at size: Int64
  ) throws -> KnownCheckpoint {
    let checkpoint = try prover.checkpoint(at: size, origin: "simulation")
    var note = SignedNote(text: checkpoint.text)
    if let key = try? SignerKey(name: "fleet", seed: [UInt8](repeating: 7, count: 32)) {
      note.add(try key.sign(note.text))
    }
    return try KnownCheckpoint(path: "checkpoint", note: note)
  }

  func notes() throws -> [[UInt8]] {
    var prover = try Prover(try Reading(disk: SimulatedDisk(memory, seed: 1)).reader())
    return [
      try checkpoint(&prover, at: 3).note.bytes, try checkpoint(&prover, at: head).note.bytes,
    ]
  }

  func proofs() throws -> [[UInt8]] {
    var prover = try Prover(try Reading(disk: SimulatedDisk(memory, seed: 1)).reader())
    let old = try checkpoint(&prover, at: 21)
    let known = try checkpoint(&prover, at: head)
    let proofs = [
      try prover.proof(ofEntry: 5, under: known), try prover.proof(from: old, to: known),
      try prover.proof(ofHost: "h-1", under: known), try prover.proof(ofHost: "no", under: known),
    ]
    return proofs.map {
      var writer = JSONWriter()
      ProofFile.write($0, to: &writer)
      return writer.bytes
    }
  }

  // MARK: - Decoders

  /// Reads, recovers and goes on with a log of one segment.
  ///
  /// Where verify finds nothing before, it finds nothing behind.
  func readSegment(_ changed: [UInt8]) throws {
    var bytes = changed
    seal(&bytes, 0..<92, at: 92)
    var next: Int? = SegmentHeader.byteCount
    while let offset = next, offset < bytes.count {
      next = BlockInputs.sealFrame(&bytes, at: offset)
    }
    let disk = try disk(DecodedLedger.layout.segment(1), bytes)
    let reading = Reading(disk: disk)
    if let reader = try? reading.reader() { look(reader) }
    guard let found = try? reading.damages(),
      let ledger = try? DecodedLedger.open(disk, at: 9, process: 2),
      (try? ledger.admit(FactItem(fact: .pool("p", from: nil, to: 7, at: 9)))) != nil,
      (try? ledger.commit()) != nil
    else { return }
    ledger.writer.close()
    guard found.isEmpty else { return }
    let after = try reading.damages()
    try demand(after.isEmpty, "after a commit verify finds \(after)")
  }

  func readSnapshot(_ changed: [UInt8]) throws {
    guard changed.count >= DecodedLedger.headerByteCount else { return }
    var bytes = changed
    put(UInt32(bytes.count - DecodedLedger.headerByteCount), at: 12, in: &bytes)
    seal(&bytes, DecodedLedger.headerByteCount..<bytes.count, at: 72)
    seal(&bytes, 0..<80, at: 80)
    look(try Reading(disk: try disk(DecodedLedger.layout.snapshot(head), bytes)).reader())
  }

  /// The tables are not compressed; which file it is follows from the sequence in it.
  func readHistory(_ changed: [UInt8]) throws {
    guard let tables = number(at: 72, in: changed), let first = number(at: 32, in: changed),
      changed.count >= DecodedLedger.headerByteCount
    else { return }
    var bytes = changed
    put(UInt32(tables), at: 12, in: &bytes)
    seal(&bytes, DecodedLedger.headerByteCount..<bytes.count, at: 76)
    seal(&bytes, 0..<80, at: 80)
    try look(at: bytes, first, ".chg")
  }

  /// Pages, directories, names and header, from the inside out.
  func readPostings(_ changed: [UInt8]) throws {
    guard let first = number(at: 28, in: changed), let nameCount = number(at: 112, in: changed)
    else { return }
    var bytes = changed
    for place in stride(from: 48, to: 112, by: 16) {
      guard sealPages(&bytes, at: place) != nil else { return }
    }
    seal(&bytes, 124..<124 + nameCount, at: 116)
    seal(&bytes, 0..<120, at: 120)
    try look(at: bytes, first, ".post")
  }

  /// The header of the segment, those of blocks, and that of the file.
  func readMap(_ changed: [UInt8]) throws {
    var bytes = changed
    let blocks = 40 + SegmentHeader.byteCount
    guard bytes.count >= blocks + 4 else { return }
    seal(&bytes, 40..<blocks - 4, at: blocks - 4)
    var next = blocks + 4
    while next + Frame.headerByteCounts.lowerBound <= bytes.count {
      next = BlockInputs.sealHeader(&bytes, at: next)
    }
    seal(&bytes, 40..<bytes.count, at: 32)
    seal(&bytes, 0..<36, at: 36)
    let disk = try disk(DecodedLedger.layout.history + "/blocks.map", bytes)
    if let reader = try? Reading(disk: disk).reader(usesCaches: true) { look(reader) }
  }

  func readTrail(_ changed: [UInt8]) throws {
    guard let last = number(at: 28, in: changed), changed.count >= 48 else { return }
    var bytes = changed
    seal(&bytes, 48..<bytes.count, at: 40)
    seal(&bytes, 0..<44, at: 44)
    try look(at: bytes, last, ".trail")
  }

  /// The tables are not compressed.
  func readLate(_ changed: [UInt8]) throws {
    guard let first = number(at: 32, in: changed), changed.count >= 92 else { return }
    var bytes = changed
    put(UInt32(bytes.count - 92), at: 12, in: &bytes)
    seal(&bytes, 92..<bytes.count, at: 84)
    seal(&bytes, 0..<88, at: 88)
    try lookByTime(at: bytes, first, ".late")
  }

  /// The trail of the nodes in it, and then its own checksums.
  func readOrder(_ changed: [UInt8]) throws {
    guard let last = number(at: 28, in: changed), changed.count >= 48 else { return }
    var bytes = changed
    var reader = ByteReader(48..<bytes.count)
    if let count = try? reader.count(bytes.span, atMost: reader.remaining), count >= 48 {
      let start = reader.offset
      seal(&bytes, start + 48..<start + count, at: start + 40)
      seal(&bytes, start..<start + 44, at: start + 44)
    }
    seal(&bytes, 48..<bytes.count, at: 40)
    seal(&bytes, 0..<44, at: 44)
    try lookByTime(at: bytes, last, ".order")
  }

  /// Puts a cache of the history into its place, and asks.
  private func look(at bytes: [UInt8], _ sequence: Int, _ ending: String) throws {
    look(try Reading(disk: try disk(at: bytes, sequence, ending)).reader())
  }

  private func disk(
    at bytes: [UInt8], _ sequence: Int, _ ending: String
  ) throws(DiskError) -> SimulatedDisk {
    try disk(
      DecodedLedger.layout.history + "/" + DecodedLedger.digits(sequence) + ending, bytes)
  }

  /// Puts a cache of late entries into its place, and asks by time.
  private func lookByTime(at bytes: [UInt8], _ sequence: Int, _ ending: String) throws {
    let reader = try Reading(disk: try disk(at: bytes, sequence, ending)).reader()
    for second in [1, head / 2, head] {
      let selection = Selection.occurred(moment(second))
      guard let found = try? reader.projectHosts(selection, { _ in }) else { continue }
      for host in found.registry.hostNames.prefix(4) {
        for node in (try? reader.nodes(on: host, selection) { _ in }) ?? [] {
          _ = try? reader.projectNode(node, selection) { _ in }
        }
      }
    }
    _ = try? reader.lateDamages()
  }

  /// Asks what caches and entries answer; they may answer or not.
  private func look(_ reader: LogReader) {
    let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true, keepsTouches: true)
    let found = try? reader.project(.all, options)
    let names =
      Array((found?.nodeNames ?? NameColumn()).prefix(4))
      + (found?.registry.hostNames.prefix(4) ?? [])
    _ = try? reader.project(.all)
    for sequence in [1, reader.head / 2, reader.head] {
      _ = try? reader.projectHosts(.sequence(sequence)) { _ in }
      _ = try? reader.projectHosts(.recorded(moment(sequence))) { _ in }
      for name in names {
        _ = try? reader.nodes(on: name, .sequence(sequence)) { _ in }
        _ = try? reader.projectNode(name, .sequence(sequence)) { _ in }
      }
    }
    var entries = reader.entries(from: 1)
    while let step = try? entries.next() { _ = step.entry }
  }
}
