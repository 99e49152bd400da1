/// A column of a table.
package struct Column: Sendable {
  /// On which side the text stands; numbers stand right.
  package enum Alignment: Sendable {
    case left
    case right
  }

  /// What the header says.
  package let title: String
  /// On which side the cells stand.
  package let alignment: Alignment

  /// A column with a title.
  package init(_ title: String, _ alignment: Alignment = .left) {
    self.title = title
    self.alignment = alignment
  }
}

/// Rows of text under a header, aligned.
///
/// Widths come from the first rows (all of them unless `sampleRowsMax` says less); later rows go out
/// at once, and cells that are too wide push the rest of their line. A width is a number of Unicode
/// scalars. Control characters in cells are spelled out.
package struct Table {
  private let columns: [Column]
  private let sampleRowsMax: Int
  private let rowsMax: Int
  private let usesColor: Bool
  private var sample: [[String]] = []
  private var widths: [Int]?
  private var rowCount = 0

  /// A table that shows at most `rowsMax` rows and tells how many more there are.
  package init(
    _ columns: [Column], rowsMax: Int = Int.max, sampleRowsMax: Int = Int.max,
    usesColor: Bool = false
  ) {
    self.columns = columns
    self.rowsMax = rowsMax
    self.sampleRowsMax = sampleRowsMax
    self.usesColor = usesColor
  }

  /// Takes a row, with one cell for each column; missing cells are empty.
  package mutating func add(_ cells: [String], to output: Output) throws(OutputError) {
    precondition(cells.count <= columns.count, "a row has more cells than the table has columns")
    rowCount += 1
    guard rowCount <= rowsMax else { return }
    let row = cells.map(\.printable)
    if let widths {
      try output.line(line(row, widths))
    } else {
      sample.append(row)
      if sample.count >= sampleRowsMax { try settle(output) }
    }
  }

  /// Writes what is still held back; a table without rows shows its header.
  package mutating func finish(to output: Output) throws(OutputError) {
    try settle(output)
    if rowCount > rowsMax { try output.line("… and \(rowCount - rowsMax) more") }
  }

  /// Fixes the widths and writes the header with the rows that were held back.
  private mutating func settle(_ output: Output) throws(OutputError) {
    guard widths == nil else { return }
    let settled = columns.indices.map { index in
      sample.reduce(columns[index].title.columns) { widest, row in
        max(widest, index < row.count ? row[index].columns : 0)
      }
    }
    widths = settled
    let header = line(columns.map(\.title), settled)
    try output.line(usesColor ? Color.bold.around(header) : header)
    for row in sample { try output.line(line(row, settled)) }
    sample = []
  }

  private func line(_ row: [String], _ widths: [Int]) -> String {
    var line: [UInt8] = []
    line.reserveCapacity(widths.reduce(0) { $0 + $1 + 2 })
    var pendingSpaces = 0
    for (index, column) in columns.enumerated() {
      let cell = index < row.count ? row[index] : ""
      let gap = max(0, widths[index] - cell.columns)
      if column.alignment == .right { pendingSpaces += gap }
      if !cell.isEmpty {
        // Spaces are only written before text, so that no line ends in them.
        line.append(contentsOf: repeatElement(0x20, count: pendingSpaces))
        line.append(contentsOf: cell.utf8)
        pendingSpaces = 0
      }
      pendingSpaces += (column.alignment == .left ? gap : 0) + 2
    }
    return String(decoding: line, as: UTF8.self)
  }
}
