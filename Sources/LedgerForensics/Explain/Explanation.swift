package import LedgerCore
package import LedgerPorts

/// What can go wrong between an event and a live store.
package enum Fault: String, Sendable, CaseIterable {
  /// The event left no trace.
  case skipped
  /// The event was applied twice.
  case duplicated
  /// Some of the event's columns were written and others were not.
  case partial
  /// The event was counted on another host.
  case wrongHost = "wrong_host"
  /// The event released the size of an older version of its node.
  case oldSizeUsed = "old_size_used"
  /// A counter would have fallen below zero and was kept at zero.
  case clamped
  /// A number lost its smaller digits.
  case unitTruncated = "unit_truncated"
  /// The live values are those of an earlier sequence.
  case restored
  /// No event explains it.
  case outOfBand = "out_of_band"
}

/// One fault that takes part in an explanation.
package struct Cause: Hashable, Sendable {
  package var fault: Fault
  /// The entry that the fault happened to; of `restored` the entry that was the last one then; nil where there is none.
  package var sequence: Int64?
  package var type: EventType?
  package var node: Name?
  /// The host that counts the event; of `wrongHost` the host that counted it by mistake.
  package var host: Name?
  /// The columns that are wrong because of it; empty where the event is concerned as a whole.
  package var fields: [String] = []
  /// The write that was caught; nil where the fault is inferred.
  package var written: CapturedChange?

  package init(
    _ fault: Fault, sequence: Int64? = nil, type: EventType? = nil, node: Name? = nil,
    host: Name? = nil, fields: [String] = []
  ) {
    self.fault = fault
    self.sequence = sequence
    self.type = type
    self.node = node
    self.host = host
    self.fields = fields
  }

  /// The first entry after which the store was wrong.
  var begins: Int64? {
    fault == .restored ? sequence.map { $0 + 1 } : sequence
  }
}

/// When a drift began.
package struct Began: Hashable, Sendable {
  /// The last sequence at which the store was right, as far as that is known.
  package var after: Int64?
  /// The first sequence at which it was wrong, as far as that is known.
  package var at: Int64?

  package init(after: Int64? = nil, at: Int64? = nil) {
    self.after = after
    self.at = at
  }
}

/// Faults that together reproduce the live values exactly, or the statement that none do.
package struct Explanation: Hashable, Sendable {
  /// From 1; answers that are equally good share a rank.
  package var rank: Int
  /// In the order of sequence.
  package var causes: [Cause]
  /// How many other answers have the same rank.
  package var rivals: Int
  /// From 0 to 1: how often such an answer is true.
  package var certainty: Double
  package var began: Began

  /// The answer that `causes`, which were seen as they happened, give beyond doubt.
  package init(seen causes: [Cause], began: Began) {
    self.init(rank: 1, causes: causes, rivals: 0, certainty: 0.9999, began: began)
  }

  init(rank: Int, causes: [Cause], rivals: Int, certainty: Double, began: Began) {
    self.rank = rank
    self.causes = causes
    self.rivals = rivals
    self.certainty = certainty
    self.began = began
  }
}

/// A finding with what accounts for it.
package struct ExplainedFinding: Sendable {
  package var finding: Finding
  package var began: Began
  /// The best first, at most `Explainer.listedMax`.
  package var explanations: [Explanation]
  /// How many explanations there are, listed or not.
  package var explanationCount: Int
  /// How certain it is that one of those of the first rank is true.
  package var certainty: Double
  /// What the drift of a host's counters costs; nil where its beginning is not known.
  package var cost: DriftCost?
  /// The rank of the explanation that was sought, where one was and it is there.
  package var soughtRank: Int?

  package init(
    _ finding: Finding, began: Began = Began(), explanations: [Explanation] = [],
    explanationCount: Int = 0, certainty: Double = 0
  ) {
    self.certainty = certainty
    self.finding = finding
    self.began = began
    self.explanations = explanations
    self.explanationCount = explanationCount
  }
}
