internal import FleetGenerator
package import LedgerCore
internal import LedgerText

/// A moment `seconds` after the beginning of 2026.
package func moment(_ seconds: Int64) -> Timestamp {
  Timestamp(microseconds: 1_767_225_600_000_000 + seconds * 1_000_000)
}

package func sizes(_ cpu: Int64, _ memory: Int64, _ disk: Int64) -> Resources {
  Resources(cpuMillicores: cpu, memoryBytes: memory, diskBytes: disk)
}

extension Fact {
  package static func host(
    _ type: EventType, _ id: Name, _ capacity: Resources = sizes(64_000, 1 << 38, 1 << 42),
    at seconds: Int64 = 0
  ) -> Fact {
    var fact = Fact(type: type, occurred: moment(seconds))
    fact.host = id
    if type != .hostRetired { fact.setResources(capacity) }
    return fact
  }

  package static func node(
    _ type: EventType, _ id: Name, on host: Name? = nil, _ numbers: Resources? = nil,
    at seconds: Int64 = 0
  ) -> Fact {
    var fact = Fact(type: type, occurred: moment(seconds))
    fact.node = id
    fact.host = host
    if let numbers { fact.setResources(numbers) }
    if type == .nodeRenamed { fact.attributes.name = "renamed" }
    if type == .nodeTransferred { fact.attributes.org = "org" }
    return fact
  }

  package static func pool(
    _ id: Name, from before: Int64?, to after: Int64, issued: Int64? = nil, at seconds: Int64 = 0
  ) -> Fact {
    var fact = Fact(type: .workerScaled, occurred: moment(seconds))
    fact.pool = id
    fact.workersBefore = before
    fact.workersAfter = after
    fact.lastIssued = issued
    return fact
  }

  package static func container(
    _ type: EventType, _ id: Name, status: Name? = nil, at seconds: Int64 = 0
  ) -> Fact {
    var fact = Fact(type: type, occurred: moment(seconds))
    fact.rare.container = id
    fact.rare.status = status
    return fact
  }

  package static func void(_ sequence: Int64, at seconds: Int64 = 0) -> Fact {
    var fact = Fact(type: .entryVoided, occurred: moment(seconds))
    fact.rare.target = sequence
    fact.rare.reason = "wrong"
    return fact
  }

  /// An adoption; `change` says of what.
  package static func adoption(
    present: Bool? = nil, at seconds: Int64 = 0, _ change: (inout Fact) -> Void
  ) -> Fact {
    var fact = Fact(type: .stateAdopted, occurred: moment(seconds))
    fact.rare.present = present
    change(&fact)
    return fact
  }
}

/// The facts of a generated fleet's history.
package func fleetFacts(
  seed: UInt64, count: Int, hosts: Int = 8, latePercent: Int = 0
) -> [Fact] {
  let history = FleetHistory(
    FleetOptions(seed: seed, hostCount: hosts, eventCount: count, latePercent: latePercent))
  var reader = FactReader()
  var item = FactItem()
  var facts: [Fact] = []
  history.forEachLine { line in
    guard let read = try? reader.read(line, into: &item), case .fact = read else {
      preconditionFailure("the generator writes facts")
    }
    facts.append(item.fact)
  }
  return facts
}
