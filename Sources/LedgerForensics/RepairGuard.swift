/// Refuses repairs that are suspiciously large, and never makes them smaller.
package struct RepairGuard: Hashable, Sendable {
  /// The most rows that may change.
  package var max: Int?
  /// The most rows that may change, in percent of the rows that the store holds.
  package var maxPercent: Double?

  package init(max: Int? = nil, maxPercent: Double? = nil) {
    self.max = max
    self.maxPercent = maxPercent
  }

  /// Why `plan` may not be applied, or nil if it may.
  package func refusal(of plan: RepairPlan) -> String? {
    let changed = plan.counts.total
    if let max, changed > max {
      return "the plan changes \(changed) rows, and at most \(max) are allowed; nothing was changed"
    }
    if let maxPercent, Double(changed) * 100 > maxPercent * Double(plan.rowCount) {
      return "the plan changes \(changed) of \(plan.rowCount) rows, and at most \(maxPercent) "
        + "percent are allowed; nothing was changed"
    }
    return nil
  }
}
