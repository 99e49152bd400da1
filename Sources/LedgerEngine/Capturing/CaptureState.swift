package import LedgerCore
internal import LedgerLog
package import LedgerPorts
package import LedgerText

/// How far the capture of a server's store is: a small file of the ledger's directory, replaced as a whole.
///
/// The server forgets changes only after this file says that they were taken over, so that a crash at any moment loses nothing. What the
/// ledger has already it knows by the keys of its entries.
package struct CaptureState: Hashable, Sendable {
  private static let schema = "allocledger.capture-state/1"

  /// How changes are caught.
  package enum Method: String, Sendable {
    /// The server tells every transaction.
    case slot
    /// Looks are compared.
    case snapshot
  }

  package enum Phase: String, Sendable {
    /// The server is being prepared; nothing is caught yet.
    case installing
    case installed
    /// Nothing is caught any more; how far it was caught is kept.
    case removed
  }

  /// The store by the address that the ledger records.
  package var store: String
  package var method: Method
  package var slot: String
  package var system: String
  package var timeline: Int64
  package var phase = Phase.installing
  package var installed: Timestamp
  /// What the tables wrote of old rows before.
  package var identities: [TableIdentity] = []
  /// Every transaction that was committed up to here was taken over.
  package var place = StreamPlace(0)
  /// Transactions up to here were seen by `snapshot` or not.
  package var seenThrough = StreamPlace(0)
  package var snapshot: StreamSnapshot?
  /// The last transaction that was taken over: a restored server does not have it.
  package var last: TransactionOrigin?
  /// How many changes were taken over.
  package var changeCount: Int64 = 0
  /// When the store was last known to be caught up with.
  package var looked: Timestamp
  package var known = KnownRows()
  /// Whether another capture ended before, and what changed since then was not taken over yet.
  package var resumes = false

  package init(store: String, method: Method, server: StreamServer, at moment: Timestamp) {
    self.store = store
    self.method = method
    slot = server.slot
    system = server.system
    timeline = server.timeline
    installed = moment
    looked = moment
  }

  /// Where the state of a slot's capture lies.
  package static func path(_ directory: String, slot: String) -> String {
    directory + "/capture-" + slot + ".json"
  }

  /// Reads the state of `slot`; nil where there is none.
  ///
  /// - Throws: `ReconcileError.refused` for a file that is none.
  package static func read(
    _ directory: String, slot: String, _ disk: any Disk
  ) throws(ReconcileError) -> CaptureState? {
    let path = path(directory, slot: slot)
    let bytes = try reaching { () throws(DiskError) -> [UInt8]? in
      guard try disk.exists(path) else { return nil }
      let file = try disk.open(path, .read)
      var bytes: [UInt8] = []
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
      return bytes
    }
    guard let bytes else { return nil }
    guard let value = try? JSONValue(bytes), let state = CaptureState(value) else {
      throw .refused(
        "\(path) is not what was written; move it away, then capture remove and capture install begin anew"
      )
    }
    return state
  }

  /// Makes the state durable in place of the one before.
  package func save(_ directory: String, _ disk: any Disk) throws(ReconcileError) {
    let path = CaptureState.path(directory, slot: slot)
    try reaching { () throws(DiskError) in
      let file = try disk.open(path + ".new", .updateOrCreate)
      try file.resize(to: 0)
      try file.write(bytes, at: 0)
      try file.sync()
      try disk.rename(path + ".new", to: path)
      try disk.syncDirectory(directory)
    }
  }

  /// Forgets the state of `slot`.
  static func remove(
    _ directory: String, slot: String, _ disk: any Disk
  ) throws(ReconcileError) {
    try reaching { () throws(DiskError) in
      try disk.remove(path(directory, slot: slot))
      try disk.syncDirectory(directory)
    }
  }

  // MARK: - JSON

  private var bytes: [UInt8] {
    var writer = JSONWriter(pretty: true)
    writer.beginObject()
    for (name, text) in [
      ("schema", CaptureState.schema), ("store", store), ("method", method.rawValue),
      ("slot", slot), ("system", system), ("phase", phase.rawValue),
      ("place", place.description), ("seen_through", seenThrough.description),
      ("snapshot", snapshot?.text ?? ""),
    ] {
      writer.key(name)
      writer.string(text)
    }
    writer.member("timeline", timeline)
    writer.member("changes", changeCount)
    for (name, moment) in [("installed", installed), ("looked", looked)] {
      writer.key(name)
      writer.time(moment)
    }
    writer.key("last")
    if let last { last.write(to: &writer) } else { writer.null() }
    writer.key("identities")
    writer.beginArray()
    for identity in identities {
      writer.beginArray()
      for text in [identity.table, identity.kind, identity.index ?? ""] { writer.string(text) }
      writer.endArray()
    }
    writer.endArray()
    writer.key("resumes")
    writer.bool(resumes)
    writer.key("known")
    known.write(to: &writer)
    writer.endObject()
    writer.endLine()
    return writer.bytes
  }

  private init?(_ value: JSONValue) {
    func text(_ name: String) -> String { value[name]?.string ?? "" }
    guard text("schema") == CaptureState.schema,
      let method = Method(rawValue: text("method")), let phase = Phase(rawValue: text("phase")),
      let place = StreamPlace(text("place")), let through = StreamPlace(text("seen_through")),
      let timeline = value["timeline"]?.integer, let count = value["changes"]?.integer,
      let installed = value.time("installed"), let looked = value.time("looked"),
      let known = value["known"].flatMap({ KnownRows($0) }),
      let identities = value["identities"]?.elements, let resumes = value["resumes"]?.bool
    else { return nil }
    store = text("store")
    self.method = method
    slot = text("slot")
    system = text("system")
    self.timeline = timeline
    self.phase = phase
    self.installed = installed
    self.looked = looked
    self.place = place
    seenThrough = through
    snapshot = StreamSnapshot(text("snapshot"))
    changeCount = count
    last = value["last"].flatMap { TransactionOrigin($0) }
    self.known = known
    self.resumes = resumes
    self.identities = identities.compactMap { identity in
      guard let table = identity[0]?.string, let kind = identity[1]?.string else { return nil }
      let index = identity[2]?.string ?? ""
      return TableIdentity(table: table, kind: kind, index: index.isEmpty ? nil : index)
    }
  }
}

extension TransactionOrigin {
  /// Writes the origin as an object.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("id", id)
    writer.key("lsn")
    writer.string(place.description)
    writer.key("committed")
    writer.time(committed)
    writer.endObject()
  }

  /// Reads what `write` wrote; nil for anything else.
  package init?(_ value: JSONValue) {
    guard let id = value["id"]?.integer, let committed = value.time("committed"),
      let place = StreamPlace(value["lsn"]?.string ?? "")
    else { return nil }
    self.init(id: id, place: place, committed: committed)
  }
}
