/// What can happen to a fleet.
///
/// The raw value is the type's code in the log and never changes.
package enum EventType: UInt8, CaseIterable, Sendable {
  case hostRegistered = 1
  case hostResized = 2
  case hostRetired = 3
  case nodeCreated = 4
  case nodeUpgraded = 5
  case nodeUpgradeRolledBack = 6
  case nodeMoved = 7
  case nodeRenamed = 8
  case nodeTransferred = 9
  case nodeDeletionRequested = 10
  case nodeDeleted = 11
  case workerScaled = 12
  case containerCreated = 13
  case containerChanged = 14
  case containerDeleted = 15
  case entryVoided = 16
  case stateAdopted = 17
  case repairStarted = 18
  case repairFinished = 19

  /// The name in facts and reports.
  package var name: String {
    switch self {
    case .hostRegistered: "host_registered"
    case .hostResized: "host_resized"
    case .hostRetired: "host_retired"
    case .nodeCreated: "node_created"
    case .nodeUpgraded: "node_upgraded"
    case .nodeUpgradeRolledBack: "node_upgrade_rolled_back"
    case .nodeMoved: "node_moved"
    case .nodeRenamed: "node_renamed"
    case .nodeTransferred: "node_transferred"
    case .nodeDeletionRequested: "node_deletion_requested"
    case .nodeDeleted: "node_deleted"
    case .workerScaled: "worker_scaled"
    case .containerCreated: "container_created"
    case .containerChanged: "container_changed"
    case .containerDeleted: "container_deleted"
    case .entryVoided: "entry_voided"
    case .stateAdopted: "state_adopted"
    case .repairStarted: "repair_started"
    case .repairFinished: "repair_finished"
    }
  }

  /// The type of a name in a fact; `node_resized` is a second name of `node_upgraded`.
  package init?(name: String) {
    if name == "node_resized" {
      self = .nodeUpgraded
      return
    }
    guard let found = EventType.byName[name] else { return nil }
    self = found
  }

  private static let byName = Dictionary(
    uniqueKeysWithValues: EventType.allCases.map { ($0.name, $0) })

  /// What the event is about.
  package var subject: EntityKind? {
    switch self {
    case .hostRegistered, .hostResized, .hostRetired: .host
    case .nodeCreated, .nodeUpgraded, .nodeUpgradeRolledBack, .nodeMoved, .nodeRenamed,
      .nodeTransferred, .nodeDeletionRequested, .nodeDeleted:
      .node
    case .workerScaled: .pool
    case .containerCreated, .containerChanged, .containerDeleted: .container
    case .entryVoided, .stateAdopted, .repairStarted, .repairFinished: nil
    }
  }

  /// Whether the event always stands in the log as a whole, beside its columns.
  package var isDetailed: Bool {
    switch self {
    case .nodeUpgradeRolledBack, .containerCreated, .containerChanged, .containerDeleted,
      .entryVoided, .stateAdopted, .repairStarted, .repairFinished:
      true
    default: false
    }
  }

  /// Whether the event can change what the ledger says of the fleet; the rest is bookkeeping.
  package var changesState: Bool { self != .repairStarted && self != .repairFinished }
}

/// The kinds of things that a ledger follows.
package enum EntityKind: String, Sendable, CaseIterable {
  case host
  case node
  case pool
  case container
}
