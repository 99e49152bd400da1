internal import LedgerFormat

/// A decoder of bytes from outside.
///
/// Whatever it is fed with, it answers with a value or with an error of its own. Checksums are made right first, so that what
/// lies below them is reached.
package enum Decoder: String, CaseIterable, Sendable {
  /// The body of a block, behind two bytes of its count of entries.
  case block
  /// A column of numbers, behind two bytes of its count; where that is 0, a list of names.
  case column
  case csv
  /// The canonical bytes of a fact.
  case entry
  /// Facts as lines of JSON.
  case facts
  /// A block as it stands in a segment.
  case frame
  /// A file of history of a small ledger.
  case history
  case json
  /// A file of keys of a small ledger.
  case keys
  /// A file of late entries of a small ledger.
  case late
  /// The headers of a small ledger's blocks.
  case map
  /// A signed note and the checkpoint in it.
  case note
  /// A trail of the order of a small ledger.
  case order
  /// A plan of repairs.
  case plan
  /// A file of postings of a small ledger.
  case postings
  case proof
  /// The body of a block of one entry.
  case row
  /// The one segment of a small ledger.
  case segment
  /// A snapshot of a small ledger.
  case snapshot
  /// A trail of the nodes of a small ledger.
  case trail
  case yaml

  /// Decodes `bytes`; what is accepted must come back when it is encoded and decoded again.
  ///
  /// - Throws: `Violation` where it does not, and what else must not happen.
  package func decode(_ bytes: [UInt8]) throws {
    switch self {
    case .block: BlockInputs.decodeBlock(bytes)
    case .column: try BlockInputs.decodeColumn(bytes)
    case .entry: try BlockInputs.decodeEntry(bytes)
    case .frame: BlockInputs.decodeFrame(bytes)
    case .row: BlockInputs.decodeRow(bytes)
    case .csv: TextInputs.readCSV(bytes)
    case .facts: TextInputs.readFacts(bytes)
    case .json: try TextInputs.readJSON(bytes)
    case .note: try TextInputs.readNote(bytes)
    case .plan: TextInputs.readPlan(bytes)
    case .proof: try TextInputs.readProof(bytes)
    case .yaml: TextInputs.readYAML(bytes)
    case .history: try LedgerInputs.shared.get().readHistory(bytes)
    case .keys: try KeyInputs.shared.get().read(bytes)
    case .late: try LedgerInputs.shared.get().readLate(bytes)
    case .map: try LedgerInputs.shared.get().readMap(bytes)
    case .order: try LedgerInputs.shared.get().readOrder(bytes)
    case .postings: try LedgerInputs.shared.get().readPostings(bytes)
    case .segment: try LedgerInputs.shared.get().readSegment(bytes)
    case .trail: try LedgerInputs.shared.get().readTrail(bytes)
    case .snapshot: try LedgerInputs.shared.get().readSnapshot(bytes)
    }
  }

  /// Bytes that are accepted.
  package func samples(seed: UInt64) throws -> [[UInt8]] {
    var blocks = BlockInputs(seed: seed)
    var texts = TextInputs(seed: seed)
    return switch self {
    case .block: blocks.blocks()
    case .column: blocks.columns()
    case .entry: blocks.entries()
    case .frame: blocks.frames()
    case .row: blocks.rows()
    case .csv: [texts.csv()]
    case .facts, .json: [texts.facts()]
    case .note: try LedgerInputs.shared.get().notes()
    case .plan: [TextInputs.plan]
    case .proof: try LedgerInputs.shared.get().proofs()
    case .yaml: [TextInputs.yaml]
    case .history: try LedgerInputs.shared.get().histories
    case .keys: try KeyInputs.shared.get().files
    case .late: try LedgerInputs.shared.get().lates
    case .map: try LedgerInputs.shared.get().maps
    case .order: try LedgerInputs.shared.get().orders
    case .postings: try LedgerInputs.shared.get().postings
    case .segment: [try LedgerInputs.shared.get().segment]
    case .trail: try LedgerInputs.shared.get().trails
    case .snapshot: [try LedgerInputs.shared.get().snapshot]
    }
  }
}

/// Puts the checksum of `range` at `place`, where there is room for both.
func seal(_ bytes: inout [UInt8], _ range: Range<Int>, at place: Int) {
  guard place + 4 <= bytes.count, range.upperBound <= bytes.count else { return }
  put(CRC32C.of(bytes.span, range), at: place, in: &bytes)
}

/// Makes the checksums of a run of pages right, whose place is said at `place`; returns the end of its directory.
func sealPages(_ bytes: inout [UInt8], at place: Int) -> Int? {
  guard let offset = number(at: place, in: bytes), let count = number(at: place + 4, in: bytes),
    let pages = number(at: place + 8, in: bytes), pages <= bytes.count
  else { return nil }
  let directory = offset + count
  var start = offset
  for page in 0..<pages {
    let entry = directory + 16 * page
    guard let length = number(at: entry + 8, in: bytes) else { break }
    let end = offset + length
    if start <= end { seal(&bytes, start..<end, at: entry + 12) }
    start = end
  }
  seal(&bytes, directory..<directory + 16 * pages, at: place + 12)
  return directory + 16 * pages
}

/// Puts a number at `place`.
func put(_ value: UInt32, at place: Int, in bytes: inout [UInt8]) {
  var writer = ByteWriter()
  writer.put(fixed: value)
  bytes.replaceSubrange(place..<place + 4, with: writer.bytes)
}

/// The number at `place`.
func number(at place: Int, in bytes: [UInt8]) -> Int? {
  guard place + 4 <= bytes.count else { return nil }
  var reader = ByteReader(place..<place + 4)
  return (try? reader.fixed(UInt32.self, bytes.span)).map { Int($0) }
}
