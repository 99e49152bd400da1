internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

extension LogReader {
  /// Writes the postings that are missing; `progress` is told how many entries are done.
  ///
  /// Postings are a cache, of complete groups alone: what is behind them is passed when it is asked about.
  /// - Complexity: one pass over the entries that have none yet.
  package func extendPostings(_ progress: (Int64) -> Void) throws(LogError) {
    let spans = historySpans.filter(\.isComplete)
    let written = spans.prefix { span in
      let header = try? postingsHeader(from: span.firstSequence)?.header
      return header.map { $0.lastSequence + 1 == span.nextSequence } ?? false
    }
    guard let last = spans.last, written.count < spans.count else { return }
    var start = postingsStart(written)
    var cursor = cursor(from: spans[start.span].blocks.lowerBound)
    for span in spans[start.span...] {
      let postings = try postings(of: span, &start.trail, &cursor, progress)
      try writeCache(postings, layout.postings(from: span.firstSequence), in: layout.history)
    }
    let sequence = last.nextSequence - 1
    let path = layout.trail(sequence)
    try writeCache(
      start.trail.bytes(ledger: manifest.id, sequence: sequence, mark: map.mark(at: sequence)),
      path, in: layout.history)
    try removeTrails(but: path)
  }

  /// The bytes of a span's postings, whose blocks come next from `cursor`.
  private func postings(
    of span: HistorySpan, _ trail: inout NodeTrail, _ cursor: inout BlockCursor,
    _ progress: (Int64) -> Void
  ) throws(LogError) -> [UInt8] {
    var builder = PostingsBuilder(firstSequence: span.firstSequence)
    var batch = EntryBatch()
    for _ in span.blocks {
      guard let block = try cursor.next(into: &batch) else { break }
      try placeSlots(block, &batch, 0..<batch.count, &trail.registry)
      builder.add(batch, &trail)
      progress(batch.nextSequence - 1)
    }
    let last = span.nextSequence - 1
    return builder.bytes(ledger: manifest.id, lastSequence: last, mark: map.mark(at: last))
  }

  /// The first span whose postings have to be written, behind those that are `written`, and the trail before it.
  private func postingsStart(
    _ written: ArraySlice<HistorySpan>
  ) -> (trail: NodeTrail, span: Int) {
    if let last = written.last, let trail = trail(at: last.nextSequence - 1) {
      return (trail, written.count)
    }
    return (NodeTrail(), 0)
  }

  private func removeTrails(but path: String) throws(LogError) {
    try reaching { () throws(DiskError) in
      for name in try disk.list(layout.history)
      where name.hasSuffix(".trail") && layout.history + "/" + name != path {
        try disk.remove(layout.history + "/" + name)
      }
    }
  }

  // MARK: - Files

  /// The trail of nodes after `sequence`, where it was kept and is of this log's entries.
  func trail(at sequence: Int64) -> NodeTrail? {
    guard let bytes = try? cacheBytes(layout.trail(sequence)),
      let header = try? TrailHeader(bytes, NodeTrail.kind), header.ledger == manifest.id,
      header.sequence == sequence, header.mark == map.mark(at: sequence)
    else { return nil }
    return try? NodeTrail(bytes, header)
  }

  /// What stands at the beginning of the postings from `sequence` on, and where the rest is; nil when they are not there
  /// or not of this log's entries.
  func postingsHeader(
    from sequence: Int64
  ) throws(LogError) -> (header: PostingsGroup.Header, source: PostingsSource)? {
    let source: PostingsSource
    do throws(DiskError) {
      source = try PostingsSource(disk.open(layout.postings(from: sequence), .read))
    } catch {
      guard error.kind == .missing else { throw .disk(error) }
      return nil
    }
    guard let bytes = try? source.read(0, PostingsGroup.headerByteCount),
      let header = try? PostingsGroup.Header(bytes), header.ledger == manifest.id,
      header.firstSequence == sequence, header.lastSequence <= head,
      header.mark == map.mark(at: header.lastSequence)
    else { return nil }
    return (header, source)
  }

  // MARK: - Reading

  /// The postings of the entries up to `last`, of which those behind the complete groups are made in memory; nil where there are none.
  func postings(upTo last: Int64) throws(LogError) -> [PostingsGroup]? {
    var groups: [PostingsGroup] = []
    var covered: Int64 = 0
    for span in historySpans where span.firstSequence <= last {
      covered = span.nextSequence - 1
      if span.isComplete {
        guard let found = try postingsHeader(from: span.firstSequence) else { return nil }
        groups.append(try PostingsGroup(found.source, found.header))
      } else {
        guard let trail = span.firstSequence == 1 ? NodeTrail() : trail(at: span.firstSequence - 1)
        else { return nil }
        groups.append(try postings(inMemory: span, trail))
      }
    }
    return covered >= last ? groups : nil
  }

  private func postings(
    inMemory span: HistorySpan, _ trail: NodeTrail
  ) throws(LogError) -> PostingsGroup {
    var trail = trail
    var cursor = cursor(from: span.blocks.lowerBound)
    let bytes = try postings(of: span, &trail, &cursor) { _ in }
    let source = PostingsSource(bytes, path: layout.postings(from: span.firstSequence))
    let first = Array(bytes.prefix(PostingsGroup.headerByteCount))
    guard let header = try? PostingsGroup.Header(first) else { throw source.damage(0) }
    return try PostingsGroup(source, header)
  }

  /// Checks every file of postings against what its entries give.
  package func postingsDamages() throws(LogError) -> [Damage] {
    let names = ((try? disk.list(layout.history)) ?? []).filter {
      $0.hasSuffix(".post") || $0.hasSuffix(".trail")
    }
    guard !names.isEmpty else { return [] }
    var damages: [Damage] = []
    var trail = NodeTrail()
    var cursor = cursor()
    for span in historySpans where span.isComplete {
      let expected = try postings(of: span, &trail, &cursor) { _ in }
      let last = span.nextSequence - 1
      let kept = [
        (layout.postings(from: span.firstSequence), expected),
        (
          layout.trail(last),
          trail.bytes(ledger: manifest.id, sequence: last, mark: map.mark(at: last))
        ),
      ]
      for (path, expected) in kept {
        guard let bytes = try? cacheBytes(path), bytes != expected, !isOfOtherBlocks(bytes) else {
          continue
        }
        damages.append(
          Damage(.rotten, file: path, offset: 0, "these are not the postings of its entries"))
      }
    }
    return damages
  }

  /// Whether postings or a trail say that they were made of blocks that were sealed since, and so are not used any more.
  private func isOfOtherBlocks(_ bytes: [UInt8]) -> Bool {
    if let header = try? PostingsGroup.Header(Array(bytes.prefix(PostingsGroup.headerByteCount))) {
      return header.ledger == manifest.id && header.mark != map.mark(at: header.lastSequence)
    }
    guard let header = try? TrailHeader(bytes, NodeTrail.kind) else { return false }
    return header.ledger == manifest.id && header.mark != map.mark(at: header.sequence)
  }
}
