internal import LedgerCore

/// The body of a block before it has a layout: bytes, and columns between them.
///
/// What a batch says is gathered once, and laid out as often as there are layouts to compare.
struct BodyDraft {
  private var plain = ByteWriter()
  private var numbers: [UInt64] = []
  /// How many plain bytes and how many numbers there were when each column began.
  private var columns: [(plain: Int, numbers: Int)] = []

  mutating func removeAll() {
    plain.bytes.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    columns.removeAll(keepingCapacity: true)
  }

  mutating func put(varint value: UInt64) { plain.put(varint: value) }

  mutating func put(fixed value: UInt64) { plain.put(fixed: value) }

  mutating func put(_ bytes: [UInt8]) { plain.put(bytes) }

  /// Begins a column behind all that was put so far.
  mutating func beginColumn() {
    columns.append((plain.bytes.count, numbers.count))
  }

  /// Adds a number to the column that was begun last.
  @inline(__always)
  mutating func add(_ number: UInt64) { numbers.append(number) }

  /// How many numbers the column has that was begun last.
  var columnCount: Int { numbers.count - (columns.last?.numbers ?? 0) }

  /// Puts a whole column.
  @inline(__always)
  mutating func put(column values: some Sequence<UInt64>) {
    beginColumn()
    for value in values { numbers.append(value) }
  }

  /// Puts a list of texts: see `NameList`.
  mutating func put(_ names: [Name]) {
    put(varint: UInt64(names.count))
    put(column: names.lazy.map(NameList.shape))
    NameList.putTexts(names, to: &plain)
  }

  /// The body, laid out.
  func bytes(_ layout: Column.Layout) -> [UInt8] {
    var writer = ByteWriter()
    writer.bytes.reserveCapacity(plain.bytes.count + numbers.count * 3 + columns.count * 16)
    var done = 0
    for (index, column) in columns.enumerated() {
      writer.bytes.append(contentsOf: plain.bytes[done..<column.plain])
      done = column.plain
      let end = index + 1 < columns.count ? columns[index + 1].numbers : numbers.count
      Column.put(numbers.span.extracting(column.numbers..<end), layout, to: &writer)
    }
    writer.bytes.append(contentsOf: plain.bytes[done...])
    return writer.bytes
  }
}
