internal import LedgerCore
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
    fileprivate var foresight = Foresight()

    /// A line of `content`, and of `item` where that is a single fact.
    init(number: Int64, content: FactLine, item: FactItem) {
      self.number = number
      self.content = content
      self.item = item
      foresight = Foresight(&self.item.fact)
    }

    fileprivate static let blank = Line(number: 0, content: .blank, item: FactItem())

    /// Makes a line of what was read into it.
    fileprivate mutating func finish(_ number: Int64, _ content: FactLine) {
      self.number = number
      self.content = content
      foresight = Foresight(&item.fact)
    }
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
      while lines.count < FactPiece.lineCount {
        // Read in its place: a fact is large.
        lines.append(Line.blank)
        let place = lines.count - 1
        guard let content = try stream.next(into: &lines[place].item) else {
          lines.removeLast()
          break
        }
        lines[place].finish(stream.line, content)
      }
    } catch {
      lines.removeLast()
      failure = error
    }
    ignoredFields = stream.ignoredFields
  }
}

extension WritableLedger {
  /// How many lines ahead a node's place in the index is asked for, and the node itself.
  private static let (farDistance, nearDistance) = (12, 6)

  /// Gets ready for the lines that come some way behind `index`, so that memory does not make admission wait.
  @inline(__always)
  func lookAhead(in lines: [FactPiece.Line], behind index: Int) {
    let last = lines.count - 1
    intake.lookAhead(
      far: lines[min(index + WritableLedger.farDistance, last)].foresight,
      near: lines[min(index + WritableLedger.nearDistance, last)].foresight)
  }
}
