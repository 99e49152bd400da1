internal import LedgerCore
package import LedgerPorts

/// Compares a live store with what the ledger says it should hold.
///
/// Both sides are sorted by id, so that one pass side by side is enough.
package struct Comparison {
  private let projected: Observation
  private let live: Observation
  private let store: String?
  private var found: [Finding] = []

  /// A comparison of `live` with `projected`; `store` is the label of the live store.
  package init(projected: Observation, live: Observation, store: String?) {
    self.projected = projected
    self.live = live
    self.store = store
  }

  /// Every drift, in the order of reports.
  package func findings() -> [Finding] {
    var run = self
    run.compareHosts()
    run.compareNodes()
    run.comparePools()
    run.compareContainers()
    run.noteMissingParts()
    return run.found.sorted(by: Finding.precedes)
  }

  private mutating func note(
    _ code: FindingCode, _ kind: FindingKind, _ id: Name, _ fields: [FieldDifference] = [],
    _ message: String
  ) {
    found.append(
      Finding(code, FindingEntity(kind, id), store: store, fields: fields, message))
  }
}

// MARK: - Hosts and nodes

extension Comparison {
  private mutating func compareHosts() {
    var pairs: [(LiveHost?, LiveHost?)] = []
    mergeJoin(projected.hosts, live.hosts) { if $0 != $1 { pairs.append(($0, $1)) } }
    for pair in pairs {
      switch pair {
      case (let expected?, let actual?): compare(expected, actual)
      case (let expected?, nil):
        // A host that is retired need not stay in the store.
        guard !expected.retired else { continue }
        note(
          .hostMissing, .host, expected.id,
          LedgerForensics.differences(from: expected, to: nil), "host '\(expected.id)' is missing")
      case (nil, let actual?):
        note(
          .hostExtra, .host, actual.id, LedgerForensics.differences(from: nil, to: actual),
          "host '\(actual.id)' is not in the ledger")
      case (nil, nil): continue
      }
    }
  }

  private mutating func compare(_ expected: LiveHost, _ actual: LiveHost) {
    let id = expected.id
    if expected.retired != actual.retired {
      let field = FieldDifference(
        "retired", projected: .flag(expected.retired), live: .flag(actual.retired))
      note(
        .hostRetired, .host, id, [field],
        expected.retired
          ? "host '\(id)' is retired in the ledger and not in the store"
          : "host '\(id)' is retired in the store and not in the ledger")
    }
    let capacity = differences(
      Resources.fieldNames, projected: expected.capacity.values, live: actual.capacity.values)
    if !capacity.isEmpty {
      note(.hostCapacity, .host, id, capacity, "the capacity of host '\(id)': \(capacity.text)")
    }
    let counters = actual.counterDifferences(from: expected.counters)
    if !counters.isEmpty {
      note(.hostCounters, .host, id, counters, "the counters of host '\(id)': \(counters.text)")
    }
  }

  private mutating func compareNodes() {
    for pair in NodeJoin(projected.nodes, live.nodes).unequalRows(live.optionalParts) {
      switch (pair.projected, pair.live) {
      case (let expected?, let actual?): compare(expected, actual)
      case (let expected?, nil):
        note(
          .nodeMissing, .node, expected.id,
          LedgerForensics.differences(from: expected, to: nil),
          "node '\(expected.id)' is missing")
      case (nil, let actual?):
        note(
          .nodeExtra, .node, actual.id, LedgerForensics.differences(from: nil, to: actual),
          "node '\(actual.id)' does not live in the ledger")
      case (nil, nil): continue
      }
    }
  }

  private mutating func compare(_ expected: LiveNode, _ actual: LiveNode) {
    let id = expected.id
    let fields = actual.differences(from: expected, live.optionalParts)
    if !fields.isEmpty { note(.nodeFields, .node, id, fields, "node '\(id)': \(fields.text)") }
    guard expected.host != actual.host else { return }
    let place = FieldDifference("host_id", expected.host, actual.host)
    note(.nodeWrongHost, .node, id, [place], "node '\(id)': \(place.text)")
  }
}

// MARK: - Pools, containers, parts

extension Comparison {
  private mutating func comparePools() {
    guard live.optionalParts.contains("worker_pools") else { return }
    var pairs: [(LivePool?, LivePool?)] = []
    mergeJoin(projected.pools, live.pools) { if $0 != $1 { pairs.append(($0, $1)) } }
    for (expected, actual) in pairs {
      if let expected, let actual {
        let fields = actual.differences(from: expected)
        note(
          .poolWorkers, .pool, actual.name, fields, "pool '\(actual.name)': \(fields.text)")
      } else if let expected {
        note(
          .poolMissing, .pool, expected.name,
          [
            FieldDifference("worker_count", expected.workers, nil),
            FieldDifference("last_issued", expected.lastIssued, nil),
          ], "pool '\(expected.name)' is missing")
      } else if let actual {
        note(
          .poolExtra, .pool, actual.name,
          [
            FieldDifference("worker_count", nil, actual.workers),
            FieldDifference("last_issued", nil, actual.lastIssued),
          ], "pool '\(actual.name)' is not in the ledger")
      }
    }
  }

  private mutating func compareContainers() {
    guard live.optionalParts.contains("containers") else { return }
    var pairs: [(LiveContainer?, LiveContainer?)] = []
    mergeJoin(projected.containers, live.containers) { if $0 != $1 { pairs.append(($0, $1)) } }
    for (expected, actual) in pairs {
      if let expected, let actual {
        let fields = actual.differences(from: expected)
        guard !fields.isEmpty else { continue }
        note(
          .containerFields, .container, actual.id, fields,
          "container '\(actual.id)': \(fields.text)")
      } else if let expected {
        note(
          .containerMissing, .container, expected.id,
          [FieldDifference("status", expected.status, nil)],
          "container '\(expected.id)' is missing")
      } else if let actual {
        note(
          .containerExtra, .container, actual.id,
          [FieldDifference("status", nil, actual.status)],
          "container '\(actual.id)' does not live in the ledger")
      }
    }
  }

  private mutating func noteMissingParts() {
    let parts = ["nodes.image", "nodes.config_id", "worker_pools", "ledger_position", "containers"]
    for part in parts where !live.optionalParts.contains(part) {
      found.append(Finding.notCompared(part, store))
    }
  }
}

extension Finding {
  /// The notice that a store lacks an optional part.
  static func notCompared(_ part: String, _ store: String?) -> Finding {
    Finding(
      .notCompared, FindingEntity(.store, Name(store ?? "")), store: store,
      fields: [FieldDifference(part, projected: nil, live: nil)],
      "the store has no \(part), which is not compared")
  }
}

/// All fields of a host that only one side has.
private func differences(from expected: LiveHost?, to actual: LiveHost?) -> [FieldDifference] {
  let names = Resources.fieldNames + counterFieldNames
  let left = expected.map { $0.capacity.values + $0.counters.values }
  let right = actual.map { $0.capacity.values + $0.counters.values }
  return names.indices.map { FieldDifference(names[$0], left?[$0], right?[$0]) }
}

/// All fields of a node that only one side has.
private func differences(from expected: LiveNode?, to actual: LiveNode?) -> [FieldDifference] {
  let left = expected?.resources.values
  let right = actual?.resources.values
  return [FieldDifference("host_id", expected?.host, actual?.host)]
    + Resources.fieldNames.indices.map {
      FieldDifference(Resources.fieldNames[$0], left?[$0], right?[$0])
    }
}
