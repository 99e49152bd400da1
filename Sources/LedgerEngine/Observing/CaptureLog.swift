package import LedgerCore
package import LedgerLog
package import LedgerPorts
package import LedgerText

/// The changes of live stores that were taken over into the ledger: the file `captures.ndjson` in its directory.
package struct CaptureLog {
  private let lines: ChainedLines

  package init(directory: String, manifest: Manifest, disk: any Disk) {
    lines = ChainedLines(
      path: LogLayout(directory: directory).captures, ledger: manifest.id, disk: disk)
  }

  /// Records `changes` of the store at `address`, those that are there already left out; they are durable then.
  ///
  /// `installed`: when the store began to note changes, because numbers begin anew then.
  package func record(
    _ changes: [ExplainedChange], of address: String, installed: Timestamp, wait: () -> Bool
  ) throws(ReconcileError) {
    try lines.append(wait: wait) {
      (old) throws(ReconcileError) -> [(inout JSONWriter) -> Void] in
      let known = old.filter {
        $0["store"]?.string == address && $0.time("installed") == installed
      }
      let last = known.compactMap { $0["change"]?.integer }.max() ?? 0
      return changes.filter { $0.change.number > last }.map { change in
        { writer in
          writer.key("record")
          writer.string("change")
          writer.key("store")
          writer.string(address)
          writer.key("installed")
          writer.time(installed)
          change.writeMembers(to: &writer)
        }
      }
    }
  }

  /// The first line that is not what was written, or nil.
  package func check() throws(ReconcileError) -> ChainedLines.Damage? { try lines.check() }
}

extension ExplainedChange {
  /// Whether nothing accounts for it; nil where no ledger was asked.
  package var isOutOfBand: Bool? { cause.map { $0 == .outOfBand } }

  /// What accounts for it, and the sequence of that.
  package var explanation: (by: String, sequence: Int64?)? {
    switch cause {
    case .entry(let sequence): ("entry", sequence)
    case .repair(let sequence): ("repair", sequence)
    case .immaterial: ("immaterial", nil)
    case .outOfBand, nil: nil
    }
  }

  /// Writes the members of a change in `allocledger.capture/1` into the object that is open.
  package func writeMembers(to writer: inout JSONWriter) {
    writer.member("change", change.number)
    writer.key("at")
    writer.time(change.at)
    writer.key("table")
    writer.string(change.table)
    writer.key("operation")
    writer.string(change.operation.rawValue)
    writer.key("key")
    RowImageText.write(change.key, to: &writer)
    writer.key("writer")
    if let name = change.writer { writer.string(name) } else { writer.null() }
    writer.key("columns")
    writer.beginObject()
    for value in change.values {
      writer.key(value.column)
      writer.beginObject()
      writer.key("old")
      RowImageText.write(value.old, to: &writer)
      writer.key("new")
      RowImageText.write(value.new, to: &writer)
      writer.endObject()
    }
    writer.endObject()
    writer.key("explained")
    if let explanation {
      writer.beginObject()
      writer.key("by")
      writer.string(explanation.by)
      writer.member("sequence", explanation.sequence)
      writer.endObject()
    } else {
      writer.null()
    }
    writer.key("out_of_band")
    if let isOutOfBand { writer.bool(isOutOfBand) } else { writer.null() }
  }
}
