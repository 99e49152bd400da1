internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics

/// Explanations as one page of HTML that needs nothing else: a picture of when each drift began, then the evidence.
struct ExplainPage {
  private static let width = 800
  private static let rowHeight = 18
  private static let labelWidth = 260
  /// Drifts that are drawn; all are written out.
  private static let drawnMax = 60

  private let report: ExplainReport
  private let head: Int64

  init(_ report: ExplainReport) {
    self.report = report
    head = max(report.position?.sequence ?? report.ledger.sequence, 1)
  }

  var html: String {
    let title = "Drift of \(report.store.escaped)"
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <title>\(title)</title>
      <style>
      body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
      h2 { font-size: 1em; margin: 1.6em 0 0.2em }
      p, ol { margin: 0.2em 0 } .note { color: #666 } svg text { font: 11px sans-serif }
      </style>
      </head>
      <body>
      <h1>\(title)</h1>
      <p class="note">\(counted(Int64(report.findings.count), "difference")), compared at sequence \(grouped(head))</p>
      \(picture)
      \(report.findings.map(section).joined(separator: "\n"))
      </body>
      </html>

      """
  }

  // MARK: - The picture

  /// A line for each drift: pale where it may have begun, dark since it had.
  private var picture: String {
    let drawn = report.findings.filter { $0.began.at != nil }.prefix(ExplainPage.drawnMax)
    guard !drawn.isEmpty else { return "" }
    let height = (drawn.count + 1) * ExplainPage.rowHeight + 6
    let rows = drawn.enumerated().map { row($0, $1) }.joined(separator: "\n")
    let bottom = height - 4
    return """
      <svg width="\(ExplainPage.width)" height="\(height)" role="img" aria-label="when each drift began">
      \(rows)
      <text x="\(ExplainPage.labelWidth)" y="\(bottom)">1</text>
      <text x="\(ExplainPage.width)" y="\(bottom)" text-anchor="end">entry \(grouped(head))</text>
      </svg>
      """
  }

  private func row(_ index: Int, _ finding: ExplainedFinding) -> String {
    let top = index * ExplainPage.rowHeight
    let begin = place(finding.explanations.first?.began.at ?? finding.began.at ?? head)
    let earliest = place(finding.began.after ?? 0)
    let id = "\(finding.finding.entity.kind.rawValue) \(finding.finding.entity.id)"
    let label = String(id.prefix(38)).escaped
    let middle = top + 7
    return """
      <text x="0" y="\(top + 12)">\(label)</text>
      <rect x="\(earliest)" y="\(middle)" width="\(max(begin - earliest, 1))" height="4" fill="#f2c4b0"/>
      <rect x="\(begin)" y="\(middle)" width="\(max(ExplainPage.width - begin, 1))" height="4" fill="#c2410c"/>
      <circle cx="\(begin)" cy="\(middle + 2)" r="4" fill="#c2410c"/>
      """
  }

  private func place(_ sequence: Int64) -> Int {
    let room = Double(ExplainPage.width - ExplainPage.labelWidth - 6)
    return ExplainPage.labelWidth + Int(Double(min(max(sequence, 0), head)) / Double(head) * room)
  }

  // MARK: - The words

  private func section(_ explained: ExplainedFinding) -> String {
    let entity = explained.finding.entity
    let items = explained.explanations.prefix(5).map { explanation in
      let causes = explanation.causes.map(\.sentence).joined(separator: ", and ")
      return
        "<li value=\"\(explanation.rank)\">\(causes.escaped) (\(explanation.certainty.percent))</li>"
    }
    let more = explained.explanationCount - items.count
    let rest =
      more > 0 ? "<p class=\"note\">and \(counted(Int64(more), "other explanation"))</p>" : ""
    let cost = explained.cost.map { "<p>\($0.sentence.escaped)</p>" } ?? ""
    return """
      <h2>\("\(entity.kind.rawValue) \(entity.id)".escaped)</h2>
      <p class="note">\(explained.finding.message.escaped)</p>
      <ol>\(items.joined())</ol>
      \(rest)\(cost)
      """
  }
}

extension String {
  /// The text where markup would be read.
  fileprivate var escaped: String {
    var text = ""
    for character in self {
      switch character {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      default: text.append(character)
      }
    }
    return text
  }
}
