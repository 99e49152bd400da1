package import LedgerForensics
package import LedgerLog
package import LedgerPorts
internal import LedgerText

/// The observations of a ledger: the file `observations.ndjson` in its directory.
package struct ObservationLog {
  private let lines: ChainedLines

  package init(_ reader: LogReader) {
    self.init(directory: reader.layout.directory, manifest: reader.manifest, disk: reader.disk)
  }

  package init(directory: String, manifest: Manifest, disk: any Disk) {
    lines = ChainedLines(
      path: LogLayout(directory: directory).observations, ledger: manifest.id, disk: disk)
  }

  /// All observations in the order of the moments that they are of; they may have been recorded in any order.
  package func all() throws(ReconcileError) -> [RecordedObservation] {
    try lines.read().compactMap { RecordedObservation($0) }.sorted(
      by: RecordedObservation.precedes)
  }

  /// The observations of the store at `address`.
  package func all(of address: String) throws(ReconcileError) -> [RecordedObservation] {
    try all().filter { $0.store == address }
  }

  /// Records `observation` and returns it with its number; one that is there already keeps its number.
  ///
  /// - Throws: `ReconcileError.refused` for another observation of the same store at the same moment.
  package func record(
    _ observation: RecordedObservation, wait: () -> Bool
  ) throws(ReconcileError) -> RecordedObservation {
    var result = observation
    try lines.append(wait: wait) {
      (old) throws(ReconcileError) -> [(inout JSONWriter) -> Void] in
      let known = (old ?? []).compactMap { RecordedObservation($0) }
      let twin = known.last { $0.store == observation.store && $0.at == observation.at }
      if let twin {
        guard twin.isSameLook(as: observation) else {
          throw .refused(
            "observation \(twin.number) saw \(observation.store) at \(observation.at.rfc3339) too, "
              + "and it held something else: one of the two is dated wrongly")
        }
        result = twin
        return []
      }
      result.number = (known.map(\.number).max() ?? 0) + 1
      let recorded = result
      return [
        { writer in
          writer.key("record")
          writer.string("observation")
          recorded.writeMembers(to: &writer)
        }
      ]
    }
    return result
  }

  /// The first line that is not what was written, or nil.
  package func check() throws(ReconcileError) -> ChainedLines.Damage? { try lines.check() }
}
