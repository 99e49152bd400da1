internal import LedgerCore
internal import LedgerFormat
internal import Synchronization

/// What a reader has read of the history, kept for its next questions.
///
/// What is kept is of a log that does not change, so it stays right whatever becomes of the files.
final class HistoryHold: Sendable {
  private enum Key {
    case group(Int)
    case times(Int)
  }

  private struct Held {
    var plan: HistoryPlan?
    /// By span.
    var ends: [HistoryEnd?] = []
    var groups: [HistoryGroup?] = []
    /// By block of the log.
    var times: [BlockTimes?] = []
    var order: [(key: Key, byteCount: Int)] = []
    var firstInOrder = 0
    var byteCount = 0
    var lastGroup: HistoryGroup?
    var names: [Name] = []
    var index = NameIndex()

    mutating func add(_ key: Key, _ count: Int, atMost limit: Int) {
      order.append((key, count))
      byteCount += count
      while byteCount > limit, firstInOrder < order.count - 1 {
        switch order[firstInOrder].key {
        case .group(let place): groups[place] = nil
        case .times(let place): times[place] = nil
        }
        byteCount -= order[firstInOrder].byteCount
        firstInOrder += 1
      }
    }
  }

  private let held = Mutex(Held())
  private let byteCountMax: Int

  /// Of what takes more than `byteCountMax` together, the oldest is let go.
  init(byteCountMax: Int) {
    self.byteCountMax = byteCountMax
  }

  /// How the log is cut; asked of `make` the first time.
  func plan(_ make: () -> HistoryPlan) -> HistoryPlan {
    if let plan = held.withLock({ $0.plan }) { return plan }
    let plan = make()
    return held.withLock { held in
      if held.plan == nil {
        held.plan = plan
        held.ends = Array(repeating: nil, count: plan.spans.count)
        held.groups = Array(repeating: nil, count: plan.spans.count)
        held.times = Array(repeating: nil, count: plan.blockCount)
      }
      return plan
    }
  }

  /// Where a span's file ends; nil where `read` gives none.
  func end(
    of span: Int, _ read: () throws(LogError) -> HistoryEnd?
  ) throws(LogError) -> HistoryEnd? {
    if let end = held.withLock({ $0.ends[span] }) { return end }
    let end = try read()
    held.withLock { $0.ends[span] = end }
    return end
  }

  /// The group of a span, up to `sequence` at least; nil where `read`, which is given another group, gives none.
  func group(
    of span: Int, reaching sequence: Int64,
    _ read: (HistoryGroup?) throws(LogError) -> HistoryGroup?
  ) throws(LogError) -> HistoryGroup? {
    if let found = held.withLock({ $0.groups[span] }), found.lastSequence >= sequence {
      return found
    }
    guard let group = try read(held.withLock { $0.lastGroup }) else { return nil }
    held.withLock { held in
      held.groups[span] = group
      held.lastGroup = group
      held.add(.group(span), group.byteCount, atMost: byteCountMax)
    }
    return group
  }

  /// The times of a block; nil where `read` gives none.
  func times(
    of block: Int, _ read: () throws(LogError) -> BlockTimes?
  ) throws(LogError) -> BlockTimes? {
    if let times = held.withLock({ $0.times[block] }) { return times }
    guard let times = try read() else { return nil }
    held.withLock { held in
      held.times[block] = times
      held.add(.times(block), times.byteCount, atMost: byteCountMax)
    }
    return times
  }

  /// The slot of a host in a group; nil where it has none there.
  func slot(of name: Name, in group: HistoryGroup) -> Int? {
    let slot = held.withLock { held in
      // Hosts keep their slots, so the names of one group are the first ones of a later group.
      if held.names.count < group.names.count {
        let known = held.names.count
        held.names = group.names
        for slot in known..<group.names.count {
          held.index.insert(UInt32(slot), held.names[slot])
        }
      }
      return held.index.find(name, in: held.names).map { Int($0) }
    }
    guard let slot, slot < group.names.count, group.names[slot] == name else { return nil }
    return slot
  }
}

/// How a log is cut into groups, and what that asks of all its blocks.
struct HistoryPlan: Sendable {
  var spans: [HistorySpan]
  var blockCount: Int
  /// Whether the order of occurred times is that of sequences, all through the log.
  var isInOrder: Bool
}

/// What a file of history ends with.
struct HistoryEnd: Sendable {
  var lastSequence: Int64
  /// Of the last entry.
  var recorded: Int64
  /// Of all entries of the log up to the last.
  var latestOccurred: Int64

  func time(by clock: HistoryClock) -> Int64 {
    clock == .recorded ? recorded : latestOccurred
  }
}

/// The times of a block's entries.
final class BlockTimes: Sendable {
  private let bytes: [UInt8]
  private let occurred: PackedNumbers
  /// Every so many times stand apart, so that a search does not wander through memory.
  private static let sampledCount = 128
  private let samples: [Int64]
  private let firstRecorded: Int64
  private let commitStarts: [CommitStart]

  init(_ batch: EntryBatch) throws(Malformed) {
    var writer = ByteWriter()
    PackedNumbers.put(batch.occurred, to: &writer)
    let end = writer.bytes.count
    writer.put([UInt8](repeating: 0, count: Column.padding))
    var reader = ByteReader(0..<end)
    occurred = try PackedNumbers(batch.count, from: &reader, writer.bytes.span)
    bytes = writer.bytes
    samples = stride(from: 0, to: batch.count, by: BlockTimes.sampledCount).map {
      batch.occurred[$0]
    }
    firstRecorded = batch.firstRecorded.microseconds
    commitStarts = batch.commitStarts
  }

  /// What the times take in memory, about.
  var byteCount: Int { bytes.count + commitStarts.count * MemoryLayout<CommitStart>.stride }

  /// How many rows come before the first that is later than `moment`; occurred times must be in order.
  func count(until moment: Int64, by clock: HistoryClock) -> Int {
    switch clock {
    case .recorded:
      guard firstRecorded <= moment else { return 0 }
      let later = commitStarts.partitioningIndex { $0.recorded.microseconds > moment }
      return later < commitStarts.count ? commitStarts[later].row : occurred.count
    case .occurred:
      let bytes = bytes
      let span = bytes.span
      let sample = samples.partitioningIndex { $0 > moment }
      var low = max(sample - 1, 0) * BlockTimes.sampledCount
      var high = min(sample * BlockTimes.sampledCount, occurred.count)
      while low < high {
        let middle = (low + high) / 2
        if occurred.value(middle, span) > moment { high = middle } else { low = middle + 1 }
      }
      return low
    }
  }

  /// The latest occurred time of the first `count` rows.
  func latestOccurred(_ count: Int) -> Int64 {
    let bytes = bytes
    let span = bytes.span
    var latest = Int64.min
    for row in 0..<count { latest = max(latest, occurred.value(row, span)) }
    return latest
  }
}

/// Which times a moment is one of.
enum HistoryClock {
  case recorded
  case occurred
}
