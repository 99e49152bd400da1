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
  private var sample = TableRows()
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
    sample.add(cells, count: columns.count)
    if let widths {
      try write(to: output, widths)
    } else if sample.count >= sampleRowsMax {
      try settle(output)
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
    let settled = columns.indices.map { max(columns[$0].title.columns, sample.width(of: $0)) }
    widths = settled
    var header = TableRows()
    header.add(columns.map(\.title), count: columns.count)
    let line = header.lines(columns, settled).dropLast()
    if usesColor {
      try output.line(Color.bold.around(String(decoding: line, as: UTF8.self)))
    } else {
      try output.write(line + [0x0A])
    }
    try write(to: output, settled)
  }

  /// Writes the rows that are held and lets them go.
  private mutating func write(to output: Output, _ widths: [Int]) throws(OutputError) {
    try output.write(sample.lines(columns, widths))
    sample.removeAll()
  }
}

/// Rows of a table: the texts of all cells side by side, because a fleet has a hundred thousand of them.
private struct TableRows {
  private var bytes: [UInt8] = []
  /// Where the text of each cell ends, and how many columns it takes.
  private var cells: [(end: Int, columns: Int)] = []
  private(set) var count = 0

  /// Adds a row of `count` cells, of which those that are not given are empty.
  mutating func add(_ texts: [String], count width: Int) {
    count += 1
    for text in texts {
      let start = bytes.count
      bytes.append(contentsOf: text.utf8)
      // Nearly all texts are plain ASCII, and take a column for each byte.
      var isPlain = true
      for index in start..<bytes.count where bytes[index] &- 0x20 >= 0x5F { isPlain = false }
      guard !isPlain else {
        cells.append((bytes.count, bytes.count - start))
        continue
      }
      bytes.removeLast(bytes.count - start)
      let printable = text.printable
      bytes.append(contentsOf: printable.utf8)
      cells.append((bytes.count, printable.columns))
    }
    for _ in texts.count..<width { cells.append((bytes.count, 0)) }
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    cells.removeAll(keepingCapacity: true)
    count = 0
  }

  /// How many columns the widest cell of a column takes.
  func width(of column: Int) -> Int {
    guard count > 0 else { return 0 }
    return stride(from: column, to: cells.count, by: cells.count / count).reduce(0) {
      max($0, cells[$1].columns)
    }
  }

  /// The rows as lines.
  func lines(_ columns: [Column], _ widths: [Int]) -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(count * widths.reduce(1) { $0 + $1 + 2 })
    var start = 0
    for row in 0..<count {
      var pendingSpaces = 0
      for (index, column) in columns.enumerated() {
        let cell = cells[row * columns.count + index]
        let gap = max(0, widths[index] - cell.columns)
        if column.alignment == .right { pendingSpaces += gap }
        if cell.end > start {
          // Spaces are only written before text, so that no line ends in them.
          lines.append(contentsOf: repeatElement(0x20, count: pendingSpaces))
          lines.append(contentsOf: bytes[start..<cell.end])
          pendingSpaces = 0
        }
        pendingSpaces += (column.alignment == .left ? gap : 0) + 2
        start = cell.end
      }
      lines.append(0x0A)
    }
    return lines
  }
}
