internal import LedgerCore
internal import LedgerLog

/// Hands the changes of hosts to a collector.
struct TrailObserver: FoldObserver {
  let collector: TrailCollector

  mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) { collector.hostChanged(host, from: before, to: after, row: row) }
}

/// Hands blocks to a collector, before they are folded.
struct TrailWatcher: ReplayWatcher {
  let collector: TrailCollector

  mutating func block(_ batch: EntryBatch, of total: Int64) { collector.begin(batch) }
}
