/// A number from a moment on; nil where there is none.
package struct StepPoint: Hashable, Sendable {
  package var time: Int64
  package var value: Int64?

  package init(time: Int64, value: Int64?) {
    self.time = time
    self.value = value
  }
}

/// A line of steps, thinned to what a picture can show.
///
/// The picture is cut into columns. Of each column the value at its beginning, the least, the greatest and the last
/// are kept, so that a peak of a microsecond is still drawn and the line goes on where it should.
struct StepLine {
  /// A run of drawn columns: where the line goes, in columns and values.
  struct Corner: Hashable {
    var column: Int
    var value: Int64
  }

  /// Pieces without a gap between them.
  private(set) var pieces: [[Corner]] = []

  /// A line through `points`, in order of time, over the columns of `axis`; the last value goes on to its end.
  ///
  /// - Complexity: linear in the points; at most four corners a column.
  init(_ points: [StepPoint], _ axis: TimeAxis, columnCount: Int) {
    var piece: [Corner] = []
    var current: Int64?
    var index = 0
    // What came before the picture is where the line begins.
    while index < points.count, points[index].time < axis.start {
      current = points[index].value
      index += 1
    }
    if let current { piece.append(Corner(column: 0, value: current)) }
    while index < points.count, points[index].time <= axis.end {
      let column = StepLine.column(points[index].time, axis, columnCount)
      var values: [Int64] = []
      let held = current
      while index < points.count, points[index].time <= axis.end,
        StepLine.column(points[index].time, axis, columnCount) == column
      {
        current = points[index].value
        StepLine.keepExtremes(&values, current)
        index += 1
      }
      if let held, piece.last != Corner(column: column, value: held) {
        piece.append(Corner(column: column, value: held))
      }
      for value in values { piece.append(Corner(column: column, value: value)) }
      if let current {
        if piece.last?.value != current { piece.append(Corner(column: column, value: current)) }
      } else if !piece.isEmpty {
        pieces.append(piece)
        piece = []
      }
    }
    if let current, !piece.isEmpty {
      piece.append(Corner(column: columnCount, value: current))
      pieces.append(piece)
    }
  }

  private static func column(_ time: Int64, _ axis: TimeAxis, _ count: Int) -> Int {
    Int((axis.place(time) * Double(count)).rounded(.down))
  }

  /// `values` holds at most the least and the greatest value so far.
  private static func keepExtremes(_ values: inout [Int64], _ value: Int64?) {
    guard let value else { return }
    guard let low = values.first, let high = values.last else {
      values = [value]
      return
    }
    if value < low { values = [value, high] } else if value > high { values = [low, value] }
  }
}
