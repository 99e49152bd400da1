package import LedgerCore
internal import LedgerFormat
package import LedgerPorts

/// Where the parts of a ledger lie in its directory.
package struct LogLayout: Hashable, Sendable {
  package let directory: String

  package init(directory: String) {
    self.directory = directory
  }

  package var manifest: String { directory + "/LEDGER" }
  /// Held by the writer; holds how far the log is durable while it is held.
  package var lock: String { directory + "/LOCK" }
  package var segments: String { directory + "/log" }
  /// What recovery cut off, kept as evidence.
  package var recovered: String { directory + "/recovered" }
  package var snapshots: String { directory + "/snapshots" }
  /// How hosts' counters changed, as caches.
  package var history: String { directory + "/history" }
  /// One line for each run of validate, repair and undo.
  package var audit: String { directory + "/audit.ndjson" }
  /// What live stores were seen to hold.
  package var observations: String { directory + "/observations.ndjson" }
  /// Changes of live stores that were caught as they happened.
  package var captures: String { directory + "/captures.ndjson" }
  /// A bisection that is under way.
  package var bisection: String { directory + "/bisect.json" }

  /// Whether there is a log, with or without the file that declares it.
  func holdsSegments(_ disk: any Disk) throws(LogError) -> Bool {
    do throws(DiskError) {
      guard try disk.exists(segments) else { return false }
      return try disk.list(segments).contains { $0.hasSuffix(".seg") }
    } catch { throw .disk(error) }
  }

  package func segment(_ firstSequence: Int64) -> String {
    segments + "/" + LogLayout.sortable(firstSequence) + ".seg"
  }

  package func snapshot(_ sequence: Int64) -> String {
    snapshots + "/" + LogLayout.sortable(sequence) + ".snap"
  }

  func history(from firstSequence: Int64) -> String {
    history + "/" + LogLayout.sortable(firstSequence) + ".chg"
  }

  func historySnapshot(_ sequence: Int64) -> String {
    history + "/" + LogLayout.sortable(sequence) + ".snap"
  }

  /// The headers of the log's blocks, side by side.
  var knownBlocks: String { history + "/blocks.map" }

  func postings(from firstSequence: Int64) -> String {
    history + "/" + LogLayout.sortable(firstSequence) + ".post"
  }

  func trail(_ sequence: Int64) -> String {
    history + "/" + LogLayout.sortable(sequence) + ".trail"
  }

  func lateEntries(from firstSequence: Int64) -> String {
    history + "/" + LogLayout.sortable(firstSequence) + ".late"
  }

  func orderTrail(_ sequence: Int64) -> String {
    history + "/" + LogLayout.sortable(sequence) + ".order"
  }

  /// Twenty digits, so that names sort as numbers do.
  static func sortable(_ number: Int64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 20 - digits.count) + digits
  }
}

/// The file `LEDGER`: what was declared when the ledger was made.
///
/// Text, so that people can read it.
///
///     allocledger 1
///     id 32 hexadecimal digits
///     created RFC 3339
///     release deletion|request
///     segment bytes, where another limit than the usual one was declared
///     crc32c 8 hexadecimal digits, of all bytes before this line
package struct Manifest: Hashable, Sendable {
  private static let version = 1

  package let id: [UInt8]
  package let created: Timestamp
  package let policy: ReleasePolicy
  /// A segment this long is followed by another, before the next block.
  package let segmentByteCountMax: Int

  package static let usualSegmentByteCountMax = 1 << 28

  package init(
    id: [UInt8], created: Timestamp, policy: ReleasePolicy,
    segmentByteCountMax: Int = Manifest.usualSegmentByteCountMax
  ) {
    self.id = id
    self.created = created
    self.policy = policy
    self.segmentByteCountMax = segmentByteCountMax
  }

  package var bytes: [UInt8] {
    let text =
      "allocledger \(Manifest.version)\nid \(hex(id))\ncreated \(created.rfc3339)\n"
      + "release \(policy.name)\n"
      + (segmentByteCountMax == Manifest.usualSegmentByteCountMax
        ? "" : "segment \(segmentByteCountMax)\n")
    return Array((text + "crc32c " + Manifest.checksum(Array(text.utf8)) + "\n").utf8)
  }

  private static func checksum(_ bytes: [UInt8]) -> String {
    let value = CRC32C.of(bytes)
    return hex([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) })
  }

  /// Reads the manifest of a ledger.
  package static func read(
    _ layout: LogLayout, _ disk: any Disk
  ) throws(LogError) -> Manifest {
    let path = layout.manifest
    let file: any DiskFile
    do throws(DiskError) { file = try disk.open(path, .read) } catch {
      guard error.kind == .missing else { throw .disk(error) }
      if try layout.holdsSegments(disk) {
        throw .damaged(
          Damage(.missing, file: path, offset: 0, "the file that declares the ledger is missing"))
      }
      throw .notALedger(path: layout.directory, why: "it has no file LEDGER")
    }
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in try file.read(at: 0, count: 4_096, into: &bytes) }
    return try Manifest(bytes, path)
  }

  private init(_ bytes: [UInt8], _ path: String) throws(LogError) {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    let head = lines[0].split(separator: " ")
    guard head.count == 2, head[0] == "allocledger", let version = Int(head[1]) else {
      if bytes.count > 40, bytes.suffix(17).starts(with: Array("crc32c ".utf8)) {
        throw .damaged(Damage(.rotten, file: path, offset: 0, "the first line is not a version"))
      }
      throw .notALedger(path: path, why: "its first line is not \"allocledger VERSION\"")
    }
    let guarded = lines.dropLast(2).joined(separator: "\n") + "\n"
    let isIntact =
      lines.count >= 3 && lines.last == ""
      && lines[lines.count - 2] == "crc32c " + Manifest.checksum(Array(guarded.utf8))
    // A newer program may have changed everything but the first line.
    guard isIntact || version > Manifest.version else {
      throw .damaged(Damage(.rotten, file: path, offset: 0, "the checksum is wrong"))
    }
    guard version == Manifest.version else {
      throw .newerVersion(path: path, version: String(version))
    }
    func value(_ name: String) -> String? {
      lines.first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.count + 1)) }
    }
    guard let id = value("id").flatMap(Manifest.bytes(hex:)), id.count == 16,
      let created = value("created").flatMap({ Timestamp(rfc3339: $0) }),
      let policy = ReleasePolicy.allCases.first(where: { $0.name == value("release") })
    else {
      throw .damaged(Damage(.rotten, file: path, offset: 0, "a line is missing or wrong"))
    }
    let segment = value("segment").map { Int($0) } ?? Manifest.usualSegmentByteCountMax
    guard let segment, segment >= 1 else {
      throw .damaged(Damage(.rotten, file: path, offset: 0, "the size of segments is wrong"))
    }
    self.init(id: id, created: created, policy: policy, segmentByteCountMax: segment)
  }

  private static func bytes(hex text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high * 16 + low))
    }
    return bytes
  }
}
