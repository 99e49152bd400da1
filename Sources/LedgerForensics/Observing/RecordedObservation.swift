package import LedgerCore
package import LedgerPorts

/// What a live store was seen to hold, as the ledger keeps it: digests, and where it differed from history.
///
/// Together with the state that it was compared with it says every number that the store held.
package struct RecordedObservation: Hashable, Sendable {
  /// The prefix or moment of history that the store was compared with.
  package struct Compared: Hashable, Sendable {
    /// The highest sequence of the compared state; 0 for the empty one.
    package var sequence: Int64
    /// The chain's link at that sequence.
    package var chain: String
    /// Where the state was that of a moment and not of a prefix of the log.
    package var occurred: Timestamp?

    package init(sequence: Int64, chain: String, occurred: Timestamp?) {
      self.sequence = sequence
      self.chain = chain
      self.occurred = occurred
    }
  }

  /// One entity that differed.
  package struct Difference: Hashable, Sendable {
    package var entity: FindingEntity
    /// The codes of the findings, sorted.
    package var codes: [FindingCode]
    /// The digest of what the store held of it; nil where it held nothing.
    package var digest: String?
    package var fields: [FieldDifference]

    package init(
      entity: FindingEntity, codes: [FindingCode], digest: String?, fields: [FieldDifference]
    ) {
      self.entity = entity
      self.codes = codes
      self.digest = digest
      self.fields = fields
    }
  }

  /// How many rows of each kind the store held, in the order of `kinds`, and a digest of each kind.
  package struct Contents: Hashable, Sendable {
    package static let kinds = ["hosts", "nodes", "pools", "containers"]

    package var counts: [Int64]
    package var digests: [String]

    package init(counts: [Int64], digests: [String]) {
      self.counts = counts
      self.digests = digests
    }
  }

  /// The most differences that are kept one by one; a store that differs more is one of another fleet.
  package static let differenceCountMax = 10_000

  /// From 1, in the order of recording; 0 for one that is not recorded.
  package var number: Int64 = 0
  /// When the store held it.
  package var at: Timestamp
  /// When it was recorded.
  package var recorded: Timestamp
  /// The command that looked.
  package var command: String
  /// The address of the store that it is about.
  package var store: String
  /// The address of what was read: the store itself, or a copy of it.
  package var source: String
  /// How far the store said that it had applied the ledger.
  package var position: StorePosition?
  package var compared: Compared
  package var contents: Contents
  /// In the order of reports; at most `differenceCountMax`.
  package var differences: [Difference]
  package var differenceCount: Int

  package init(
    at: Timestamp, recorded: Timestamp, command: String, store: String, source: String,
    position: StorePosition?, compared: Compared, contents: Contents, differences: [Difference],
    differenceCount: Int
  ) {
    self.at = at
    self.recorded = recorded
    self.command = command
    self.store = store
    self.source = source
    self.position = position
    self.compared = compared
    self.contents = contents
    self.differences = differences
    self.differenceCount = differenceCount
  }

  /// Whether the store held what history says.
  package var isClean: Bool { differenceCount == 0 }

  /// Whether so much differs that it is hardly a store of this fleet.
  package var isForeign: Bool {
    let rows = contents.counts.reduce(0, +)
    return differenceCount > 20 && Int64(differenceCount) * 2 > rows
  }

  /// Whether the other one saw the same of the same store at the same moment.
  package func isSameLook(as other: RecordedObservation) -> Bool {
    at == other.at && store == other.store && contents == other.contents
      && compared == other.compared
  }

  /// The order of history: by moment, then by number.
  package static func precedes(_ left: RecordedObservation, _ right: RecordedObservation) -> Bool {
    (left.at, left.number) < (right.at, right.number)
  }
}

extension Observation {
  /// Counts and digests of what can be compared with history.
  package var summary: RecordedObservation.Contents {
    func digest<Rows: Collection>(
      _ rows: Rows, _ add: (inout StableDigest, Rows.Element) -> Void
    ) -> String {
      var digest = StableDigest()
      for row in rows { add(&digest, row) }
      return digest.text
    }
    return RecordedObservation.Contents(
      counts: [hosts.count, nodes.count, pools.count, containers.count].map { Int64($0) },
      digests: [
        digest(hosts) { $0.add($1) }, digest(nodes) { $0.add(compared: $1) },
        digest(pools) { $0.add($1) }, digest(containers) { $0.add($1) },
      ])
  }

  /// What differs from `projected`, by entity.
  package func differences(
    from projected: Observation, store: String?
  ) -> [RecordedObservation.Difference] {
    var found: [RecordedObservation.Difference] = []
    for finding in Comparison(projected: projected, live: self, store: store).findings()
    where finding.severity.isDrift {
      if let last = found.last, last.entity == finding.entity {
        found[found.count - 1].codes.append(finding.code)
        found[found.count - 1].fields += finding.fields
      } else {
        found.append(
          RecordedObservation.Difference(
            entity: finding.entity, codes: [finding.code], digest: digest(of: finding.entity),
            fields: finding.fields))
      }
    }
    return found
  }

  /// The digest of one entity's row.
  private func digest(of entity: FindingEntity) -> String? {
    var digest = StableDigest()
    switch entity.kind {
    case .host:
      guard let row = find(entity.id, in: hosts) else { return nil }
      digest.add(row)
    case .node:
      guard let row = find(entity.id, in: nodes) else { return nil }
      digest.add(compared: row)
    case .pool:
      guard let row = find(entity.id, in: pools) else { return nil }
      digest.add(row)
    case .container:
      guard let row = find(entity.id, in: containers) else { return nil }
      digest.add(row)
    default: return nil
    }
    return digest.text
  }
}

extension StableDigest {
  /// Adds what is compared of a node: its times are not.
  fileprivate mutating func add(compared node: LiveNode) {
    var node = node
    node.created = nil
    node.updated = nil
    add(node)
  }
}
