import LedgerCore

extension FieldSet {
  /// What every fact may carry.
  static let common: FieldSet = [
    .time, .type, .reason, .key, .actor, .source, .cause, .contradiction, .expect,
  ]
  /// What every fact must carry.
  static let always: FieldSet = [.time, .type]
  /// The place of an exported fact.
  static let stamp: FieldSet = [.entry, .recorded]
  /// The resource triple.
  static let numbers: FieldSet = [.cpuMillicores, .memoryBytes, .diskBytes]
  /// What is known of a node besides its numbers.
  static let attributes: FieldSet = [
    .image, .config, .org, .name, .protocol, .protocolVersion, .semanticVersion,
  ]
  /// What a container may take, each on its own.
  static let limits: FieldSet = [.cpuLimit, .memoryLimit, .diskLimit]
  /// The capacity of an adopted host, all or none.
  static let capacity: FieldSet = [
    .capacityCPUMillicores, .capacityMemoryBytes, .capacityDiskBytes,
  ]
  /// The counters of an adopted host, all or none.
  static let counters: FieldSet = FieldSet.numbers.union([.nodes])
  /// Second names, which are read and never written.
  static let aliases: FieldSet = [
    .cpuCores, .workerCount, .nodeCount, .nodeCPUMillicores, .nodeMemoryBytes, .nodeDiskBytes,
  ]
  /// Objects, which stand for fields of their own.
  static let nested: FieldSet = [.limits, .capacity]
  /// Numbers that cannot be below zero.
  static let counts: FieldSet =
    FieldSet.numbers.union(limits).union(capacity).union([
      .workersBefore, .workersAfter, .workerCount, .lastIssued, .nodes, .nodeCount,
      .nodeCPUMillicores, .nodeMemoryBytes, .nodeDiskBytes,
    ])
  /// The fields that `RareFields` holds.
  static let rare: FieldSet =
    FieldSet.limits.union(capacity).union([
      .container, .added, .removed, .status, .template, .sequence, .upgrade, .upgradeKey, .present,
      .nodes, .store, .outcome, .changes, .reason, .contradiction,
    ])
}

/// Which fields a kind of fact needs and which it may carry; the one table for JSON and CSV, for
/// reading and writing.
struct FieldRules: Sendable {
  /// What the rules are about, for messages.
  let title: String
  /// Fields without which there is no such fact.
  let required: FieldSet
  /// Fields that have a meaning for it, the required ones included.
  let used: FieldSet
  /// Fields that must be written even when they are null, because null says something.
  let explicit: FieldSet

  private init(
    _ title: String, required: FieldSet, optional: FieldSet = [], explicit: FieldSet = []
  ) {
    self.title = title
    self.required = required.union(.always)
    self.explicit = explicit
    var used = required.union(optional).union(explicit).union(.common)
    if used.contains(.cpuMillicores) { used.insert(.cpuCores) }
    if used.contains(.cpuLimit) { used.insert(.limits) }
    self.used = used
  }

  init(_ type: EventType) {
    let title = type.name
    switch type {
    case .hostRegistered, .hostResized:
      self.init(title, required: FieldSet.numbers.union([.host]))
    case .hostRetired:
      self.init(title, required: [.host])
    case .nodeCreated:
      self.init(
        title, required: FieldSet.numbers.union([.node]), optional: .attributes, explicit: [.host])
    case .nodeUpgraded:
      self.init(title, required: [.node], optional: FieldSet.numbers.union(.attributes))
    case .nodeUpgradeRolledBack:
      self.init(
        title, required: [.node],
        optional: FieldSet.numbers.union(.attributes).union([.upgrade, .upgradeKey]))
    case .nodeMoved:
      self.init(title, required: [.node], explicit: [.host])
    case .nodeRenamed:
      self.init(title, required: [.node, .name])
    case .nodeTransferred:
      self.init(title, required: [.node, .org])
    case .nodeDeletionRequested, .nodeDeleted:
      self.init(title, required: [.node], optional: FieldSet.numbers.union([.host]))
    case .workerScaled:
      self.init(
        title, required: [.pool, .workersAfter],
        optional: [.workersBefore, .lastIssued, .added, .removed])
    case .containerCreated, .containerChanged, .containerDeleted:
      self.init(
        title, required: [.container], optional: FieldSet.limits.union([.status, .template]))
    case .entryVoided:
      self.init(title, required: [.sequence])
    case .stateAdopted:
      self.init(adopting: .host)
    case .repairStarted, .repairFinished:
      self.init(title, required: [], optional: [.store, .outcome, .changes, .sequence])
    }
  }

  /// The rules of `state_adopted` for one kind of entity.
  init(adopting kind: EntityKind) {
    let title = "state_adopted of a \(kind.rawValue)"
    switch kind {
    case .node:
      self.init(
        title, required: [.node],
        optional: FieldSet.numbers.union(.attributes).union([.host, .present]))
    case .pool:
      self.init(
        title, required: [.pool], optional: [.workersAfter, .workerCount, .lastIssued, .present])
    case .container:
      self.init(
        title, required: [.container],
        optional: FieldSet.limits.union([.status, .template, .present]))
    case .host:
      self.init(
        title, required: [.host],
        optional: FieldSet.counters.union(.capacity).union(.aliases)
          .subtracting([.workerCount]).union([.capacity, .present]))
    }
  }

  /// All rules: by the raw value of the type, and after them by the kind that is adopted.
  static let all: [FieldRules] = {
    let types = (0...adoptedBase - 1).map { code in
      FieldRules(EventType(rawValue: UInt8(code)) ?? .repairStarted)
    }
    return types + EntityKind.allCases.map { FieldRules(adopting: $0) }
  }()

  private static let adoptedBase = 20

  /// Where the rules of a type stand in `all`.
  @inline(__always)
  static func index(_ type: EventType) -> Int { Int(type.rawValue) }

  /// Where the rules of an adoption stand in `all`.
  static func index(adopting kind: EntityKind) -> Int {
    switch kind {
    case .host: adoptedBase
    case .node: adoptedBase + 1
    case .pool: adoptedBase + 2
    case .container: adoptedBase + 3
    }
  }

  /// What an adoption is about, from the fields that name an entity; nil when that is not clear.
  static func adoptedKind(_ present: FieldSet) -> EntityKind? {
    switch present.intersection([.node, .pool, .container, .host]) {
    case [.node], [.node, .host]: .node
    case [.pool]: .pool
    case [.container]: .container
    case [.host]: .host
    default: nil
    }
  }
}
