/// Something that happened, as it is told to the ledger: an event with its time, origin and key.
///
/// Which fields matter depends on `type`; the rest is nil. `INTERFACES` of facts: docs/reference/facts.md.
package struct Fact: Hashable, Sendable {
  package var type: EventType
  package var occurred: Timestamp

  package var node: Name?
  /// Nil where a node is not placed.
  package var host: Name?
  /// Millicores; of a host the capacity, of a node what it takes.
  ///
  /// Nil is "not said".
  package var cpuMillicores: Int64?
  package var memoryBytes: Int64?
  package var diskBytes: Int64?
  package var attributes = NodeAttributes()

  package var pool: Name?
  package var workersBefore: Int64?
  package var workersAfter: Int64?
  package var lastIssued: Int64?
  /// What only few facts carry; a class would be shared, so it is an array of at most one element.
  package private(set) var rareStorage: [RareFields] = []

  package var key: Name?
  package var actor: Name?
  package var source: Name?
  /// The sequence of the entry that led to this one.
  package var cause: Int64?

  package init(type: EventType, occurred: Timestamp) {
    self.type = type
    self.occurred = occurred
  }

  /// The fields that few facts carry.
  package var rare: RareFields {
    get { rareStorage.first ?? RareFields() }
    set { rareStorage = newValue == RareFields() ? [] : [newValue] }
  }

  /// Whether any rare field is set.
  package var hasRare: Bool { !rareStorage.isEmpty }

  /// The three numbers, with `Resources.unchanged` where one is not said.
  package var resources: Resources {
    Resources(
      cpuMillicores: cpuMillicores ?? Resources.unchanged,
      memoryBytes: memoryBytes ?? Resources.unchanged,
      diskBytes: diskBytes ?? Resources.unchanged)
  }

  /// Sets the three numbers; `Resources.unchanged` becomes "not said".
  package mutating func setResources(_ resources: Resources) {
    cpuMillicores = resources.cpuMillicores < 0 ? nil : resources.cpuMillicores
    memoryBytes = resources.memoryBytes < 0 ? nil : resources.memoryBytes
    diskBytes = resources.diskBytes < 0 ? nil : resources.diskBytes
  }
}

/// What is known of a node besides its numbers.
package struct NodeAttributes: Hashable, Sendable {
  package var image: Name?
  package var config: Name?
  package var org: Name?
  package var name: Name?
  package var `protocol`: Name?
  package var protocolVersion: Name?
  package var semanticVersion: Name?

  package init() {}

  package static let fieldNames = [
    "image", "config", "org", "name", "protocol", "protocol_version", "semantic_version",
  ]

  /// The seven attributes in the order of `fieldNames`.
  package var values: [Name?] {
    get { [image, config, org, name, `protocol`, protocolVersion, semanticVersion] }
    set {
      guard newValue.count == 7 else { return }
      image = newValue[0]
      config = newValue[1]
      org = newValue[2]
      name = newValue[3]
      `protocol` = newValue[4]
      protocolVersion = newValue[5]
      semanticVersion = newValue[6]
    }
  }

  @inline(__always)
  package var isEmpty: Bool {
    image == nil && config == nil && org == nil && name == nil && `protocol` == nil
      && protocolVersion == nil && semanticVersion == nil
  }

  /// These attributes, with those of `base` where they are not said.
  package func over(_ base: NodeAttributes) -> NodeAttributes {
    var merged = base
    merged.values = zip(values, base.values).map { $0 ?? $1 }
    return merged
  }
}

/// The fields that few facts carry.
package struct RareFields: Hashable, Sendable {
  package var added: [Name]?
  package var removed: [Name]?
  package var reason: Name?

  package var container: Name?
  package var status: Name?
  package var template: Name?
  package var cpuLimit: Int64?
  package var memoryLimit: Int64?
  package var diskLimit: Int64?

  /// The entry that is voided, or whose upgrade is rolled back.
  package var target: Int64?
  /// The key of the upgrade that is rolled back.
  package var targetKey: Name?

  /// What a live store holds, for `state_adopted`: false when it holds nothing by that id.
  package var present: Bool?
  /// Adopted counters of a host.
  package var counters: Counters?
  /// Adopted capacity of a host.
  package var capacity: Resources?

  /// Which store a repair wrote, and what it changed (JSON of docs/reference/repairs.md).
  package var store: Name?
  package var outcome: Name?
  package var changes: Name?

  /// The code of the contradiction, where the fact was recorded although history does not allow it.
  package var contradiction: Contradiction?

  package init() {}
}

/// A fact with its place in the log.
package struct Entry: Hashable, Sendable {
  /// From 1, without a gap.
  package var sequence: Int64
  /// When the ledger stored it; never decreases.
  ///
  /// Entries of one commit share it.
  package var recorded: Timestamp
  package var fact: Fact

  package init(sequence: Int64, recorded: Timestamp, fact: Fact) {
    self.sequence = sequence
    self.recorded = recorded
    self.fact = fact
  }
}

extension Fact {
  /// The code of the contradiction that the fact was recorded with.
  package var contradiction: Contradiction? {
    rareStorage.isEmpty ? nil : rareStorage[0].contradiction
  }

  /// Makes the fact what the log keeps of it: the fields of its type and no others.
  ///
  /// What a deletion says of its node's host and numbers is checked on entry and not kept, because history has it.
  /// Facts that stand whole beside the columns are kept as they are.
  package mutating func normalize() {
    if type.isDetailed || hasRare { return }
    let subject = type.subject
    if subject != .node, node != nil { node = nil }
    if subject != .pool { clearPool() }
    if subject != .host, type != .nodeCreated, type != .nodeMoved, host != nil { host = nil }
    switch type {
    case .hostRegistered, .hostResized, .nodeCreated, .nodeUpgraded: break
    default: clearNumbers()
    }
    switch type {
    case .nodeCreated, .nodeUpgraded, .nodeRenamed, .nodeTransferred: break
    default: if !attributes.isEmpty { attributes = NodeAttributes() }
    }
  }

  private mutating func clearPool() {
    if pool != nil { pool = nil }
    workersBefore = nil
    workersAfter = nil
    lastIssued = nil
  }

  private mutating func clearNumbers() {
    cpuMillicores = nil
    memoryBytes = nil
    diskBytes = nil
  }
}
