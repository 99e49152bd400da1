internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerPorts

/// Explanations for people who were asleep a minute ago: one sentence for each drift, then the evidence.
struct ExplainText {
  /// Answers that are spelled out for a finding; the rest is counted.
  private static let shownMax = 3

  private(set) var lines: [String] = []

  /// The text of `report`, in which nothing but `wanted` was asked for, unless that is empty.
  init(_ report: ExplainReport, wanted: [FindingEntity]) {
    guard !report.findings.isEmpty else {
      let names = wanted.map { "\($0.kind.rawValue) \($0.id)" }.joined(separator: ", ")
      let what =
        switch wanted.count {
        case 0: "\(report.store) agrees"
        case 1: "\(names) in \(report.store) agrees"
        default: "\(names) in \(report.store) agree"
        }
      lines = ["clean: \(what) with the ledger; there is nothing to explain"]
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
    lines.append("  since    " + (best.written ?? explained.began.sentence))
    lines.append("  certain  " + explained.certaintySentence(best))
    if let cost = explained.cost { lines.append("  cost     " + cost.sentence) }
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

  /// When the first of its writes was made, where all of it was seen; that dates a drift better than looks at the store do.
  fileprivate var written: String? {
    let writes = causes.compactMap(\.written)
    guard writes.count == causes.count, let first = writes.min(by: { $0.at < $1.at }) else {
      return nil
    }
    return first.after.map { "after \($0.rfc3339) and by \(first.at.rfc3339)" } ?? first.at.rfc3339
  }
}

extension ExplainedFinding {
  fileprivate func certaintySentence(_ best: Explanation) -> String {
    guard best.rivals > 0 else { return best.certainty.percent }
    let all = counted(Int64(best.rivals) + 1, "answer")
    return "\(best.certainty.percent) for this one; \(all) fit equally well, together "
      + certainty.percent
  }
}

extension DriftCost {
  /// Core-hours and what they are, in one sentence without its full stop.
  var sentence: String {
    let cores = Double(sums[0]) / 3.6e12
    let gibibytes = Double(sums[1]) / 3.6e9 / 1_073_741_824
    let amount = "\(cores.hundredths) core-hours and \(gibibytes.hundredths) GiB-hours of memory"
    let refused = refusals > 0 ? "; \(counted(Int64(refusals), "placement")) would be refused" : ""
    let sign = sums.contains { $0 > 0 } ? "counted and not used" : "used and not counted"
    let hours = Double(duration) / 3.6e9
    let time = hours < 48 ? hours.hundredths + " hours" : (hours / 24).hundredths + " days"
    return "\(amount) \(sign) in \(time)\(refused)"
  }
}

extension Began {
  fileprivate var sentence: String {
    switch (after, at) {
    case (let after?, let at?) where after + 1 == at: "entry \(at)"
    case (let after?, let at?): "after entry \(after) and by entry \(at)"
    case (nil, let at?): "by entry \(at), perhaps long before"
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
    case .outOfBand:
      guard let written else {
        return "no entry explains \(columns): somebody wrote it by hand"
      }
      let what = fields.isEmpty ? "the row was \(written.operation.done)" : "\(columns) was written"
      return what + " behind the ledger's back " + written.when
    }
  }

  private var event: String {
    let what = type.map { " (\($0.name)" + (node.map { " of \($0)" } ?? "") + ")" } ?? ""
    return "entry \(sequence ?? 0)" + what
  }
}

extension CapturedChange {
  /// When it was made, and by which transaction.
  fileprivate var when: String {
    if let origin {
      return "by transaction \(origin.id), committed \(at.rfc3339) at \(origin.place)"
    }
    return after.map { "after \($0.rfc3339) and by \(at.rfc3339)" } ?? "at \(at.rfc3339)"
  }
}

extension CapturedChange.Operation {
  fileprivate var done: String {
    switch self {
    case .insert: "inserted"
    case .update: "updated"
    case .delete: "deleted"
    case .truncate: "deleted with all others of its table"
    }
  }
}

extension Double {
  /// The magnitude with two digits behind the point.
  fileprivate var hundredths: String {
    guard magnitude < 9e15 else { return "very many" }
    let parts = Int64((magnitude * 100).rounded())
    let rest = parts % 100
    return grouped(parts / 100) + "." + (rest < 10 ? "0" : "") + String(rest)
  }

  /// A share of one in whole percent; neither none nor all where it is neither.
  var percent: String {
    if self > 0, self < 0.01 { return "<1%" }
    if self < 1, self > 0.99 { return ">99%" }
    return "\(Int((self * 100).rounded()))%"
  }
}
