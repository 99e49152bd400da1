package import LedgerCore
package import LedgerLog

/// One entry with what it changed.
package struct AuditStep: Hashable, Sendable {
  /// A host's counters before and after an entry.
  package struct HostChange: Hashable, Sendable {
    package var host: Name
    package var before: Counters
    package var after: Counters
  }

  /// A host, node, pool or container.
  package struct Subject: Hashable, Sendable {
    package var kind: EntityKind
    package var id: Name
  }

  package var entry: Entry
  /// Why the entry changes nothing: `voided`, or the code of the contradiction.
  package var mark: String?
  /// What the entry is about, where it is about one thing.
  package var subject: Subject?
  /// The fields of the subject that the entry changed; counters of hosts stand in `hosts`.
  package var fields: [FieldChange]
  package var hosts: [HostChange]

  /// The walk's current entry; the walk keeps subjects as they were before.
  package init(_ walk: HistoryWalk, _ entry: Entry) {
    self.entry = entry
    mark = walk.mark
    subject = walk.subject.map {
      Subject(kind: $0.kind, id: walk.registry.name(of: $0.kind, $0.slot))
    }
    let isHost = walk.subject?.kind == .host
    fields = FieldChange.between(
      EntityFields(walk.subjectBefore), EntityFields(walk.subjectState)
    ).filter { !isHost || !Counters.fieldNames.contains($0.name) }
    hosts = walk.hostChanges.filter { $0.before != $0.after }.map { change in
      HostChange(
        host: walk.registry.name(of: .host, change.host), before: change.before,
        after: change.after)
    }
  }
}

extension HistoryWalk {
  /// Why the current entry changes nothing: `voided`, or the code of the contradiction.
  package var mark: String? {
    if isVoided { return "voided" }
    return isContradicted ? entry?.fact.contradiction?.code : nil
  }
}
