package import LedgerCore
package import LedgerLog
package import LedgerProofs

/// Makes checkpoints of a log and proofs of what is in it.
package struct Prover {
  private let reader: LogReader
  private var tree: LogTree

  /// - Complexity: that of `LogReader.tree`.
  package init(_ reader: LogReader) throws(LogError) {
    self.reader = reader
    tree = try reader.tree()
  }

  /// Why the cached tree could not be kept, where it could not.
  package var cacheProblem: String? { tree.cacheProblem }
  /// How many entries were hashed because the cache did not have them.
  package var hashedEntryCount: Int64 { tree.hashedEntryCount }

  /// The checkpoint of the first `size` entries.
  ///
  /// - Complexity: a replay up to there, for the counters of the hosts.
  package mutating func checkpoint(
    at size: Int64, origin: String
  ) throws(LogError) -> Checkpoint {
    let sequence = try reader.lastCommit(by: size)
    return Checkpoint(
      origin: origin, size: size, root: try tree.root(at: size), ledger: reader.manifest.id,
      chainSequence: sequence,
      link: sequence == tree.size ? tree.link : try reader.link(at: sequence),
      hostsRoot: try reader.project(.sequence(size)).hostMap.root)
  }

  /// Refuses a checkpoint that is not one of this log.
  package mutating func requireAgreement(with known: KnownCheckpoint) throws(LogError) {
    guard known.checkpoint.size <= tree.size else {
      throw .damaged(known.shortfall(reader.map, reader.layout))
    }
    guard try tree.root(at: known.checkpoint.size) == known.checkpoint.root else {
      throw .damaged(
        Damage(
          .rolledBack, file: reader.layout.segments, offset: 0,
          "the entries up to sequence \(known.checkpoint.size) are not those of the checkpoint \(known.path)"
        ))
    }
  }

  /// Proves the entry of `sequence`, which the checkpoint covers.
  package mutating func proof(
    ofEntry sequence: Int64, under known: KnownCheckpoint
  ) throws(LogError) -> Proof {
    let size = known.checkpoint.size
    guard (1...max(size, 1)).contains(sequence), sequence <= size else {
      throw .noSuchSequence(sequence, head: size)
    }
    let path = try hashes(TreePaths.inclusion(of: sequence - 1, in: size))
    return Proof(
      note: known.note,
      claim: .entry(sequence: sequence, bytes: try reader.canonicalBytes(of: sequence), path: path))
  }

  /// Proves that the log of one checkpoint is the beginning of that of another.
  package mutating func proof(
    from old: KnownCheckpoint, to new: KnownCheckpoint
  ) throws(LogError) -> Proof {
    let ranges = TreePaths.consistency(from: old.checkpoint.size, to: new.checkpoint.size)
    return Proof(
      note: new.note, claim: .consistency(old: old.note, path: try hashes(ranges)))
  }

  private mutating func hashes(_ ranges: [Range<Int64>]) throws(LogError) -> [[UInt8]] {
    var hashes: [[UInt8]] = []
    for range in ranges { hashes.append(try tree.root(of: range)) }
    return hashes
  }

  /// Proves what `host` held at the checkpoint's sequence, or that there was no such host.
  package func proof(
    ofHost host: Name, under known: KnownCheckpoint
  ) throws(LogError) -> Proof {
    let projection = try reader.project(.sequence(known.checkpoint.size))
    return Proof(note: known.note, claim: .host(host, projection.hostMap.proof(of: host)))
  }
}
