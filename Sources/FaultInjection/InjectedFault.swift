internal import LedgerCore

/// A mistake that the faulty system makes at one step.
package struct InjectedFault: Sendable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    case skipped
    case duplicated
    /// The row is written and the counters are not.
    case rowAlone = "partial_row_alone"
    /// The counters are written and the row is not.
    case countersAlone = "partial_counters_alone"
    /// Some of the counters are not written.
    case someCounters = "partial_some_counters"
    /// The counters of another host are written.
    case otherCounters = "wrong_host_counters"
    /// Row and counters go to another host.
    case otherHost = "wrong_host"
    case oldSize = "old_size_used"
    /// A deletion is counted twice by a system that never goes below zero.
    case clamped
    case truncated = "unit_truncated"
    /// A host and its nodes are put back to an earlier moment.
    case restoredHost = "restored_host"
    /// Everything is put back to an earlier moment.
    case restoredFleet = "restored_fleet"
    /// A counter is set to an odd number.
    case strangeCounter = "outside_strange_counter"
    /// Memory and disk are mixed up.
    case swappedColumns = "outside_swapped_columns"
    /// A row's number is overwritten.
    case strangeRow = "outside_strange_row"

    /// A program that counts a pool's workers misses a scaling.
    case poolSkipped = "pool_skipped"
    case poolDuplicated = "pool_duplicated"
    /// One of the pool's two columns is not written.
    case poolPartial = "pool_partial"

    /// Whether it is about a worker pool.
    package var concernsPool: Bool { rawValue.hasPrefix("pool") }

    /// Whether it lies outside the classes that can be explained.
    package var isOutside: Bool { rawValue.hasPrefix("outside") }
  }

  package var kind: Kind
  /// The step's place in the story; of a worker pool, among the scalings.
  var step: Int
  package var sequence: Int64
  /// Which way of several, or which size of a number.
  var choice: Int

  package var description: String { "\(kind.rawValue) at \(sequence)" }
}
