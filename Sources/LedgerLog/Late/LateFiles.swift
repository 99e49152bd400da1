internal import LedgerCore
internal import LedgerFormat

/// Groups of late entries as they are found, made where they are not, and checked.
extension LogReader {
  /// All groups that can tell of `moment`, the last of which is made in memory where it has grown; nil where one is missing.
  func lateFiles(_ moment: Int64) throws(LogError) -> [LateFile]? {
    var files: [LateFile] = []
    for span in historySpans {
      // What comes behind does not tell more.
      if let last = files.last, last.header.irregularFrom <= moment { break }
      let header = try lateHeader(from: span.firstSequence)
      if let header, header.lastSequence + 1 == span.nextSequence {
        files.append(LateFile(header))
      } else if span.isComplete {
        return nil
      } else if isBehind(span, files.last, moment) {
        break
      } else {
        guard let group = try unfinishedGroup(span)?.group else { return nil }
        let bytes = group.bytes(ledger: manifest.id, mark: map.mark(at: head))
        guard let made = try? LateGroup.Header(bytes) else { return nil }
        files.append(LateFile(made, group))
        let known = header?.lastSequence ?? span.firstSequence - 1
        if head - known >= historyEntryCount / 64 {
          try? writeCache(bytes, layout.lateEntries(from: span.firstSequence), in: layout.history)
        }
      }
    }
    return files
  }

  /// Whether all of `span`, which comes behind `last`, occurred after `moment`: nothing of it is late, and something before it
  /// occurred after the moment.
  private func isBehind(_ span: HistorySpan, _ last: LateFile?, _ moment: Int64) -> Bool {
    guard let last, last.header.chainEnd > moment else { return false }
    return !map.blocks[span.blocks].contains { $0.frame.flags.contains(.hasLate) }
  }

  /// The group of the last entries, made in memory, and the trail behind it; nil where the trail before it is missing.
  func unfinishedGroup(
    _ span: HistorySpan
  ) throws(LogError) -> (group: LateGroup, trail: OrderTrail)? {
    var trail = OrderTrail()
    if span.firstSequence > 1 {
      guard let kept = orderTrail(at: span.firstSequence - 1) else { return nil }
      trail = kept
    }
    return try lateGroups([span], &trail, { _ in })?.first.map { ($0, trail) }
  }

  fileprivate func lateGroup(_ header: LateGroup.Header) -> LateGroup? {
    guard let bytes = try? cacheBytes(layout.lateEntries(from: header.firstSequence)) else {
      return nil
    }
    return try? LateGroup(bytes, header)
  }

  /// Checks every file of late entries against what its entries give, where there is history to tell it from: without, none is used.
  package func lateDamages() throws(LogError) -> [Damage] {
    let names = ((try? disk.list(layout.history)) ?? []).filter {
      $0.hasSuffix(".late") || $0.hasSuffix(".order")
    }
    guard !names.isEmpty else { return [] }
    let spans = historySpans
    let complete = spans.prefix { $0.isComplete }
    guard let last = complete.last?.nextSequence else { return [] }
    var trail = OrderTrail()
    guard var groups = try lateGroups(complete, &trail, { _ in }) else { return [] }
    let atLast = trail
    // One that has grown since is made again when it is needed.
    if let span = spans.last, !span.isComplete,
      try lateHeader(from: span.firstSequence)?.lastSequence == span.nextSequence - 1
    {
      groups += try lateGroups([span], &trail) { _ in } ?? []
    }
    var kept = groups.map { group in
      (
        layout.lateEntries(from: group.firstSequence),
        group.bytes(ledger: manifest.id, mark: map.mark(at: group.nextSequence - 1))
      )
    }
    kept.append(
      (
        layout.orderTrail(last - 1),
        atLast.bytes(ledger: manifest.id, sequence: last - 1, mark: map.mark(at: last - 1))
      ))
    var damages: [Damage] = []
    for (path, expected) in kept {
      guard let bytes = try? cacheBytes(path), bytes != expected, !isLateOfOtherBlocks(bytes)
      else { continue }
      damages.append(
        Damage(.rotten, file: path, offset: 0, "this is not the order of its entries"))
    }
    return damages
  }

  /// Whether a file says that it was made of blocks that were sealed since, and so is not used any more.
  private func isLateOfOtherBlocks(_ bytes: [UInt8]) -> Bool {
    if let header = try? LateGroup.Header(bytes) {
      return header.ledger == manifest.id && header.mark != map.mark(at: header.lastSequence)
    }
    guard let header = try? TrailHeader(bytes, OrderTrail.kind) else { return false }
    return header.ledger == manifest.id && header.mark != map.mark(at: header.sequence)
  }
}

/// A group of late entries, of which only the header is read until more is needed.
final class LateFile {
  let header: LateGroup.Header
  private var group: LateGroup?

  init(_ header: LateGroup.Header, _ group: LateGroup? = nil) {
    self.header = header
    self.group = group
  }

  /// All of the group; nil where its file is damaged.
  func whole(_ reader: LogReader) -> LateGroup? {
    if group == nil { group = reader.lateGroup(header) }
    return group
  }
}
