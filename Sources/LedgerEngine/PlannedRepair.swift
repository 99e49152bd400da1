package import LedgerForensics
internal import LedgerLog
package import LedgerPorts

/// A repair plan for one store, with all that applying it needs.
package struct PlannedRepair: Hashable, Sendable {
  /// The label of the store.
  package var store: String
  package var checks: Set<Check>
  package var plan: RepairPlan
  /// The position that the store gets; nil where the plan does not follow a ledger.
  package var position: StorePosition?
  /// Where the store stood when it was observed.
  package var storePosition: StorePosition?
  /// The optional parts that the store has.
  package var optionalParts: Set<String>

  /// Whether there is nothing to do.
  package var isEmpty: Bool { plan.isEmpty && !movesPosition }

  /// Whether the store gets another position although no row may change.
  package var movesPosition: Bool {
    guard let position, let storePosition else { return false }
    return position.sequence != storePosition.sequence
  }

  /// Names this very plan.
  package var digest: String {
    var digest = StableDigest()
    digest.add(UInt64(bitPattern: position?.sequence ?? -1))
    for byte in (plan.digest + store + (position?.chain ?? "")).utf8 { digest.add(UInt64(byte)) }
    return digest.text
  }
}

/// What came of applying a plan or an undo.
package struct RepairOutcome: Sendable {
  /// The sequence of the durable intent, which `undo` takes; nil without a ledger.
  package var started: Int64?
  package var finished: Int64?
  /// What the touched rows held and hold; `RowImageText.encode` makes a file of it.
  package var images: [RowImage]
  /// What validation still finds.
  package var remaining: [Finding]
}
