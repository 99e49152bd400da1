internal import LedgerForensics
package import LedgerLog
package import LedgerPorts

/// Writes states into live stores.
package enum Projector {
  /// Writes what `selection` implies into `store`, with the position that it stands at.
  ///
  /// A selection by occurred time is no prefix of the log where facts came late; the position is then that of the
  /// last sequence only if the state there is the same, and otherwise none is written.
  /// - Returns: what was written.
  package static func project(
    _ reader: LogReader, _ selection: Selection, into store: any LiveStore, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void = { _, _ in }
  ) throws(ReconcileError) -> Observation {
    let contents = try reading { () throws(LogError) in
      let projection = try reader.project(selection, Projection.contentOptions)
      var contents = projection.contents(position: nil, for: .writing).contents
      contents.position = try position(of: selection, projection, contents, reader)
      return contents
    }
    try asking { () throws(StoreError) in
      try store.project(contents, replacing: replacing, progress: progress)
    }
    return contents
  }

  private static func position(
    of selection: Selection, _ projection: Projection, _ contents: Observation,
    _ reader: LogReader
  ) throws(LogError) -> StorePosition? {
    let sequence = projection.sequence
    if case .occurred = selection, reader.map.hasLate {
      let prefix = try reader.project(.sequence(sequence), Projection.contentOptions)
      guard prefix.contents(position: nil, for: .writing).contents.digest == contents.digest else {
        return nil
      }
    }
    return try reader.position(at: sequence)
  }
}
