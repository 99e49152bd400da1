internal import LedgerFormat
package import LedgerPorts
package import LedgerProofs

/// A checkpoint and where it came from.
package struct KnownCheckpoint: Hashable, Sendable {
  /// The file, or what else to call it.
  package var path: String
  package var note: SignedNote
  package var checkpoint: Checkpoint

  package init(path: String, note: SignedNote) throws(ProofError) {
    self.path = path
    self.note = note
    checkpoint = try Checkpoint(note.text)
  }
}

/// The checkpoints that a ledger keeps of itself: one file each, `SIZE-DIGEST.note`, 20 digits and the first eight hexadecimal
/// digits of the SHA-256 of the note's text.
package struct StoredCheckpoints {
  private static let suffix = ".note"

  private let disk: any Disk
  private let layout: LogLayout

  package init(disk: any Disk, layout: LogLayout) {
    self.disk = disk
    self.layout = layout
  }

  /// The paths of all checkpoints, by size.
  package func paths() throws(LogError) -> [String] {
    do throws(DiskError) {
      guard try disk.exists(layout.checkpoints) else { return [] }
      return try disk.list(layout.checkpoints).filter { $0.hasSuffix(StoredCheckpoints.suffix) }
        .map { layout.checkpoints + "/" + $0 }
    } catch { throw .disk(error) }
  }

  /// Reads the checkpoint at `path`, which is damaged unless it is a checkpoint of `ledger`.
  package func read(_ path: String, ledger: [UInt8]) throws(LogError) -> KnownCheckpoint {
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in
      let file = try disk.open(path, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    }
    let known: KnownCheckpoint
    do throws(ProofError) {
      known = try KnownCheckpoint(path: path, note: try SignedNote(bytes))
    } catch { throw .damaged(Damage(.rotten, file: path, offset: 0, error.message)) }
    guard known.checkpoint.ledger == ledger else {
      throw .damaged(Damage(.foreign, file: path, offset: 0, "it belongs to another ledger"))
    }
    return known
  }

  /// What is kept, read with nothing thrown for damage.
  struct Collected {
    var known: [KnownCheckpoint] = []
    /// Those that none of the keys has signed.
    var passedOver: [String] = []
    var damages: [Damage] = []
  }

  /// Reads the checkpoints at `paths`; with keys, those count that one of them has signed.
  func collect(
    _ paths: [String], ledger: [UInt8], keys: [VerifierKey]
  ) throws(LogError) -> Collected {
    var collected = Collected()
    for path in paths {
      do throws(LogError) {
        let known = try read(path, ledger: ledger)
        if try isVouched(known, keys) {
          collected.known.append(known)
        } else {
          collected.passedOver.append(path)
        }
      } catch {
        guard case .damaged(let damage) = error else { throw error }
        collected.damages.append(damage)
      }
    }
    return collected
  }

  private func isVouched(
    _ known: KnownCheckpoint, _ keys: [VerifierKey]
  ) throws(LogError) -> Bool {
    do throws(ProofError) {
      return keys.isEmpty ? true : try !known.note.signers(among: keys).isEmpty
    } catch {
      throw .damaged(Damage(.rotten, file: known.path, offset: 0, error.message))
    }
  }

  /// Keeps a checkpoint durably and returns its path; signatures join those of the same text.
  package func store(_ note: SignedNote, _ checkpoint: Checkpoint) throws(LogError) -> String {
    let digest = hex(Array(SHA256.digest(Array(note.text.utf8)).prefix(4)))
    let path =
      layout.checkpoints + "/" + LogLayout.sortable(checkpoint.size) + "-" + digest
      + StoredCheckpoints.suffix
    var whole = note
    if try reaching({ () throws(DiskError) in try disk.exists(path) }),
      case let known = try read(path, ledger: checkpoint.ledger), known.note.text == note.text
    {
      for signature in known.note.signatures { whole.add(signature) }
    }
    try reaching { () throws(DiskError) in
      try disk.makeDirectory(layout.checkpoints)
      // Also where the directory is there already: whoever made it may have failed here.
      try disk.syncDirectory(layout.directory)
      let file = try disk.open(path + ".new", .updateOrCreate)
      try file.resize(to: 0)
      try file.write(whole.bytes, at: 0)
      try file.sync()
      try disk.rename(path + ".new", to: path)
      try disk.syncDirectory(layout.checkpoints)
    }
    return path
  }

  /// Refuses a log that ends before one of its own checkpoints.
  ///
  /// Names say the sizes, so nothing is read unless something is wrong.
  func refuseRolledBack(_ map: LogMap, _ manifest: Manifest) throws(LogError) {
    try refuseRolledBack(map, manifest, paths: try paths())
  }

  /// The same, with paths that were listed before the log was looked at.
  package func refuseRolledBack(
    _ map: LogMap, _ manifest: Manifest, paths: [String]
  ) throws(LogError) {
    for path in paths.reversed() {
      let name = path.split(separator: "/").last ?? ""
      guard let size = Int64(name.prefix { $0 != "-" }), size > map.head else { continue }
      let known = try read(path, ledger: manifest.id)
      guard known.checkpoint.size > map.head else { continue }
      throw .damaged(known.shortfall(map, layout))
    }
  }
}

extension KnownCheckpoint {
  /// The damage of a log that ends before the checkpoint.
  package func shortfall(_ map: LogMap, _ layout: LogLayout) -> Damage {
    let segment = map.segments.last
    let end = map.blocks.last.flatMap { $0.segment == map.segments.count - 1 ? $0.end : nil }
    return Damage(
      .rolledBack, file: segment?.path ?? layout.segments,
      offset: segment == nil ? 0 : end ?? SegmentHeader.byteCount,
      "the log ends with sequence \(map.head), but \(path) is a checkpoint of \(checkpoint.size): an older copy was put "
        + "back, or what followed is lost")
  }
}

extension LogLayout {
  /// The checkpoints that were made of this ledger.
  package var checkpoints: String { directory + "/checkpoints" }
}
