package import LedgerCore

/// A live store: the tables that a fleet's own programs read and write.
///
/// Calls block; a store is used by one thread at a time.
package protocol LiveStore: AnyObject {
  /// The store as people name it, without secrets, such as `sqlite:/srv/live.db`.
  var label: String { get }

  /// The store by a name that means it from every working directory; the ledger records this one.
  var address: String { get }

  /// Begins what the next `observe` returns, where the store can read while its caller does something else.
  func beginObserving()

  /// Reads everything the store holds, as of one moment.
  ///
  /// - Throws: `StoreError` when it cannot be read; an observation is never partial.
  func observe() throws(StoreError) -> Observation

  /// Makes `changes` in one transaction, each only if the store still holds its `before`.
  ///
  /// `beforeCommit` gets what the touched rows held and hold now, and can still refuse by throwing: then
  /// nothing is changed. It is where the ledger makes the pre-image durable.
  func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError)

  /// Takes `images` back in one transaction: each row must still hold `after`, and gets `before`.
  func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError)

  /// What somebody can run by hand to make `changes` as `apply` does; `title` is a line for people.
  ///
  /// Nil for stores of the reference schema, which have one form of scripts.
  func script(of changes: [LiveChange], title: String) throws(StoreError) -> String?

  /// Writes `contents`, sorted by id, into the store in one transaction, creating missing tables.
  ///
  /// Without `replacing`, a store that holds rows already is refused with `StoreError.notEmpty`. `progress` is
  /// called now and then with the rows written so far and their total; when it throws, nothing is changed.
  func project(
    _ contents: Observation, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(StoreError)
}

extension LiveStore {
  package func beginObserving() {}
}

/// A live store whose nodes can be read without keeping all of them.
package protocol NodeLendingStore: LiveStore {
  /// What the store says of itself: its position and its optional parts, and no rows.
  func outline() throws(StoreError) -> Observation

  /// Reads what `observe` reads, as of one moment, but lends each node to `node` and forgets it.
  ///
  /// Nodes come in any order and without their times. What `node` throws ends the look.
  func observe(
    eachNode node: (LiveNode) throws(StoreError) -> Void
  ) throws(StoreError) -> Observation
}

/// How far a store has applied the ledger.
package struct StorePosition: Hashable, Sendable {
  package var sequence: Int64
  /// The chain's link at that sequence, 64 lower-case hexadecimal digits.
  package var chain: String

  package init(sequence: Int64, chain: String) {
    self.sequence = sequence
    self.chain = chain
  }
}

/// What a live store was seen to hold at one moment.
///
/// Every list is sorted by id.
package struct Observation: Sendable {
  package var position: StorePosition?
  /// The store's own name of the moment, such as an LSN of PostgreSQL; nil where it has none.
  package var moment: String?
  package var hosts: [LiveHost] = []
  package var nodes = LiveNodes()
  package var configs = LiveConfigs()
  /// Configs that are there and from a time when they declared no requirement.
  package var unknownConfigs: Set<Name> = []
  /// Configs that are there and cannot be understood.
  package var undecodableConfigs: [UndecodableConfig] = []
  package var orgs: [LiveOrg] = []
  /// The organisations that the store holds, those that are deleted too; nil where it keeps no such table.
  package var orgIDs: Set<Name>?
  /// Names that several live hosts have.
  package var sharedHostNames: [SharedName] = []
  /// What a ledger knows of nodes besides their rows, for whoever writes them into a store; a store is not asked for it.
  package var nodeDetails: [Name: NodeAttributes] = [:]
  package var pools: [LivePool] = []
  package var containers: [LiveContainer] = []
  /// The optional tables and columns that the store has, such as `worker_pools` or `nodes.image`.
  ///
  /// What is not in here is not compared.
  package var optionalParts: Set<String> = []

  package init() {}

  /// The optional parts of the reference schema.
  package static let referenceOptionalParts: Set<String> = [
    "nodes.image", "nodes.config_id", "configs", "worker_pools", "ledger_position", "containers",
  ]
}

/// A host's row: what it offers and what its counters say.
package struct LiveHost: Hashable, Sendable {
  package var id: Name
  package var capacity: Resources
  package var counters: Counters
  package var retired: Bool
  /// The organisation that the host counts for; nil where the store keeps none.
  package var org: Name?

  package init(id: Name, capacity: Resources, counters: Counters, retired: Bool) {
    self.id = id
    self.capacity = capacity
    self.counters = counters
    self.retired = retired
  }
}

/// A node's row; rows that carry `deleted_at` are not part of an observation.
package struct LiveNode: Hashable, Sendable {
  package var id: Name
  package var host: Name?
  package var image: Name?
  package var config: Name?
  /// The organisation that the node counts for; nil where the store keeps none.
  package var org: Name?
  package var resources: Resources
  package var created: Timestamp?
  package var updated: Timestamp?

  package init(id: Name, host: Name?, image: Name?, config: Name?, resources: Resources) {
    self.id = id
    self.host = host
    self.image = image
    self.config = config
    self.resources = resources
  }
}

/// A config's row: what a node of that config is declared to take.
package struct LiveConfig: Hashable, Sendable {
  package var id: Name
  package var image: Name?
  package var resources: Resources

  package init(id: Name, image: Name?, resources: Resources) {
    self.id = id
    self.image = image
    self.resources = resources
  }
}

/// A config whose row cannot be understood, so that nobody knows what its nodes should take.
package struct UndecodableConfig: Hashable, Sendable {
  package var id: Name
  /// What is wrong with it.
  package var reason: String

  package init(id: Name, reason: String) {
    self.id = id
    self.reason = reason
  }
}

/// An organisation's row: what its counters say, as far as the store keeps them and the rows that they count.
package struct LiveOrg: Hashable, Sendable {
  package var id: Name
  /// How many hosts it has; nil where that is not kept.
  package var hosts: Int64?
  /// How many nodes it has; nil where that is not kept.
  package var nodes: Int64?

  package init(id: Name, hosts: Int64?, nodes: Int64?) {
    self.id = id
    self.hosts = hosts
    self.nodes = nodes
  }
}

/// A name that several rows have, although the fleet's own programs take it for one of them.
package struct SharedName: Hashable, Sendable {
  package var name: Name
  /// Sorted; two or more.
  package var ids: [Name]

  package init(name: Name, ids: [Name]) {
    self.name = name
    self.ids = ids
  }

  /// The names that several of `rows` have, sorted.
  package static func among(_ rows: [(name: Name, id: Name)]) -> [SharedName] {
    var ids: [Name: [Name]] = [:]
    for row in rows { ids[row.name, default: []].append(row.id) }
    return ids.filter { $0.value.count > 1 }
      .map { SharedName(name: $0.key, ids: $0.value.sorted()) }.sorted { $0.name < $1.name }
  }
}

/// A worker pool's row.
package struct LivePool: Hashable, Sendable {
  package var name: Name
  package var workers: Int64
  package var lastIssued: Int64

  package init(name: Name, workers: Int64, lastIssued: Int64) {
    self.name = name
    self.workers = workers
    self.lastIssued = lastIssued
  }
}

/// A container's row; `id` is what the ledger calls the container.
package struct LiveContainer: Hashable, Sendable {
  package var id: Name
  package var name: Name
  package var status: Name
  package var template: Name
  package var cpuLimit: Int64?
  package var memoryLimit: Int64?
  package var diskLimit: Int64?

  package init(
    id: Name, name: Name, status: Name, template: Name, cpuLimit: Int64?, memoryLimit: Int64?,
    diskLimit: Int64?
  ) {
    self.id = id
    self.name = name
    self.status = status
    self.template = template
    self.cpuLimit = cpuLimit
    self.memoryLimit = memoryLimit
    self.diskLimit = diskLimit
  }
}

/// One thing to change in a live store.
///
/// `before` nil makes a row, `after` nil removes it.
package enum LiveChange: Hashable, Sendable {
  case host(before: LiveHost?, after: LiveHost?)
  /// The counters of an organisation; its row is neither made nor removed.
  case org(before: LiveOrg, after: LiveOrg)
  case node(before: LiveNode?, after: LiveNode?)
  case pool(before: LivePool?, after: LivePool?)
  case container(before: LiveContainer?, after: LiveContainer?)
}

/// A row as the store really held it, so that it can be put back exactly.
package struct RowImage: Hashable, Sendable {
  package var table: String
  package var keyColumn: String
  package var key: StoredValue
  /// All columns before the change, or nil where there was no row.
  package var before: [StoredColumn]?
  /// All columns after the change, or nil where there is no row any more.
  package var after: [StoredColumn]?

  package init(
    table: String, keyColumn: String, key: StoredValue, before: [StoredColumn]?,
    after: [StoredColumn]?
  ) {
    self.table = table
    self.keyColumn = keyColumn
    self.key = key
    self.before = before
    self.after = after
  }

  /// The table of the store's position.
  package static let positionTable = "ledger_position"

  /// Whether it is the row of the store's position, which is bookkeeping and allocates nothing.
  package var isPosition: Bool { table == RowImage.positionTable }
}

/// One column of a row.
package struct StoredColumn: Hashable, Sendable {
  package var name: String
  package var value: StoredValue

  package init(name: String, value: StoredValue) {
    self.name = name
    self.value = value
  }
}

/// A value as a SQL store keeps it.
package enum StoredValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case real(Double)
  case text([UInt8])
  case blob([UInt8])
}

/// Why a live store could not be read or written; the text names the store, table, column and row.
package enum StoreError: Error, Hashable, Sendable {
  /// It is not there, or not what it should be: missing file, table or column, or a value of a wrong type.
  case unreadable(String)
  /// Another process holds it; trying again can help.
  case locked(String)
  /// `project` found rows and may not replace them.
  case notEmpty(String)
  /// A row is not any more what the plan saw; nothing was changed.
  case stale(String)
  /// The caller's own step refused; nothing was changed.
  case refused(String)
  /// The disk is full or writing failed; nothing was changed.
  case failed(String)
  /// The connection was lost while committing, and nobody could be asked what became of it.
  case uncertain(String)
  /// The caller asked for the end while the store was at work; nothing was changed.
  case interrupted(String)
}
