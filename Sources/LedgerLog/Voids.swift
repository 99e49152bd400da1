internal import LedgerCore

/// The entries of a log that take others out of the state, in the order of sequence.
///
/// Replay and the writer both ask it what is voided, so that they cannot disagree.
package struct Voids: Sendable {
  private var sequences: [Int64] = []
  private var targets: [Int64] = []

  package init() {}

  /// Adds a void that comes after all that were added before.
  package mutating func append(_ sequence: Int64, voiding target: Int64) {
    sequences.append(sequence)
    targets.append(target)
  }

  /// What is voided: the last word counts, so a void that is itself voided by a later one voids nothing.
  ///
  /// - Complexity: linear in the number of voids.
  package var voided: Set<Int64> {
    var voided: Set<Int64> = []
    for index in sequences.indices.reversed() where !voided.contains(sequences[index]) {
      voided.insert(targets[index])
    }
    return voided
  }
}

extension LogReader {
  /// The voids of the whole log; only blocks that void are read.
  package func voids() throws(LogError) -> Voids {
    try ReorderedReplay.voids(self, .all).selected
  }

  /// Whether two nodes of one id would live if the next entry voided `target`.
  ///
  /// - Complexity: one pass over the log, with memory for every node that ever was.
  package func hasNodeTwice(voiding target: Int64) throws(LogError) -> Bool {
    var replay = try ReorderedReplay(self, .all, ReplayOptions(keepsNodeNames: true))
    replay.assumeVoid(of: target, at: head + 1)
    var observer = NoObserver()
    var watcher = NoWatcher()
    let projection = try replay.run(observer: &observer, watcher: &watcher)
    var living: Set<Name> = []
    for (number, node) in projection.state.nodes.states.enumerated() where node.isLive {
      guard living.insert(projection.nodeNames[number]).inserted else { return true }
    }
    return false
  }
}
