internal import LedgerCore
package import LedgerPorts

/// What to change in a live store so that validation comes out clean, or as clean as it can.
///
/// The plan is its own fixed point: planning again after it was applied gives no changes.
package struct RepairPlan: Hashable, Sendable {
  /// How many rows of each kind change.
  package struct Counts: Hashable, Sendable {
    package var hosts = 0
    package var orgs = 0
    package var nodes = 0
    package var pools = 0
    package var containers = 0

    package init() {}

    package var total: Int { hosts + orgs + nodes + pools + containers }
  }

  /// In the order in which they are made.
  package var changes: [LiveChange]
  /// What validation will still find; no change can help there.
  package var unrepairable: [Finding]
  /// The observation that the plan was made from.
  package var observationDigest: String
  /// How many rows the store holds.
  package var rowCount: Int

  package init(
    changes: [LiveChange], unrepairable: [Finding], observationDigest: String, rowCount: Int
  ) {
    self.changes = changes
    self.unrepairable = unrepairable
    self.observationDigest = observationDigest
    self.rowCount = rowCount
  }

  /// Plans the repair of `live`.
  ///
  /// - Parameters:
  ///   - live: what the store holds.
  ///   - target: what the ledger demands; it decides only when `checks` holds `.ledger`.
  ///   - checks: what shall come out clean.
  ///   - store: the label of the store, for findings.
  package init(_ live: Observation, target: Target?, checks: Set<Check>, store: String?) {
    if let target, checks.contains(.ledger) {
      changes = LedgerRepair(live, target.contents).changes()
    } else {
      changes = SelfRepair(live, checks, released: target?.released ?? []).changes()
    }
    var repaired = live.applying(changes)
    if checks.contains(.counters) {
      let orgs = OrgRepair.changes(repaired, released: target?.released ?? [])
      changes += orgs
      repaired = repaired.applying(orgs)
    }
    let diagnosis = Diagnosis(repaired, target: target, checks: checks, store: store)
    let followsLedger = target != nil && checks.contains(.ledger)
    unrepairable = diagnosis.findings.filter(\.severity.isDrift).map {
      RepairPlan.explained($0, followsLedger)
    }
    observationDigest = live.digest
    rowCount =
      live.hosts.count + live.orgs.count + live.nodes.count + live.pools.count
      + live.containers.count
  }

  /// Says why repair cannot help.
  private static func explained(_ finding: Finding, _ followsLedger: Bool) -> Finding {
    var finding = finding
    switch finding.code {
    case .configMismatch where followsLedger:
      finding.message +=
        "; the ledger agrees with the node, so the config's row or the ledger must be corrected"
    case .counterMismatch where followsLedger:
      finding.message +=
        "; the ledger agrees with the counters, because adopted states made them differ"
    case .configMismatch: finding.message += "; the config itself holds numbers below zero"
    default: finding.message += "; no change that repair can make helps"
    }
    return finding
  }

  package var isEmpty: Bool { changes.isEmpty }

  /// How many rows of each kind change.
  package var counts: Counts {
    var counts = Counts()
    for change in changes {
      switch change {
      case .host: counts.hosts += 1
      case .org: counts.orgs += 1
      case .node: counts.nodes += 1
      case .pool: counts.pools += 1
      case .container: counts.containers += 1
      }
    }
    return counts
  }

  /// A digest of the changes and of what they were planned from.
  package var digest: String {
    var digest = StableDigest()
    digest.add(Name(observationDigest))
    for change in changes {
      switch change {
      case .host(let before, let after): digest.add(1, before, after) { $0.add($1) }
      case .node(let before, let after): digest.add(2, before, after) { $0.add($1) }
      case .pool(let before, let after): digest.add(3, before, after) { $0.add($1) }
      case .container(let before, let after): digest.add(4, before, after) { $0.add($1) }
      case .org(let before, let after): digest.add(5, before, after) { $0.add($1) }
      }
    }
    return digest.text
  }
}

extension StableDigest {
  fileprivate mutating func add<Row>(
    _ kind: UInt64, _ before: Row?, _ after: Row?, _ body: (inout StableDigest, Row) -> Void
  ) {
    add(kind)
    for row in [before, after] {
      add(row == nil ? 0 : 1 as UInt64)
      if let row { body(&self, row) }
    }
  }
}
