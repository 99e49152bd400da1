package import LedgerCore

/// Amounts row by row, of which many are the same: each is kept once, and every row has its number.
package struct CodedResources: Sendable {
  /// A row's place in `values`.
  package private(set) var codes: [UInt32] = []
  /// Each once, in the order of first sight; one that no row has any more may stay.
  package private(set) var values: [Resources] = []
  /// Open addressing over `values`.
  private var table = [UInt32](repeating: .max, count: 64)

  package init() {}

  package subscript(_ row: Int) -> Resources {
    get { values[Int(codes[row])] }
    set { codes[row] = coded(newValue) }
  }

  mutating func reserveCapacity(_ rows: Int) {
    codes.reserveCapacity(rows)
  }

  mutating func append(_ value: Resources) {
    codes.append(coded(value))
  }

  /// Appends a row whose amounts have a code already.
  @inline(__always)
  mutating func append(code: UInt32) {
    codes.append(code)
  }

  mutating func replace(_ rows: Range<Int>, with other: CodedResources) {
    let translated = other.values.map { coded($0) }
    codes.replaceSubrange(rows, with: other.codes.map { translated[Int($0)] })
  }

  mutating func reorder(_ order: [UInt32]) {
    codes = codes.reordered(order)
  }

  /// For each of `others` the code that it has here; `UInt32.max` for one that is not here.
  package func codes(of others: [Resources]) -> [UInt32] {
    others.map { table[place(of: $0)] }
  }

  /// The code of amounts, which get one where they have none yet.
  mutating func coded(_ value: Resources) -> UInt32 {
    let found = place(of: value)
    if table[found] != .max { return table[found] }
    let code = UInt32(values.count)
    values.append(value)
    table[found] = code
    if values.count * 2 > table.count { grow() }
    return code
  }

  /// Where the table has the value's code, or room for it.
  @inline(__always)
  private func place(of value: Resources) -> Int {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: CodedResources.hash(value)) & mask
    while table[place] != .max, values[Int(table[place])] != value { place = (place + 1) & mask }
    return place
  }

  /// A hash for this table; written out, because an array of the numbers would be allocated for each row.
  @inline(__always)
  private static func hash(_ value: Resources) -> UInt64 {
    func mix(_ value: UInt64, _ part: Int64) -> UInt64 {
      let product = (value ^ UInt64(bitPattern: part)) &* 0x9E37_79B9_7F4A_7C15
      return product ^ product &>> 29
    }
    return mix(mix(mix(0, value.cpuMillicores), value.memoryBytes), value.diskBytes)
  }

  private mutating func grow() {
    table = [UInt32](repeating: .max, count: table.count * 2)
    for (code, value) in values.enumerated() { table[place(of: value)] = UInt32(code) }
  }
}
