import LedgerCore
import LedgerPorts

/// Puts the lines of the plugin `test_decoding` together to transactions.
///
///     BEGIN 747
///     table public.hosts: UPDATE: old-key: id[uuid]:'…' … new-tuple: id[uuid]:'…' …
///     message: transactional: 1 prefix: allocledger, sz: 6 content:repair
///     COMMIT 747 (at 2026-11-21 13:22:07.45163+00)
struct ChangeDecoder {
  /// The prefix of the messages by which this program marks its own transactions.
  static let messagePrefix = "allocledger"

  /// What a table's rows say.
  private enum Meaning {
    case followed(DecodedRows.Table)
    /// The API's own log or queue of commands.
    case told
    /// The marks of lifecycle commands.
    case marks
  }

  private struct Table {
    var prefix: [UInt8]
    var qualified: [UInt8]
    var meaning: Meaning
    var columns = DecodedColumns()
    var rows: DecodedRows?
  }

  private static let begin = Array("BEGIN ".utf8)
  private static let commit = Array("COMMIT ".utf8)
  private static let ownMessage = Array(
    "message: transactional: 1 prefix: \(messagePrefix), ".utf8)
  /// What the last word of another ledger's stream begins with; it belongs to no transaction.
  private static let handedOver = Array(
    "message: transactional: 0 prefix: \(messagePrefix), ".utf8)
  private static let truncateEnds = ["(no-flags)", " restart_seqs", " cascade"].map {
    Array($0.utf8)
  }

  private let label: String
  private var tables: [Table] = []
  private var open: StreamedTransaction?
  /// What other ledgers said that tables wrote of old rows before.
  private(set) var identities: [TableIdentity] = []

  /// A decoder for tables by their qualified, quoted names as the server writes them.
  init(label: String, names: [(table: String, qualified: String)]) {
    self.label = label
    for name in names {
      let meaning: Meaning
      switch name.table {
      case "node_logs", "commands": meaning = .told
      case CommandMark.table: meaning = .marks
      default:
        guard let followed = DecodedRows.Table(rawValue: name.table) else { continue }
        meaning = .followed(followed)
      }
      tables.append(
        Table(
          prefix: Array("table \(name.qualified): ".utf8), qualified: Array(name.qualified.utf8),
          meaning: meaning))
    }
  }

  /// Takes a line, and returns the transaction that it ends.
  mutating func take(
    _ place: StreamPlace, _ line: Span<UInt8>, _ range: Range<Int>
  ) throws(PostgresFailure) -> StreamedTransaction? {
    let end = range.upperBound
    if line.begins(ChangeDecoder.begin, at: range.lowerBound, end) {
      let origin = TransactionOrigin(
        id: 0, place: place, committed: Timestamp(microseconds: 0))
      open = StreamedTransaction(origin: origin)
    } else if line.begins(ChangeDecoder.commit, at: range.lowerBound, end) {
      var ended = open
      open = nil
      ended?.origin = try origin(place, line, range)
      return ended
    } else if line.begins(ChangeDecoder.ownMessage, at: range.lowerBound, end) {
      if open?.writer == nil { open?.writer = .repair }
    } else if line.begins(ChangeDecoder.handedOver, at: range.lowerBound, end) {
      let text = String(decoding: range.map { line[$0] }, as: UTF8.self)
      if let identity = TableIdentity(handedOver: text) { identities.append(identity) }
    } else if ChangeDecoder.truncateEnds.contains(where: {
      line.begins($0, at: max(range.lowerBound, end - $0.count), end)
    }) {
      // Texts are in quotes, so no row ends so.
      takeTruncation(line, range)
    } else if let index = tables.firstIndex(where: {
      line.begins($0.prefix, at: range.lowerBound, end)
    }) {
      try takeRow(index, line, range.lowerBound + tables[index].prefix.count..<end)
    }
    return nil
  }

  private func origin(
    _ place: StreamPlace, _ line: Span<UInt8>, _ range: Range<Int>
  ) throws(PostgresFailure) -> TransactionOrigin {
    let text = String(decoding: range.map { line[$0] }, as: UTF8.self)
    let words = text.split(separator: " ")
    // The connection writes times in UTC: "(at 2026-11-21 13:22:07.45163+00)".
    guard words.count == 5, let id = Int64(words[1]), words[4].hasSuffix("+00)"),
      let committed = Timestamp(rfc3339: "\(words[3])T\(words[4].dropLast(4))Z")
    else { throw malformed(text) }
    return TransactionOrigin(id: id, place: place, committed: committed)
  }

  private func malformed(_ text: String) -> PostgresFailure {
    .store(
      .unreadable(
        "\(label): the slot's line cannot be understood: '\(text.prefix(200))'; is its plugin test_decoding?"
      ))
  }

  private mutating func takeRow(
    _ index: Int, _ line: Span<UInt8>, _ range: Range<Int>
  ) throws(PostgresFailure) {
    var offset = range.lowerBound
    let end = range.upperBound
    func passes(_ word: String) -> Bool {
      guard line.begins(Array(word.utf8), at: offset, end) else { return false }
      offset += word.utf8.count
      return true
    }
    var operation = CapturedChange.Operation.update
    if passes("INSERT: ") {
      operation = .insert
    } else if passes("DELETE: ") {
      operation = .delete
    } else if !passes("UPDATE: ") {
      throw malformed(String(decoding: range.map { line[$0] }, as: UTF8.self))
    }
    var old: DecodedTuple?
    var new: DecodedTuple?
    var isWhole = true
    if operation == .delete || passes("old-key: ") {
      old = DecodedTuple(line, &offset, end: end, columns: &tables[index].columns)
      isWhole = old != nil
      _ = passes("new-tuple: ")
    }
    if operation != .delete {
      new = DecodedTuple(line, &offset, end: end, columns: &tables[index].columns)
      isWhole = isWhole && new != nil
    }
    guard isWhole else {
      throw malformed(String(decoding: range.map { line[$0] }, as: UTF8.self))
    }
    switch tables[index].meaning {
    case .followed(let table):
      if tables[index].rows?.columnCount != tables[index].columns.names.count {
        tables[index].rows = DecodedRows(table, tables[index].columns)
      }
      guard let rows = tables[index].rows else { return }
      let change = change(operation, rows, old, new, line)
      open?.changes.append(change)
    case .told:
      let column = tables[index].columns.index(of: "node_id")
      if let node = new?.name(column, line) { open?.told.insert(node) }
    case .marks:
      let columns = tables[index].columns
      if let ledger = new?.name(columns.index(of: "ledger"), line),
        let sequence = new?.integer(columns.index(of: "sequence"), line), sequence > 0
      {
        open?.writer = .command(ledger: ledger.description, sequence: sequence)
      }
    }
  }

  private func change(
    _ operation: CapturedChange.Operation, _ rows: DecodedRows, _ old: DecodedTuple?,
    _ new: DecodedTuple?, _ line: Span<UInt8>
  ) -> StreamedChange {
    let saysBefore = operation == .insert || old.map { rows.isWhole($0, line) } ?? false
    let whole = saysBefore ? old : nil
    let before = whole.map { rows.row($0, line) } ?? .some((nil, ()))
    let after = new.map { rows.row($0, line) } ?? .some((nil, ()))
    var change = CapturedChange(
      number: 0, at: Timestamp(microseconds: 0), writer: nil, table: rows.table.rawValue,
      operation: operation, key: rows.key(new ?? old, line) ?? .null, values: [])
    if saysBefore { change.values = rows.values(whole, new, line) }
    return StreamedChange(
      change: change, before: before?.row, after: after?.row, saysBefore: saysBefore,
      isClear: before != nil && after != nil)
  }

  /// `table public.commands, public.nodes: TRUNCATE: (no-flags)`.
  private mutating func takeTruncation(_ line: Span<UInt8>, _ range: Range<Int>) {
    let text = String(decoding: range.map { line[$0] }, as: UTF8.self)
    guard let colon = text.firstRange(of: ": TRUNCATE: ") else { return }
    let names = text[..<colon.lowerBound].dropFirst("table ".count)
    for table in tables {
      guard case .followed(let followed) = table.meaning,
        names.split(separator: ", ").contains(Substring(decoding: table.qualified, as: UTF8.self))
      else { continue }
      open?.changes.append(
        StreamedChange(
          change: CapturedChange(
            number: 0, at: Timestamp(microseconds: 0), writer: nil, table: followed.rawValue,
            operation: .truncate, key: .null, values: []),
          before: nil, after: nil, saysBefore: false, isClear: false))
    }
  }
}
