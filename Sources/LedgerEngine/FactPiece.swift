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
