internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Snapshots are caches: one that is missing, stale, foreign or damaged costs time and nothing else.
extension LogReader {
  /// Writes a snapshot of the state at the end of the log, with the history up to there, and returns its path and sequence; nil when there is
  /// nothing to keep, or when voided entries make the state depend on more than the entries before it.
  package func writeSnapshot() throws(LogError) -> (path: String, sequence: Int64)? {
    guard head > 0, !map.hasVoids else { return nil }
    let bytes = try snapshotBytes(of: try project(.all, .complete))
    let path = layout.snapshot(head)
    try writeCache(bytes, path, in: layout.snapshots)
    try extendHistory { _ in }
    try extendPostings { _ in }
    if map.hasLate { try extendLateEntries { _ in } }
    return (path, head)
  }

  /// The bytes of a snapshot of `projection`, which ends with a block.
  func snapshotBytes(of projection: Projection) throws(LogError) -> [UInt8] {
    snapshotBytes(of: projection, link: try link(at: projection.sequence))
  }

  func snapshotBytes(of projection: Projection, link: [UInt8]) -> [UInt8] {
    SnapshotCodec.bytes(
      projection, ledger: manifest.id, link: link, mark: map.mark(at: projection.sequence))
  }

  /// Puts a whole file in place of what may be there.
  func writeCache(
    _ bytes: [UInt8], _ path: String, in directory: String
  ) throws(LogError) {
    try reaching { () throws(DiskError) in
      try disk.makeDirectory(directory)
      let temporary = path + ".new"
      let file = try disk.open(temporary, .updateOrCreate)
      try file.resize(to: 0)
      try file.write(bytes, at: 0)
      try file.sync()
      try disk.rename(temporary, to: path)
      try disk.syncDirectory(directory)
    }
  }

  /// The latest snapshot that `selection` can begin with, and the block that comes after it.
  func startingPoint(
    _ selection: Selection, _ options: ReplayOptions
  ) -> (projection: Projection, block: Int)? {
    guard options.usesSnapshots, !map.hasVoids else { return nil }
    // Those of the history know no ids of nodes.
    let isLean = !options.keepsNodeNames && !options.keepsDetails && !options.keepsTouches
    let directories = isLean ? [layout.snapshots, layout.history] : [layout.snapshots]
    for found in snapshotPaths(in: directories) {
      guard canBegin(selection, with: found.sequence),
        let projection = try? snapshot(found.path, options),
        let block = map.block(of: found.sequence),
        map.blocks[block].nextSequence == found.sequence + 1,
        isSelected(projection, by: selection)
      else { continue }
      return (projection, block + 1)
    }
    return nil
  }

  /// The snapshots in `directories`, the latest first.
  private func snapshotPaths(
    in directories: [String]
  ) -> [(path: String, sequence: Int64)] {
    var found: [(path: String, sequence: Int64)] = []
    for directory in directories {
      for name in (try? disk.list(directory)) ?? [] {
        guard name.hasSuffix(".snap"), let sequence = Int64(name.dropLast(5)) else { continue }
        found.append((directory + "/" + name, sequence))
      }
    }
    return found.sorted { $0.sequence > $1.sequence }
  }

  private func canBegin(_ selection: Selection, with sequence: Int64) -> Bool {
    guard sequence <= head else { return false }
    return switch selection {
    case .sequence(let last): sequence <= last
    default: true
    }
  }

  private func isSelected(_ projection: Projection, by selection: Selection) -> Bool {
    switch selection {
    case .all, .sequence: true
    case .recorded(let moment): projection.recorded.map { $0 <= moment } ?? false
    case .occurred(let moment): projection.latestOccurred <= moment.microseconds
    }
  }

  /// Reads a snapshot and checks that it belongs to this log.
  func snapshot(
    _ path: String, _ options: ReplayOptions
  ) throws(LogError) -> Projection {
    let bytes = try cacheBytes(path)
    do throws(Malformed) {
      let opened = try SnapshotCodec.open(bytes)
      guard opened.ledger == manifest.id else { throw Malformed("it is of another ledger", at: 16) }
      guard opened.sequence <= head, opened.mark == map.mark(at: opened.sequence) else {
        throw Malformed("it is of a log with other entries", at: 76)
      }
      return try SnapshotCodec.projection(opened, policy: manifest.policy, options)
    } catch {
      throw .damaged(Damage(.rotten, file: path, offset: error.offset, error.what))
    }
  }

  /// Snapshots and history of blocks that are no more.
  func staleCaches() -> [String] {
    let snapshots = snapshotPaths(in: [layout.snapshots, layout.history]).filter { found in
      guard let bytes = try? cacheBytes(found.path), let opened = try? SnapshotCodec.open(bytes)
      else { return false }
      return opened.sequence <= head && opened.mark != map.mark(at: opened.sequence)
    }
    let history = ((try? disk.list(layout.history)) ?? []).filter { name in
      if name.hasSuffix(".chg"), let first = Int64(name.dropLast(4)) {
        return (try? historyHeader(from: first)) == nil
      }
      if name.hasSuffix(".post"), let first = Int64(name.dropLast(5)) {
        return (try? postingsHeader(from: first)) == nil
      }
      if name.hasSuffix(".late"), let first = Int64(name.dropLast(5)) {
        return (try? lateHeader(from: first)) == nil
      }
      if name.hasSuffix(".order"), let last = Int64(name.dropLast(6)) {
        return orderTrail(at: last) == nil
      }
      guard name.hasSuffix(".trail"), let last = Int64(name.dropLast(6)) else { return false }
      return trail(at: last) == nil
    }
    return snapshots.map(\.path) + history.map { layout.history + "/" + $0 }
  }

  /// Whether a snapshot was made of these entries when they stood in other blocks, before their segment was sealed.
  private func isStale(_ bytes: [UInt8]) throws(LogError) -> Bool {
    guard let opened = try? SnapshotCodec.open(bytes), opened.ledger == manifest.id,
      opened.sequence <= head, opened.mark != map.mark(at: opened.sequence)
    else { return false }
    return try opened.link == link(at: opened.sequence)
  }

  func cacheBytes(_ path: String) throws(LogError) -> [UInt8] {
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in
      let file = try disk.open(path, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    }
    return bytes
  }

  /// Checks every snapshot against a replay from the beginning: same state, same chain.
  func snapshotDamages() throws(LogError) -> [Damage] {
    guard let names = try? disk.list(layout.snapshots) else { return [] }
    var damages: [Damage] = []
    for name in names where name.hasSuffix(".snap") {
      let path = layout.snapshots + "/" + name
      do throws(LogError) {
        let bytes = try cacheBytes(path)
        if try isStale(bytes) { continue }
        _ = try snapshot(path, .complete)
        guard let sequence = Int64(name.dropLast(5)), sequence >= 1, sequence <= head else {
          throw .damaged(
            Damage(.foreign, file: path, offset: 32, "the log has no such sequence"))
        }
        let replayed = try projectFromStart(.sequence(sequence), .complete)
        if try snapshotBytes(of: replayed) != bytes {
          throw .damaged(
            Damage(.rotten, file: path, offset: 40, "it is not the state of that sequence"))
        }
      } catch {
        guard case .damaged(let damage) = error else { throw error }
        damages.append(damage)
      }
    }
    return damages
  }
}

extension ReplayOptions {
  /// Everything that a snapshot keeps.
  static var complete: ReplayOptions {
    ReplayOptions(keepsNodeNames: true, keepsDetails: true, keepsTouches: true)
  }
}
