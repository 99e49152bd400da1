package import LedgerCore
package import LedgerForensics
internal import LedgerFormat
package import LedgerLog
package import LedgerPorts

/// Looks at a live store, or at a copy of one, and tells what it holds by what it should hold.
package struct StoreLook {
  /// When the store held it.
  package enum Moment: Hashable, Sendable {
    /// It was read just now.
    case now
    /// It is a copy of this sequence.
    case sequence(Int64)
    /// It is a copy of this moment; without a position of its own it is compared with what `selection` selects.
    case time(Timestamp, Selection)
  }

  private let reader: LogReader
  private let clock: any Clock
  private let command: String

  /// Looks for `command`, compared with the history of `reader`.
  package init(_ reader: LogReader, clock: any Clock, command: String) {
    self.reader = reader
    self.clock = clock
    self.command = command
  }

  /// Reads `source` and compares it.
  ///
  /// - Parameters:
  ///   - source: the store itself, or a copy of it.
  ///   - moment: when the store held what `source` holds.
  ///   - address: of the store that it is about; nil for `source` itself.
  /// - Returns: the observation, not yet recorded.
  /// - Throws: `ReconcileError.refused` for a store of another ledger, or one that is dated wrongly.
  package func look(
    at source: any LiveStore, _ moment: Moment = .now, of address: String? = nil
  ) throws(ReconcileError) -> RecordedObservation {
    let live = try asking { () throws(StoreError) in try source.observe() }
    return try look(at: live, in: source, moment, of: address)
  }

  /// The same for what was read already.
  package func look(
    at live: Observation, in source: any LiveStore, _ moment: Moment, of address: String? = nil
  ) throws(ReconcileError) -> RecordedObservation {
    let (reader, selection) = try selection(live, moment, source.label)
    let projection = try reading { () throws(LogError) in
      try reader.project(selection, Projection.contentOptions)
    }
    let at = try date(moment, projection, hasPosition: live.position != nil, source.label)
    let link = try reading { () throws(LogError) in
      try reader.position(at: projection.sequence)
    }
    var moment: Timestamp?
    if case .occurred(let time) = selection { moment = time }
    let expected = projection.contents(position: nil).contents
    let differences = live.differences(from: expected, store: source.label)
    return RecordedObservation(
      at: at, recorded: clock.now(), command: command, store: address ?? source.address,
      source: source.address, position: live.position,
      compared: RecordedObservation.Compared(
        sequence: link.sequence, chain: link.chain, occurred: moment),
      contents: live.summary,
      differences: Array(differences.prefix(RecordedObservation.differenceCountMax)),
      differenceCount: differences.count)
  }

  /// What to compare with: a store that says how far it is knows best.
  private func selection(
    _ live: Observation, _ moment: Moment, _ label: String
  ) throws(ReconcileError) -> (LogReader, Selection) {
    if case .sequence(let sequence) = moment, sequence > reader.head {
      throw .log(.noSuchSequence(sequence, head: reader.head))
    }
    guard let position = live.position else {
      switch moment {
      case .now: return (reader, .all)
      case .sequence(let sequence): return (reader, .sequence(sequence))
      case .time(_, let selection): return (reader, selection)
      }
    }
    let reader = try Validator.reader(reader, knowing: position, label: label)
    if case .sequence(let sequence) = moment, sequence != position.sequence {
      throw .refused(
        "\(label) stands at sequence \(position.sequence), not at \(sequence): it is dated wrongly")
    }
    return (reader, .sequence(position.sequence))
  }

  private func date(
    _ moment: Moment, _ projection: Projection, hasPosition: Bool, _ label: String
  ) throws(ReconcileError) -> Timestamp {
    switch moment {
    case .now: return clock.now()
    case .sequence: return projection.occurred ?? clock.now()
    case .time(let time, _):
      // What had not occurred yet cannot have been applied.
      if hasPosition, let latest = projection.occurred, latest > time {
        throw .refused(
          "\(label) has applied entry \(projection.sequence), and by then things had occurred at "
            + "\(latest.rfc3339): a copy of \(time.rfc3339) cannot hold them, so it is dated wrongly"
        )
      }
      return time
    }
  }
}

/// A store that remembers what was last read from it.
package final class RememberingStore: LiveStore {
  private let store: any LiveStore
  /// What the last `observe` returned.
  package private(set) var last: Observation?

  package init(_ store: any LiveStore) { self.store = store }

  package var label: String { store.label }
  package var address: String { store.address }

  package func beginObserving() { store.beginObserving() }

  package func observe() throws(StoreError) -> Observation {
    let seen = try store.observe()
    last = seen
    return seen
  }

  package func script(
    of changes: [LiveChange], title: String
  ) throws(StoreError) -> String? {
    try store.script(of: changes, title: title)
  }

  package func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError) {
    try store.apply(changes, position: position, beforeCommit: beforeCommit)
  }

  package func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError) {
    try store.restore(images, beforeCommit: beforeCommit)
  }

  package func project(
    _ contents: Observation, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    try store.project(contents, replacing: replacing, progress: progress)
  }
}
