/// What can be found wrong; the raw value is the stable name in reports.
package enum FindingCode: String, Sendable, CaseIterable {
  case nodeFields = "node_fields"
  case nodeWrongHost = "node_wrong_host"
  case nodeMissing = "node_missing"
  case nodeExtra = "node_extra"
  case hostCounters = "host_counters"
  case hostCapacity = "host_capacity"
  case hostMissing = "host_missing"
  case hostExtra = "host_extra"
  case hostRetired = "host_retired"
  case poolWorkers = "pool_workers"
  case poolMissing = "pool_missing"
  case poolExtra = "pool_extra"
  case containerFields = "container_fields"
  case containerMissing = "container_missing"
  case containerExtra = "container_extra"
  case negativeValue = "negative_value"
  case overCapacity = "over_capacity"
  case behind
  case configMismatch = "config_mismatch"
  case configMissing = "config_missing"
  case configUndecodable = "config_undecodable"
  case counterMismatch = "counter_mismatch"
  case orgCounters = "org_counters"
  case unknownHost = "unknown_host"
  case orgMissing = "org_missing"
  case sharedName = "shared_name"
  case commandOpen = "command_open"
  case notCompared = "not_compared"
  case contradiction
  case counterOverflow = "counter_overflow"
  case ledgerAnomaly = "ledger_anomaly"
  case repeatOffender = "repeat_offender"
  case healerConflict = "healer_conflict"
  case repairReverted = "repair_reverted"
  case oneWayRatchet = "one_way_ratchet"

  /// How much it matters.
  package var severity: Severity {
    switch self {
    case .overCapacity, .configMissing, .orgMissing, .notCompared, .commandOpen: .notice
    case .behind, .contradiction, .unknownHost, .ledgerAnomaly, .repeatOffender,
      .healerConflict, .repairReverted, .oneWayRatchet, .orgCounters, .sharedName:
      .warning
    default: .error
    }
  }

  /// What it means, in one sentence.
  package var meaning: String { text.meaning }

  /// What to do about it, in one sentence.
  package var remedy: String { text.remedy }

  private var text: (meaning: String, remedy: String) {
    switch self {
    case .nodeFields, .nodeWrongHost, .nodeMissing, .nodeExtra: nodeText
    case .hostCounters, .hostCapacity, .hostMissing, .hostExtra, .hostRetired: hostText
    case .poolWorkers, .poolMissing, .poolExtra: poolText
    case .containerFields, .containerMissing, .containerExtra: containerText
    case .repeatOffender, .healerConflict, .repairReverted, .oneWayRatchet: historyText
    default: otherText
    }
  }

  private static let repair = "Run repair, or let the ledger accept the store with state_adopted."
}

extension FindingCode {
  private var nodeText: (String, String) {
    switch self {
    case .nodeFields:
      (
        "A node's row holds other numbers, image or config than the ledger says.",
        FindingCode.repair
      )
    case .nodeWrongHost:
      ("A node's row names another host than the ledger does.", FindingCode.repair)
    case .nodeMissing: ("The ledger has a live node that the store lacks.", FindingCode.repair)
    default: ("The store holds a node that does not live in the ledger.", FindingCode.repair)
    }
  }

  private var hostText: (String, String) {
    switch self {
    case .hostCounters:
      ("A host's counters are not what the ledger says.", FindingCode.repair)
    case .hostCapacity:
      ("A host's capacity is not what the ledger says.", FindingCode.repair)
    case .hostMissing: ("The ledger has a host that the store lacks.", FindingCode.repair)
    case .hostExtra: ("The store holds a host that the ledger never saw.", FindingCode.repair)
    default:
      (
        "A host is retired in the ledger and not in the store, or the other way round.",
        FindingCode.repair
      )
    }
  }

  private var poolText: (String, String) {
    switch self {
    case .poolWorkers:
      (
        "A worker pool's count or last issued number is not what the ledger says.",
        FindingCode.repair
      )
    case .poolMissing: ("The ledger has a worker pool that the store lacks.", FindingCode.repair)
    default: ("The store holds a worker pool that the ledger never saw.", FindingCode.repair)
    }
  }

  private var containerText: (String, String) {
    switch self {
    case .containerFields:
      (
        "A container's status, template or limits are not what the ledger says.",
        FindingCode.repair
      )
    case .containerMissing: ("The ledger has a container that the store lacks.", FindingCode.repair)
    default: ("The store holds a container that does not live in the ledger.", FindingCode.repair)
    }
  }

  private var historyText: (String, String) {
    switch self {
    case .repeatOffender:
      (
        "An entity drifted, agreed again and drifted again, three times or more.",
        "Look for the program that writes it: bisect each period, and compare what they share."
      )
    case .healerConflict:
      (
        "The same repair was made more than once, because something wrote the old value back in between.",
        "Find the other writer, with capture where the store allows it, before repairing again."
      )
    case .repairReverted:
      (
        "A value that repair had corrected was seen again as it was before.",
        "Find out what wrote it back; where the store is right, let the ledger accept it."
      )
    default:
      (
        "A counter's drift only ever grew in one direction, look after look.",
        "One half of a pair of changes is lost each time: look at the entries of the growth."
      )
    }
  }

  private var otherText: (String, String) {
    switch self {
    case .negativeValue:
      (
        "A number in the store is below zero, which no resource can be.",
        "Run repair; where nothing says the right number, correct the row by hand."
      )
    case .overCapacity:
      (
        "A host's nodes take more than the host offers.",
        "Move nodes away or record the host's true capacity; it is a notice, not drift."
      )
    case .behind:
      (
        "The store has not applied the ledger's last changes; it was compared at its own position.",
        "Let the store catch up, or run repair to bring it to the ledger's head."
      )
    case .configMismatch:
      (
        "A node's row holds other numbers than its config declares.",
        "Run repair; where the node agrees with the ledger, correct the config or record an upgrade."
      )
    case .configMissing:
      (
        "A node names a config that the store does not hold, so it was not checked against it.",
        "Restore the config's row, or accept that the node is unchecked."
      )
    case .configUndecodable:
      (
        "A config's row cannot be understood, so its nodes were not checked against it.",
        "Restore the config from a backup, or let the node's owner upgrade it to a new config."
      )
    case .commandOpen:
      (
        "The ledger announced a command on this store and knows no outcome: it is under way, or was interrupted.",
        "Run it again, or repair --apply: whichever comes first completes it or takes it back."
      )
    case .orgCounters:
      (
        "An organisation's counters are not the count of its hosts and nodes.",
        "Run repair, which sets them to the count of the rows that are there."
      )
    case .counterMismatch:
      (
        "A host's counters are not the count and the sums of the nodes on it.",
        "Run repair; where the host agrees with the ledger, look at adopted states."
      )
    case .unknownHost:
      (
        "A node names a host that the store does not hold, or that is deleted or retired.",
        "Restore the host's row or move the node."
      )
    case .orgMissing:
      (
        "Nodes or hosts name an organisation that the store does not hold, so that nothing counts them.",
        "Restore the organisation's row, or give them to another one."
      )
    case .sharedName:
      (
        "Several live hosts have one name, so that whoever goes by the name may reach the wrong one.",
        "Rename all but one, and make the column unique again."
      )
    case .notCompared:
      (
        "The store lacks an optional table or column, so what it would hold was not compared.",
        "Add the table or column if it shall be compared."
      )
    case .contradiction:
      (
        "A fact was recorded although history does not allow it; it changed no state.",
        "Find out what really happened and record it, or void entries."
      )
    case .counterOverflow:
      (
        "A sum leaves the range of 64 bits and cannot be compared.",
        "Correct the row that holds the absurd number."
      )
    default:
      (
        "Entries could not be applied in the order they were folded in.",
        "Look at the named entry and its time; ask by recorded time to see what was accepted."
      )
    }
  }
}
