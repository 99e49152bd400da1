package import LedgerCore
internal import LedgerFormat
package import LedgerPorts

/// Copies what is good of a damaged log into a new ledger; the damaged one is not touched.
///
/// What is good is every commit before the first damage: entries behind it cannot keep their sequences and chain.
package struct Salvage {
  package struct Result: Sendable {
    /// The last sequence that was copied.
    package var head: Int64
    /// Where the good part ends, or nil when the log is whole.
    package var damage: Damage?
  }

  private let disk: any Disk
  private let source: LogLayout

  package init(directory: String, disk: any Disk) {
    self.disk = disk
    source = LogLayout(directory: directory)
  }

  /// Copies into `directory`, which must not hold a ledger.
  ///
  /// `manifest`: stands in for the ledger's own when that is lost.
  package func copy(
    to directory: String, manifest fallback: Manifest?
  ) throws(LogError) -> Result {
    let manifest = try self.manifest(fallback)
    let scan = LogScan(disk: disk, layout: source, manifest: manifest, limit: nil)
    var (map, damage) = try scan.partialMap()
    try followBodies(
      LogReader(disk: disk, layout: source, manifest: manifest, map: map), &map, &damage)
    map.dropUnfinishedCommit()
    let target = LogLayout(directory: directory)
    try LogWriter.create(directory: directory, manifest: manifest, disk: disk)
    for (index, segment) in map.segments.enumerated() {
      let last = map.blocks.last { $0.segment == index }
      guard let end = last?.end else { continue }
      try copy(segment.path, upTo: end, to: target.segment(segment.firstSequence))
    }
    try reaching { () throws(DiskError) in try disk.syncDirectory(target.segments) }
    return Result(head: map.head, damage: damage)
  }

  private func manifest(_ fallback: Manifest?) throws(LogError) -> Manifest {
    do throws(LogError) { return try Manifest.read(source, disk) } catch {
      guard let fallback else { throw error }
      return fallback
    }
  }

  /// Drops from `map` the first block that cannot be read, and all behind it.
  private func followBodies(
    _ reader: LogReader, _ map: inout LogMap, _ damage: inout Damage?
  ) throws(LogError) {
    var registry = Registry(keepsNodeNames: false)
    var batch = EntryBatch()
    var cursor = reader.cursor()
    var good = 0
    do throws(LogError) {
      while let block = try cursor.next(into: &batch) {
        var slots = SlotReader()
        do throws(MisplacedSlot) { try slots.advanceAll(&batch, &registry) } catch {
          throw reader.damage(block, error)
        }
        good += 1
      }
    } catch {
      guard case .damaged(let found) = error else { throw error }
      damage = found
      map.blocks.removeLast(map.blocks.count - good)
    }
  }

  private func copy(_ path: String, upTo end: Int, to target: String) throws(LogError) {
    try reaching { () throws(DiskError) in
      let from = try disk.open(path, .read)
      let to = try disk.open(target, .create)
      var piece: [UInt8] = []
      var offset = 0
      while offset < end {
        try from.read(at: offset, count: min(1 << 20, end - offset), into: &piece)
        guard !piece.isEmpty else { break }
        try to.write(piece, at: offset)
        offset += piece.count
      }
      try to.sync()
    }
  }

  /// The manifest that the segments of a ledger without one point to.
  package func manifestFromSegments(
    created: Timestamp, policy: ReleasePolicy
  ) throws(LogError) -> Manifest? {
    let names = try reaching { () throws(DiskError) in try disk.list(source.segments) }
    guard let first = names.first(where: { $0.hasSuffix(".seg") }) else { return nil }
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in
      try disk.open(source.segments + "/" + first, .read).read(
        at: 0, count: SegmentHeader.byteCount, into: &bytes)
    }
    guard let header = try? SegmentHeader(bytes) else { return nil }
    return Manifest(id: header.ledger, created: created, policy: policy)
  }
}
