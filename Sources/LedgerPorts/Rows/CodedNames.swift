package import LedgerCore

/// Names row by row, of which many are the same and some are missing: each is kept once, and every row has its number.
package struct CodedNames: Sendable {
  /// A row's place in `values`.
  package private(set) var codes: [UInt32] = []
  /// Each once, in the order of first sight, behind nil; one that no row has any more may stay.
  package private(set) var values: [Name?] = [nil]
  /// Those of `values` that are UUIDs, and anything for the others, in as little memory as can be: every row looks here.
  private var words = [UUIDWords(high: 0, low: 0)]
  /// Open addressing over `words`.
  private var table = [UInt32](repeating: .max, count: 64)
  /// The names that are no UUIDs, with an index of them and their codes.
  private var others: [Name] = []
  private var otherIndex = NameIndex()
  private var otherCodes: [UInt32] = []
  /// What was found last: rows come in runs.
  private var lastCode: UInt32 = 0

  package init() {}

  package subscript(_ row: Int) -> Name? {
    get { values[Int(codes[row])] }
    set { codes[row] = coded(newValue) }
  }

  mutating func reserveCapacity(_ rows: Int) {
    codes.reserveCapacity(rows)
  }

  mutating func append(_ name: Name?) {
    codes.append(coded(name))
  }

  @inline(__always)
  mutating func append(_ uuid: UUIDWords?) {
    codes.append(uuid.map { coded($0) } ?? 0)
  }

  /// Appends a row whose name has a code already.
  @inline(__always)
  mutating func append(code: UInt32) {
    codes.append(code)
  }

  mutating func replace(_ rows: Range<Int>, with other: CodedNames) {
    let translated = other.values.map { coded($0) }
    codes.replaceSubrange(rows, with: other.codes.map { translated[Int($0)] })
  }

  mutating func reorder(_ order: [UInt32]) {
    codes = codes.reordered(order)
  }

  /// For each of `others` the code that it has here; `UInt32.max` for one that is not here.
  package func codes(of others: [Name?]) -> [UInt32] {
    others.map { name in
      guard let name else { return 0 }
      guard let uuid = UUIDWords(name) else { return otherCode(of: name) ?? .max }
      return table[place(of: uuid)]
    }
  }

  /// The names that some row has.
  package var used: [Name] {
    var isUsed = [Bool](repeating: false, count: values.count)
    for code in codes { isUsed[Int(code)] = true }
    return values.indices.compactMap { isUsed[$0] ? values[$0] : nil }
  }

  /// The code of a name, which gets one where it has none yet; 0 is none.
  mutating func coded(_ name: Name?) -> UInt32 {
    guard let name else { return 0 }
    if let uuid = UUIDWords(name) { return coded(uuid) }
    if let code = otherCode(of: name) { return code }
    let code = add(name, UUIDWords(high: 0, low: 0))
    others.append(name)
    otherCodes.append(code)
    otherIndex.insert(UInt32(others.count - 1), name)
    return code
  }

  private func otherCode(of name: Name) -> UInt32? {
    otherIndex.find(name, in: others).map { otherCodes[Int($0)] }
  }

  private mutating func coded(_ uuid: UUIDWords) -> UInt32 {
    if lastCode != 0, words[Int(lastCode)] == uuid { return lastCode }
    let found = place(of: uuid)
    lastCode = table[found]
    if lastCode != .max { return lastCode }
    lastCode = add(Name(uuid), uuid)
    table[found] = lastCode
    if values.count * 2 > table.count { grow() }
    return lastCode
  }

  private mutating func add(_ name: Name, _ uuid: UUIDWords) -> UInt32 {
    values.append(name)
    words.append(uuid)
    return UInt32(values.count - 1)
  }

  /// Where the table has the code of `uuid`, or room for it.
  @inline(__always)
  private func place(of uuid: UUIDWords) -> Int {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: uuid.mixed) & mask
    while table[place] != .max, words[Int(table[place])] != uuid { place = (place + 1) & mask }
    return place
  }

  private mutating func grow() {
    table = [UInt32](repeating: .max, count: table.count * 2)
    for code in values.indices.dropFirst() where values[code].flatMap({ UUIDWords($0) }) != nil {
      table[place(of: words[code])] = UInt32(code)
    }
  }
}
