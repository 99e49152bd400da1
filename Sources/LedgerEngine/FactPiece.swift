package import LedgerText

/// Lines of input that were read together, so that reading and admitting can overlap.
package struct FactPiece: Sendable {
  /// Enough lines to make up for handing them over.
  private static let lineCount = 256

  /// A line that is not blank.
  package struct Line: Sendable {
    package var number: Int64
    package var content: FactLine
    /// The fact of a single line.
    package var item: FactItem
  }

  package var lines: [Line] = []
  /// Why reading ended behind these lines, unless the input did.
  package var failure: InputFailure?
  /// What was passed over in the input so far.
  package var ignoredFields: IgnoredFields

  /// A piece of facts that were never text.
  init(lines: [Line]) {
    self.lines = lines
    ignoredFields = IgnoredFields()
  }

  /// Reads the next lines of `stream`; nil behind the end or a failure.
  package init?(_ stream: inout FactStream) {
    guard !stream.hasEnded else { return nil }
    lines.reserveCapacity(FactPiece.lineCount)
    ignoredFields = stream.ignoredFields
    do throws(InputFailure) {
      while lines.count < FactPiece.lineCount, let content = try stream.next() {
        lines.append(Line(number: stream.line, content: content, item: stream.item))
      }
    } catch { failure = error }
    ignoredFields = stream.ignoredFields
  }
}

extension WritableLedger {
  /// How many lines ahead a node's place in the index is asked for, and the node itself.
  private static let (farDistance, nearDistance) = (12, 6)

  /// Gets ready for the lines that come some way behind `index`, so that memory does not make admission wait.
  @inline(__always)
  func lookAhead(in lines: [FactPiece.Line], behind index: Int) {
    let far = index + WritableLedger.farDistance
    if far < lines.count { intake.foresee(lines[far].item.fact.node, lines[far].item.fact.host) }
    let near = index + WritableLedger.nearDistance
    if near < lines.count {
      intake.approach(lines[near].item.fact.node, lines[near].item.fact.host)
    }
  }
}
