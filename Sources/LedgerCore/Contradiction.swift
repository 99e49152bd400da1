/// Why history does not allow a fact.
///
/// The raw value is its code in the log and never changes.
package enum Contradiction: UInt8, Error, Hashable, Sendable, CaseIterable {
  case unknownHost = 1
  case retiredHost = 2
  case hostRegisteredTwice = 3
  case hostHasNodes = 4
  case nodeCreatedTwice = 5
  case unknownNode = 6
  case deletionDiffers = 7
  case workersBeforeDiffers = 8
  case overflow = 9
  case negativeCounter = 10
  case unknownEntry = 11
  case notAnUpgrade = 12
  case alreadyVoided = 13
  case unknownContainer = 14
  case containerCreatedTwice = 15
  case deletionAlreadyRequested = 16

  /// The stable code in reports.
  package var code: String {
    switch self {
    case .unknownHost: "unknown_host"
    case .retiredHost: "retired_host"
    case .hostRegisteredTwice: "host_registered_twice"
    case .hostHasNodes: "host_has_nodes"
    case .nodeCreatedTwice: "node_created_twice"
    case .unknownNode: "unknown_node"
    case .deletionDiffers: "deletion_differs"
    case .workersBeforeDiffers: "workers_before_differs"
    case .overflow: "overflow"
    case .negativeCounter: "negative_counter"
    case .unknownEntry: "unknown_entry"
    case .notAnUpgrade: "not_an_upgrade"
    case .alreadyVoided: "already_voided"
    case .unknownContainer: "unknown_container"
    case .containerCreatedTwice: "container_created_twice"
    case .deletionAlreadyRequested: "deletion_already_requested"
    }
  }

  /// The contradiction of a code.
  package init?(code: String) {
    guard let found = Contradiction.allCases.first(where: { $0.code == code }) else { return nil }
    self = found
  }

  /// Whether it can be why a fold cannot apply a row about a host or a node.
  var isOfHostOrNode: Bool {
    switch self {
    case .workersBeforeDiffers, .unknownContainer, .containerCreatedTwice: false
    default: true
    }
  }

  /// One sentence for people.
  package var message: String {
    switch self {
    case .unknownHost: "the host is not registered"
    case .retiredHost: "the host is retired"
    case .hostRegisteredTwice: "the host is registered already"
    case .hostHasNodes: "the host still holds nodes"
    case .nodeCreatedTwice: "the node exists already"
    case .unknownNode: "the node does not exist"
    case .deletionDiffers: "the deletion names another host or other numbers than history has"
    case .workersBeforeDiffers: "workers_before is not what history has"
    case .overflow: "a counter would leave the range of 64 bits"
    case .negativeCounter: "a counter would fall below zero"
    case .unknownEntry: "there is no entry with that sequence or key"
    case .notAnUpgrade: "the entry is not an upgrade of this node"
    case .alreadyVoided: "the entry is voided already"
    case .unknownContainer: "the container does not exist"
    case .containerCreatedTwice: "the container exists already"
    case .deletionAlreadyRequested: "the deletion was requested already"
    }
  }
}
