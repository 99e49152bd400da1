package import LedgerCore
internal import LedgerLog
package import LedgerPorts
internal import LedgerText

/// What the ledger keeps of a command before the store commits: who asked for what, the fact that it shall become, the rows.
///
/// It is the `changes` of a `repair_started`, as a JSON object; repairs keep an array of rows there.
///
///     {"command":NAME,"request":TEXT,"fact":{…},"rows":[…]}
package struct CommandIntent: Hashable, Sendable {
  package var command: String
  /// All that was asked for in one text, to tell a retry from another command under the same key.
  package var request: String
  package var fact: Fact
  package var rows: [RowImage]

  /// The intent as it is kept.
  var text: Name {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("command")
    writer.string(command)
    writer.key("request")
    writer.string(request)
    writer.key("fact")
    writer.value(.object(CommandIntent.members(of: fact)))
    writer.key("rows")
    writer.beginArray()
    for row in rows { RowImageText.write(row, to: &writer) }
    writer.endArray()
    writer.endObject()
    return Name(utf8: writer.bytes.span)
  }

  /// Whether the changes of a `repair_started` are those of a command.
  static func isIntent(_ changes: Name?) -> Bool {
    changes?.utf8.first == UInt8(ascii: "{")
  }

  /// Reads what `text` wrote; nil for anything else.
  init?(_ changes: Name?) {
    guard let changes, let document = try? JSONValue(changes.utf8),
      let command = document["command"]?.string, let request = document["request"]?.string,
      let members = document["fact"], let fact = CommandIntent.fact(members),
      let elements = document["rows"]
    else { return nil }
    var writer = JSONWriter()
    writer.value(elements)
    guard let rows = RowImageText.decode(writer.bytes) else { return nil }
    self.init(command: command, request: request, fact: fact, rows: rows)
  }

  init(command: String, request: String, fact: Fact, rows: [RowImage]) {
    self.command = command
    self.request = request
    self.fact = fact
    self.rows = rows
  }

  /// The fact as its line has it, without a place in a log.
  private static func members(of fact: Fact) -> [JSONValue.Member] {
    var writer = FactWriter()
    writer.write(Entry(sequence: 1, recorded: fact.occurred, fact: fact))
    let members = (try? JSONValue(writer.bytes))?.members ?? []
    return members.filter { !["entry", "recorded"].contains($0.name) }
  }

  private static func fact(_ value: JSONValue) -> Fact? {
    var writer = JSONWriter()
    writer.value(value)
    var reader = FactReader()
    var item = FactItem()
    guard let line = try? reader.read(writer.bytes, into: &item), case .fact = line else {
      return nil
    }
    return item.fact
  }
}

/// The commands whose outcome a ledger does not know yet, and the last of each store that was committed.
struct OpenCommands {
  struct Record {
    var sequence: Int64
    var store: String
    var intent: CommandIntent
    var actor: Name?

    func isOn(_ store: any LiveStore) -> Bool {
      OpenCommands.place(store.address) == OpenCommands.place(self.store)
    }
  }

  private(set) var records: [Record] = []
  private var committed: [Substring: Int64] = [:]

  /// The intent of the last command that `store` is known to have committed; nil where there was none.
  func lastCommitted(on store: any LiveStore) -> Int64? {
    committed[OpenCommands.place(store.address)]
  }

  /// An address without what only tunes a connection.
  private static func place(_ address: String) -> Substring { address.prefix { $0 != "?" } }

  /// Reads the log once.
  init(_ reader: LogReader) throws(LogError) {
    var cursor = reader.cursor(keepsTexts: false)
    var batch = EntryBatch()
    while try cursor.next(into: &batch) != nil {
      for detail in batch.details {
        note(detail.fact, batch.firstSequence + Int64(detail.row))
      }
    }
  }

  private mutating func note(_ fact: Fact, _ sequence: Int64) {
    switch fact.type {
    case .repairStarted:
      guard CommandIntent.isIntent(fact.rare.changes),
        let intent = CommandIntent(fact.rare.changes)
      else { return }
      records.append(
        Record(
          sequence: sequence, store: fact.rare.store?.description ?? "", intent: intent,
          actor: fact.actor))
    case .repairFinished:
      guard let index = records.firstIndex(where: { $0.sequence == fact.rare.target }) else {
        return
      }
      let record = records.remove(at: index)
      if fact.rare.outcome == CommandLog.committed {
        committed[OpenCommands.place(record.store)] = record.sequence
      }
    default: break
    }
  }
}
