internal import LedgerCore
package import LedgerPorts

/// What must hold for any row by itself: no number below zero; and what is worth a notice: hosts over capacity.
package struct Invariants {
  private let live: Observation
  private let projected: Observation?
  private let store: String?

  /// The invariants of `live`; of `projected` only the capacity is looked at, where it is given.
  package init(_ live: Observation, projected: Observation?, store: String?) {
    self.live = live
    self.projected = projected
    self.store = store
  }

  /// What is violated, in the order of reports.
  package func findings() -> [Finding] {
    (negatives() + overCapacity()).sorted(by: Finding.precedes)
  }

  private func overCapacity() -> [Finding] {
    var found: [Finding] = []
    mergeJoin(projected?.hosts ?? [], live.hosts) { expected, actual in
      guard
        expected.map({ $0.counters.exceeds($0.capacity) }) == true
          || actual.map({ $0.counters.exceeds($0.capacity) }) == true
      else { return }
      if let finding = Invariants.overCapacity(expected, actual, store) { found.append(finding) }
    }
    return found
  }

  private static func overCapacity(
    _ expected: LiveHost?, _ actual: LiveHost?, _ store: String?
  ) -> Finding? {
    guard let id = expected?.id ?? actual?.id else { return nil }
    func excess(_ host: LiveHost?, _ index: Int) -> Int64? {
      guard let host else { return nil }
      let taken = host.counters.resources.values[index]
      return taken > host.capacity.values[index] ? taken : nil
    }
    var fields: [FieldDifference] = []
    for index in Resources.fieldNames.indices {
      let sides = (excess(expected, index), excess(actual, index))
      guard sides.0 != nil || sides.1 != nil else { continue }
      fields.append(FieldDifference(counterFieldNames[index + 1], sides.0, sides.1))
    }
    let names = fields.map(\.name).joined(separator: ", ")
    return Finding(
      .overCapacity, FindingEntity(.host, id), store: store, fields: fields,
      "host '\(id)' holds more than it offers: \(names)")
  }

  private func negatives() -> [Finding] {
    var found: [Finding] = []
    func check(_ kind: FindingKind, _ id: Name, _ names: [String], _ values: [Int64?]) {
      var fields: [FieldDifference] = []
      for (index, value) in values.enumerated() {
        guard let value, value < 0 else { continue }
        fields.append(FieldDifference(names[index], nil, value))
      }
      let told = fields.map { "\($0.name) is \($0.live?.text ?? "")" }.joined(separator: ", ")
      found.append(
        Finding(
          .negativeValue, FindingEntity(kind, id), store: store, fields: fields,
          "\(kind.rawValue) '\(id)' holds numbers below zero: \(told)"))
    }
    for host in live.hosts where host.capacity.isNegative || host.counters.isNegative {
      check(
        .host, host.id, Resources.fieldNames + counterFieldNames,
        host.capacity.values + host.counters.values)
    }
    for row in live.nodes.resources.negativeRows {
      check(.node, live.nodes.ids[row], Resources.fieldNames, live.nodes.resources[row].values)
    }
    for pool in live.pools where pool.workers < 0 || pool.lastIssued < 0 {
      check(.pool, pool.name, ["worker_count", "last_issued"], [pool.workers, pool.lastIssued])
    }
    for container in live.containers where container.limits.contains(where: { ($0 ?? 0) < 0 }) {
      check(.container, container.id, LiveContainer.limitNames, container.limits)
    }
    for row in live.configs.resources.negativeRows {
      check(
        .config, live.configs.ids[row], Resources.fieldNames, live.configs.resources[row].values)
    }
    return found
  }
}

extension CodedResources {
  /// The rows that hold numbers below zero; mostly no value does, and then no row is looked at.
  fileprivate var negativeRows: [Int] {
    let isNegative = values.map(\.isNegative)
    guard isNegative.contains(true) else { return [] }
    return codes.indices.filter { isNegative[Int(codes[$0])] }
  }
}

extension Resources {
  var isNegative: Bool { cpuMillicores | memoryBytes | diskBytes < 0 }
}

extension Counters {
  var isNegative: Bool { nodes < 0 || resources.isNegative }
}
