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

  /// What whoever records again and again knows of the file.
  package struct Memory: Sendable {
    fileprivate var end: ChainedLines.End?
    /// The greatest number of a change of the store that is recorded.
    fileprivate var last: Int64 = 0

    package init() {}
  }

  /// Records `changes` of the store at `address`, those that are there already left out; they are durable then.
  ///
  /// `installed`: when the store began to note changes, because numbers begin anew then. `memory`: of the same store and installation;
  /// the file is read again only where somebody else has written.
  package func record(
    _ changes: [ExplainedChange], of address: String, installed: Timestamp,
    memory: inout Memory, wait: () -> Bool
  ) throws(ReconcileError) {
    var last = memory.last
    memory.end = try lines.append(after: memory.end, wait: wait) {
      (old) throws(ReconcileError) -> [(inout JSONWriter) -> Void] in
      let known = (old ?? []).filter {
        $0["store"]?.string == address && $0.time("installed") == installed
      }
      last = known.compactMap { $0["change"]?.integer }.max() ?? last
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
    memory.last = changes.reduce(last) { max($0, $1.change.number) }
  }

  /// The changes of the store at `address` that nothing accounts for, in the order in which they were recorded.
  package func unexplained(of address: String) throws(ReconcileError) -> [CapturedChange] {
    try records(of: address).filter { $0["out_of_band"]?.bool == true }
      .compactMap { CapturedChange($0) }
  }

  /// The greatest number of a change that is recorded since the store was `installed`; 0 where none is.
  func lastNumber(of address: String, _ installed: Timestamp) throws(ReconcileError) -> Int64 {
    try records(of: address).filter { $0.time("installed") == installed }
      .compactMap { $0["change"]?.integer }.max() ?? 0
  }

  private func records(of address: String) throws(ReconcileError) -> [JSONValue] {
    try lines.read().filter { $0["store"]?.string == address }
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
    case .event: ("event", nil)
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
    writer.key("transaction")
    if let origin = change.origin { origin.write(to: &writer) } else { writer.null() }
    writer.key("after")
    if let after = change.after { writer.time(after) } else { writer.null() }
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

extension CapturedChange {
  /// Reads what `writeMembers` wrote; nil for anything else.
  init?(_ value: JSONValue) {
    guard let number = value["change"]?.integer, let at = value.time("at"),
      let table = value["table"]?.string,
      let operation = Operation(rawValue: value["operation"]?.string ?? ""),
      let key = value["key"].flatMap({ RowImageText.stored($0) }),
      let columns = value["columns"]?.members
    else { return nil }
    var values: [Value] = []
    for column in columns {
      guard let old = column.value["old"].flatMap({ RowImageText.stored($0) }),
        let new = column.value["new"].flatMap({ RowImageText.stored($0) })
      else { return nil }
      values.append(Value(column: column.name, old: old, new: new))
    }
    self.init(
      number: number, at: at, writer: value["writer"]?.string, table: table, operation: operation,
      key: key, values: values, origin: value["transaction"].flatMap { TransactionOrigin($0) })
    after = value.time("after")
  }
}
