package import LedgerCore

/// Which entries a state is made of, and in which order.
package enum Selection: Hashable, Sendable {
  /// Everything, in the order of sequence.
  case all
  /// Sequences up to and including this one, in their order.
  case sequence(Int64)
  /// What was recorded up to and including this moment, in the order of sequence.
  case recorded(Timestamp)
  /// What had occurred up to and including this moment, in the order (occurred, sequence).
  case occurred(Timestamp)
}

/// What to keep while entries are folded.
package struct ReplayOptions: Sendable {
  package var keepsNodeNames = false
  package var keepsDetails = false
  package var keepsTouches = false
  /// Whether watchers see texts and keys too, which folding does not need.
  package var keepsTexts = false
  /// Whether a replay may begin at a snapshot.
  package var usesSnapshots = true

  package init(
    keepsNodeNames: Bool = false, keepsDetails: Bool = false, keepsTouches: Bool = false,
    keepsTexts: Bool = false, usesSnapshots: Bool = true
  ) {
    self.usesSnapshots = usesSnapshots
    self.keepsTexts = keepsTexts
    self.keepsNodeNames = keepsNodeNames
    self.keepsDetails = keepsDetails
    self.keepsTouches = keepsTouches
  }
}

/// A state with the ids that belong to its slots, and where in history it stands.
package struct Projection: Sendable {
  package var state: LedgerState
  /// By slot of `state`; empty unless node names are kept.
  ///
  /// A slot that is not live may hold an old id.
  package var nodeNames: NameColumn
  /// The registry of the log's own slots, which are those of `state` unless entries were voided or late.
  package var registry: Registry
  package var touches = Touches()
  /// The highest sequence among the selected entries; 0 for none.
  package var sequence: Int64 = 0
  /// The latest occurred time among the selected entries.
  package var occurred: Timestamp?
  /// The latest occurred time of all entries that were read, in microseconds.
  package var latestOccurred = Int64.min
  /// The recorded time of the last entry that was read.
  package var recorded: Timestamp?
  /// The last sequence among the selected entries that can change a state; 0 for none.
  package var stateSequence: Int64 = 0

  package init(state: LedgerState, registry: Registry) {
    self.state = state
    self.registry = registry
    nodeNames = NameColumn()
  }

  /// Makes room for the nodes of `count` slots, so that no table is moved while it fills.
  mutating func reserve(nodes count: Int) {
    state.reserve(nodes: count)
    registry.reserve(nodeNames: count)
  }

  /// The id of a host's slot.
  package func hostName(_ slot: UInt32) -> Name { registry.hostNames[Int(slot)] }

  mutating func note(_ batch: EntryBatch, _ rows: Range<Int>) {
    guard let last = rows.last else { return }
    sequence = max(sequence, batch.firstSequence + Int64(last))
    for row in rows.reversed()
    where batch.kinds[row] & RowKind.contradicted == 0
      && RowKind.type(of: batch.kinds[row])?.changesState == true
    {
      stateSequence = max(stateSequence, batch.firstSequence + Int64(row))
      break
    }
  }
}
