internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics

/// Explanations for people who were asleep a minute ago: one sentence for each drift, then the evidence.
struct ExplainText {
  /// Answers that are spelled out for a finding; the rest is counted.
  private static let shownMax = 3

  private(set) var lines: [String] = []

  init(_ report: ExplainReport) {
    guard !report.findings.isEmpty else {
      lines = ["clean: \(report.store) agrees with the ledger; there is nothing to explain"]
      return
    }
    for finding in report.findings { add(finding) }
    let count = counted(Int64(report.findings.count), "difference")
    lines.append(
      "\(count) in \(report.store), compared at sequence "
        + "\(grouped(report.position?.sequence ?? report.ledger.sequence))")
  }

  private mutating func add(_ explained: ExplainedFinding) {
    let entity = explained.finding.entity
    let head = "\(entity.kind.rawValue) \(entity.id): "
    guard let best = explained.explanations.first else {
      lines += [head + explained.finding.message, ""]
      return
    }
    lines.append(head + best.sentence + ".")
    lines.append("  seen     \(explained.finding.message)")
    lines.append("  since    " + explained.began.sentence)
    lines.append("  certain  \(best.certainty.percent)" + best.rivalSentence)
    let others = explained.explanations.dropFirst().prefix(ExplainText.shownMax - 1)
    for other in others {
      lines.append("  or       \(other.sentence) (\(other.certainty.percent), rank \(other.rank))")
    }
    let more = explained.explanationCount - 1 - others.count
    if more > 0 { lines.append("  and      \(counted(Int64(more), "other explanation"))") }
    lines.append("")
  }
}

extension Explanation {
  /// What happened, in one sentence without its full stop.
  fileprivate var sentence: String {
    causes.map(\.sentence).joined(separator: ", and ")
  }

  fileprivate var rivalSentence: String {
    switch rivals {
    case 0: ""
    case 1: "; one other answer is equally good"
    default: "; \(grouped(Int64(rivals))) other answers are equally good"
    }
  }
}

extension Began {
  fileprivate var sentence: String {
    switch (after, at) {
    case (let after?, let at?) where after + 1 == at: "entry \(at)"
    case (let after?, let at?): "entry \(at), or another one after \(after)"
    case (nil, let at?): "entry \(at), perhaps earlier"
    case (let after?, nil): "some time after entry \(after)"
    case (nil, nil): "nobody knows when"
    }
  }
}

extension Cause {
  /// The fault as half a sentence.
  var sentence: String {
    let columns = fields.joined(separator: ", ")
    switch fault {
    case .skipped: return "\(event) was never applied"
    case .duplicated: return "\(event) was applied twice"
    case .partial: return "\(event) was applied without \(columns)"
    case .wrongHost:
      return "\(event) was counted on host \(host?.description ?? "none")"
    case .oldSizeUsed: return "\(event) released an older size of its node"
    case .clamped: return "at \(event) \(columns) was kept at zero instead of falling below it"
    case .unitTruncated: return "\(event) lost the smaller digits of \(columns)"
    case .restored: return "the values are those of entry \(sequence ?? 0), as after a restore"
    case .outOfBand: return "no entry explains \(columns): somebody wrote it by hand"
    }
  }

  private var event: String {
    let what = type.map { " (\($0.name)" + (node.map { " of \($0)" } ?? "") + ")" } ?? ""
    return "entry \(sequence ?? 0)" + what
  }
}

extension Double {
  /// A share of one in whole percent; neither none nor all where it is neither.
  var percent: String {
    if self > 0, self < 0.01 { return "<1%" }
    if self < 1, self > 0.99 { return ">99%" }
    return "\(Int((self * 100).rounded()))%"
  }
}
