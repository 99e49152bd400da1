package import LedgerCore
package import LedgerForensics
package import LedgerLog

/// Finds the entries of history that are about some entities.
package enum EntrySearch {
  /// When each entry occurred, by sequence less one.
  ///
  /// - Complexity: one pass over the log, eight bytes an entry.
  package static func occurred(_ reader: LogReader) throws(LogError) -> [Int64] {
    var moments: [Int64] = []
    moments.reserveCapacity(Int(reader.head))
    var cursor = reader.cursor(keepsTexts: false)
    var batch = EntryBatch()
    while try cursor.next(into: &batch) != nil { moments += batch.occurred[0..<batch.count] }
    return moments
  }

  /// Calls `body` with every entry that changes one of `entities`, or with every entry where that is empty.
  ///
  /// A node's entries are about the hosts whose counters they change, too.
  /// - Complexity: one pass over the log.
  package static func each(
    _ reader: LogReader, about entities: Set<FindingEntity>,
    _ body: (_ sequence: Int64, _ entry: () -> Entry?) -> Void
  ) throws(LogError) {
    var walk = try reader.walk()
    while try walk.next() {
      guard let type = walk.type, type.changesState, !walk.isVoided, !walk.isContradicted,
        entities.isEmpty || concerns(walk, entities)
      else { continue }
      body(walk.sequence) { walk.entry }
    }
  }

  /// The first of `entities` that no entry is about; nil where history knows all.
  ///
  /// - Complexity: one pass over the log for each.
  package static func unknown(
    _ reader: LogReader, of entities: some Sequence<FindingEntity>
  ) throws(LogError) -> FindingEntity? {
    for entity in entities {
      var isKnown = false
      try each(reader, about: [entity]) { _, _ in isKnown = true }
      if !isKnown { return entity }
    }
    return nil
  }

  private static func concerns(_ walk: HistoryWalk, _ entities: Set<FindingEntity>) -> Bool {
    for change in walk.hostChanges
    where entities.contains(FindingEntity(.host, walk.registry.name(of: .host, change.host))) {
      return true
    }
    guard let subject = walk.subject, let kind = FindingKind(rawValue: subject.kind.rawValue)
    else { return false }
    return entities.contains(
      FindingEntity(kind, walk.registry.name(of: subject.kind, subject.slot)))
  }
}
