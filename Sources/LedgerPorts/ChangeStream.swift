package import LedgerCore

/// A live store whose server can be asked for every committed transaction, in the order of commits.
///
/// The server keeps what was not read yet under a name of ours, the slot.
package protocol StreamingStore: LiveStore {
  /// The server, with the name that a slot of `ledger` gets there unless `slot` names another; looks only.
  func streamServer(_ ledger: String, slot: String?) throws(StoreError) -> StreamServer

  /// Begins a stream from now on, in place of one of the same name, and tells what the store held when it began.
  ///
  /// `identifies`: whether the tables write whole old rows from now on.
  func beginStream(_ slot: String, identifies: Bool) throws(StoreError) -> StreamStart

  /// How the slot is, or nil where there is none.
  func streamStatus(_ slot: String) throws(StoreError) -> StreamStatus?

  /// Lends every transaction behind the slot's place to `body`, in the order of commits, and says how far; takes nothing away.
  ///
  /// About `limit` rows of change are enough; nil reads to the present end.
  func peekStream(
    _ slot: String, limit: Int?, _ body: (StreamedTransaction) throws(StoreError) -> Void
  ) throws(StoreError) -> StreamReach

  /// Lets the server forget everything up to `place`.
  func advanceStream(_ slot: String, to place: StreamPlace) throws(StoreError)

  /// Removes the slot and gives the tables back what they had, unless another slot of ours needs it.
  ///
  /// - Returns: the tables that keep writing whole old rows for another slot.
  func endStream(
    _ slot: String, restoring identities: [TableIdentity]
  ) throws(StoreError)
    -> [String]

  /// What the tables write of old rows now.
  func tableIdentities() throws(StoreError) -> [TableIdentity]
}

/// A place in the server's log of changes, as PostgreSQL writes it: `16/B374D848`.
package struct StreamPlace: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: UInt64

  package init(_ value: UInt64) {
    self.value = value
  }

  /// Reads two hexadecimal halves; nil for anything else.
  package init?(_ text: String) {
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2, let high = UInt32(halves[0], radix: 16),
      let low = UInt32(halves[1], radix: 16)
    else { return nil }
    value = UInt64(high) << 32 | UInt64(low)
  }

  package var description: String {
    (String(value >> 32, radix: 16) + "/" + String(value & 0xFFFF_FFFF, radix: 16)).uppercased()
  }

  package static func < (left: StreamPlace, right: StreamPlace) -> Bool { left.value < right.value }
}

/// Which server a stream comes from.
package struct StreamServer: Hashable, Sendable {
  /// The name of the slot.
  package var slot: String
  /// What tells the server from every other one.
  package var system: String
  /// Which of the histories that begin with a restore.
  package var timeline: Int64
  /// The end of the server's log of changes.
  package var end: StreamPlace

  package init(slot: String, system: String, timeline: Int64, end: StreamPlace) {
    self.slot = slot
    self.system = system
    self.timeline = timeline
    self.end = end
  }
}

/// Where a stream begins, and what the store held there.
package struct StreamStart: Sendable {
  package var seen: Observation
  package var place: StreamPlace
  /// Transactions up to here may be in `seen` already: those that `snapshot` saw.
  package var seenThrough: StreamPlace
  package var snapshot: StreamSnapshot

  package init(
    seen: Observation, place: StreamPlace, seenThrough: StreamPlace, snapshot: StreamSnapshot
  ) {
    self.seen = seen
    self.place = place
    self.seenThrough = seenThrough
    self.snapshot = snapshot
  }
}

/// Which transactions a snapshot saw: `xmin:xmax:xip,…` of PostgreSQL.
package struct StreamSnapshot: Hashable, Sendable {
  package let text: String
  private let next: UInt32
  private let running: Set<UInt32>

  /// Reads a snapshot's text; nil where it is none.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, UInt64(parts[0]) != nil, let next = UInt64(parts[1]) else { return nil }
    let running = parts[2].split(separator: ",").map { UInt64($0) }
    guard running.allSatisfy({ $0 != nil }) else { return nil }
    self.text = text
    self.next = UInt32(truncatingIfNeeded: next)
    self.running = Set(running.compactMap { $0.map { UInt32(truncatingIfNeeded: $0) } })
  }

  /// Whether the snapshot saw what `transaction` committed; both are less than two billion transactions apart.
  package func saw(_ transaction: Int64) -> Bool {
    let id = UInt32(truncatingIfNeeded: transaction)
    return Int32(bitPattern: id &- next) < 0 && !running.contains(id)
  }
}

/// How a slot is.
package struct StreamStatus: Hashable, Sendable {
  /// Everything before it was taken over.
  package var place: StreamPlace
  /// Such as `reserved`, `extended`, `unreserved` or `lost`.
  package var health: String
  /// How many bytes of the server's log of changes the slot keeps.
  package var keptByteCount: Int64

  package init(place: StreamPlace, health: String, keptByteCount: Int64) {
    self.place = place
    self.health = health
    self.keptByteCount = keptByteCount
  }
}

/// How far a stream was read.
package struct StreamReach: Hashable, Sendable {
  /// Every transaction that was committed up to here was lent.
  package var place: StreamPlace
  /// Whether that was all that there was.
  package var isEnd: Bool
  /// What tables wrote of old rows before anybody asked for more, as the stream of another ledger said when it ended.
  package var identities: [TableIdentity]

  package init(place: StreamPlace, isEnd: Bool, identities: [TableIdentity] = []) {
    self.place = place
    self.isEnd = isEnd
    self.identities = identities
  }
}

/// What a table writes of old rows: one letter of PostgreSQL's `relreplident`, with the index where it is `i`.
package struct TableIdentity: Hashable, Sendable {
  package var table: String
  package var kind: String
  package var index: String?

  package init(table: String, kind: String, index: String?) {
    self.table = table
    self.kind = kind
    self.index = index
  }
}

extension [TableIdentity] {
  /// These, with what `later` says of the same tables.
  package func replaced(by later: [TableIdentity]) -> [TableIdentity] {
    map { own in later.last { $0.table == own.table } ?? own }
  }
}

/// One committed transaction.
package struct StreamedTransaction: Hashable, Sendable {
  /// Who says that the transaction is its own.
  package enum Writer: Hashable, Sendable {
    /// A repair or an undo of this program.
    case repair
    /// A lifecycle command: the mark of the ledger that has its intent.
    case command(ledger: String, sequence: Int64)
  }

  package var origin: TransactionOrigin
  package var writer: Writer?
  package var changes: [StreamedChange] = []
  /// The nodes that the API's own log or queue of commands speaks of in this transaction.
  package var told: Set<Name> = []

  package init(origin: TransactionOrigin) {
    self.origin = origin
  }
}

/// A change of a row in a transaction.
package struct StreamedChange: Hashable, Sendable {
  package var change: CapturedChange
  /// The row before; nil where there was none, and where the server does not say.
  package var before: StreamedRow?
  /// The row afterwards; nil where there is none any more.
  package var after: StreamedRow?
  /// Whether the server says what the row was, or that there was none.
  package var saysBefore: Bool
  /// Whether the rows could be understood; false for a table that was emptied at once.
  package var isClear: Bool

  package init(
    change: CapturedChange, before: StreamedRow?, after: StreamedRow?, saysBefore: Bool,
    isClear: Bool
  ) {
    self.isClear = isClear
    self.change = change
    self.before = before
    self.after = after
    self.saysBefore = saysBefore
  }
}

/// A row that the ledger follows; one that is marked as deleted is no row, and a host's says so.
package enum StreamedRow: Hashable, Sendable {
  case host(LiveHost)
  case node(LiveNode, NodeAttributes)
}
