package import LedgerCore
package import LedgerForensics
internal import LedgerPorts
internal import LedgerText

/// A bisection that is under way: what was asked, and what the user said; looks are observations.
///
/// It lies in `bisect.json` in the ledger's directory, and can be given up and gone on with at any time.
package struct BisectState: Hashable, Sendable {
  private static let schema = "allocledger.bisection/1"

  /// Where the store of a moment comes from.
  package enum Source: Hashable, Sendable {
    /// From nowhere but the observations, the live store itself, and what the user says.
    case none
    /// From a folder of dated copies.
    case backups(String)
    /// From a command that makes one.
    case command(String)
  }

  /// What the user said of a moment.
  package struct Mark: Hashable, Sendable {
    package var at: Timestamp
    package var verdict: Bisection.Verdict

    package init(at: Timestamp, verdict: Bisection.Verdict) {
      self.at = at
      self.verdict = verdict
    }
  }

  /// The store as the user named it.
  package var store: String
  /// The entities whose drift is searched; empty for those that drift at the end.
  package var entities: [FindingEntity]
  package var source: Source
  package var marks: [Mark] = []

  package init(store: String, entities: [FindingEntity], source: Source) {
    self.store = store
    self.entities = entities
    self.source = source
  }

  /// The state as one document.
  package var bytes: [UInt8] {
    var writer = JSONWriter(pretty: true)
    writer.beginObject()
    writer.key("schema")
    writer.string(BisectState.schema)
    writer.key("store")
    writer.string(store)
    writer.key("entities")
    writer.beginArray()
    for entity in entities { writer.object(of: entity) }
    writer.endArray()
    var values: (backups: String?, command: String?)
    switch source {
    case .none: break
    case .backups(let directory): values.backups = directory
    case .command(let command): values.command = command
    }
    for (name, value) in [("backups", values.backups), ("command", values.command)] {
      writer.key(name)
      if let value { writer.string(value) } else { writer.null() }
    }
    writer.key("marks")
    writer.beginArray()
    for mark in marks {
      writer.beginObject()
      writer.key("at")
      writer.time(mark.at)
      writer.key("verdict")
      writer.string(mark.verdict.rawValue)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    writer.endLine()
    return writer.bytes
  }

  /// The state of a document, or nil where it is none.
  package init?(_ bytes: [UInt8]) {
    guard let value = try? JSONValue(bytes), value["schema"]?.string == BisectState.schema,
      let store = value["store"]?.string, let entities = value["entities"]?.elements,
      let marks = value["marks"]?.elements
    else { return nil }
    self.init(
      store: store, entities: entities.compactMap { FindingEntity($0) }, source: .none)
    if let directory = value["backups"]?.string { source = .backups(directory) }
    if let command = value["command"]?.string { source = .command(command) }
    for mark in marks {
      guard let at = mark.time("at"),
        let verdict = Bisection.Verdict(rawValue: mark["verdict"]?.string ?? "")
      else { return nil }
      self.marks.append(Mark(at: at, verdict: verdict))
    }
  }
}
