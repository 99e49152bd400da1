internal import LedgerCore
internal import LedgerFormat

/// Rows of entries by a key, in the order of keys and then of rows.
///
/// A record is the distance of its key from the one before, its row and, where the run has one, its note, as LEB128.
struct SortedRun {
  struct Record: Hashable {
    /// The entry's distance from the first of the group.
    var row: UInt32
    var note: UInt64
  }

  private let pages: PageRun
  private let hasNotes: Bool

  init(_ source: PostingsSource, _ place: PageRun.Place, hasNotes: Bool) {
    pages = PageRun(source, place)
    self.hasNotes = hasNotes
  }

  /// Says that records are sought soon.
  func expectDirectory() { pages.expectDirectory() }

  /// Says that the records of `key` are sought soon.
  func expect(_ key: UInt64) throws(LogError) { try pages.expect(key) }

  /// Goes through all records.
  var cursor: Cursor { Cursor(pages, hasNotes: hasNotes) }

  /// Goes through the records of a run in their order.
  struct Cursor {
    private let pages: PageRun
    private let hasNotes: Bool
    private var next = 0
    private var records: [(key: UInt64, record: Record)] = []
    private var place = 0

    fileprivate init(_ pages: PageRun, hasNotes: Bool) {
      self.pages = pages
      self.hasNotes = hasNotes
    }

    /// The next record and its key; nil behind the last one.
    mutating func record() throws(LogError) -> (key: UInt64, record: Record)? {
      while place == records.count {
        guard next < pages.pageCount else { return nil }
        try readPage()
      }
      place += 1
      return records[place - 1]
    }

    private mutating func readPage() throws(LogError) {
      let (first, bytes) = try pages.page(next)
      next += 1
      place = 0
      records.removeAll(keepingCapacity: true)
      var reader = ByteReader(0..<bytes.count)
      var key = first
      do throws(Malformed) {
        while reader.remaining > 0 {
          key &+= try reader.varint(bytes.span)
          let row = UInt32(truncatingIfNeeded: try reader.varint(bytes.span))
          let note = hasNotes ? try reader.varint(bytes.span) : 0
          records.append((key, Record(row: row, note: note)))
        }
      } catch { throw pages.damage }
    }
  }

  /// The records of `key`, by ascending rows.
  func records(of key: UInt64) throws(LogError) -> [Record] {
    var found: [Record] = []
    try pages.eachPage(of: key) { first, bytes throws(Malformed) in
      var reader = ByteReader(0..<bytes.count)
      var current = first
      while reader.remaining > 0 {
        current &+= try reader.varint(bytes.span)
        let row = UInt32(truncatingIfNeeded: try reader.varint(bytes.span))
        let note = hasNotes ? try reader.varint(bytes.span) : 0
        if current == key { found.append(Record(row: row, note: note)) }
        if current > key { break }
      }
    }
    return found
  }
}

/// Ids by the rows that introduce them.
///
/// A page is a column of the rows' distances from its first one, and a list of names.
struct NameRun {
  private let pages: PageRun

  init(_ source: PostingsSource, _ place: PageRun.Place) {
    pages = PageRun(source, place)
  }

  /// Says that ids are sought soon.
  func expectDirectory() { pages.expectDirectory() }

  /// Says that the id of `row` is sought soon.
  func expect(_ row: UInt32) throws(LogError) { try pages.expect(UInt64(row)) }

  /// The id that `row` introduces, or nil.
  func name(of row: UInt32) throws(LogError) -> Name? {
    var found: Name?
    try pages.eachPage(of: UInt64(row)) { first, bytes throws(Malformed) in
      var reader = BodyReader(
        bytes + [UInt8](repeating: 0, count: Column.padding), byteCount: bytes.count,
        entryCount: Int64(PageRun.recordCountMax))
      let rows = try reader.column()
      guard let place = rows.firstIndex(of: UInt64(row) &- first) else { return }
      let names = try reader.names()
      guard place < names.count else { throw Malformed("rows without names", at: 0) }
      found = names[place]
    }
    return found
  }

  static func write(
    _ names: [Name], of rows: [UInt32], to writer: inout ByteWriter
  ) -> PageRun.Place {
    PageRun.write(count: names.count, to: &writer) {
      UInt64(rows[$0])
    } page: { range, writer in
      writer.put(column: range.map { UInt64(rows[$0] - rows[range.lowerBound]) })
      NameList.put(Array(names[range]), .planes, to: &writer)
    }
  }
}

/// The records of one page while it is filled.
struct RecordPage {
  /// Two LEB128 numbers of 64 bits and one of 32.
  private static let recordByteCountMax = 10 + 10 + 5

  private let hasNotes: Bool
  private var bytes = [UInt8](
    repeating: 0, count: PageRun.recordCountMax * RecordPage.recordByteCountMax)
  private var end = 0
  private(set) var count = 0
  private(set) var firstKey: UInt64 = 0
  private var before: UInt64 = 0

  init(hasNotes: Bool) {
    self.hasNotes = hasNotes
  }

  var isFull: Bool { count == PageRun.recordCountMax }

  /// Empties the page.
  mutating func begin() {
    end = 0
    count = 0
  }

  /// Adds a record to a page that is not full.
  mutating func add(_ key: UInt64, row: UInt32, note: UInt64 = 0) {
    if count == 0 {
      firstKey = key
      before = key
    }
    put(key &- before)
    put(UInt64(row))
    if hasNotes { put(note) }
    before = key
    count += 1
  }

  func write(to writer: inout ByteWriter) { writer.bytes.append(contentsOf: bytes[..<end]) }

  /// The encoding of `ByteWriter.put(varint:)`, into a page that has room: appending byte by byte costs more than all else.
  @inline(__always)
  private mutating func put(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes[end] = UInt8(truncatingIfNeeded: rest) | 0x80
      end += 1
      rest >>= 7
    }
    bytes[end] = UInt8(truncatingIfNeeded: rest)
    end += 1
  }
}

/// Records of a run before they are sorted, in the order of their rows.
struct UnsortedRun {
  private(set) var keys: [UInt64] = []
  private(set) var rows: [UInt32] = []
  private var notes: [UInt64] = []
  private let hasNotes: Bool

  init(hasNotes: Bool) {
    self.hasNotes = hasNotes
  }

  mutating func add(_ key: UInt64, row: UInt32, note: UInt64 = 0) {
    keys.append(key)
    rows.append(row)
    if hasNotes { notes.append(note) }
  }

  /// Adds the records of another run, whose rows follow.
  mutating func add(_ other: UnsortedRun) {
    keys += other.keys
    rows += other.rows
    notes += other.notes
  }

  /// Appends the run and says where it stands.
  func write(to writer: inout ByteWriter) -> PageRun.Place {
    let order = self.order
    var page = RecordPage(hasNotes: hasNotes)
    return PageRun.write(count: order.count, to: &writer) {
      keys[Int(order[$0])]
    } page: { range, writer in
      page.begin()
      for index in order[range] {
        let index = Int(index)
        page.add(keys[index], row: rows[index], note: hasNotes ? notes[index] : 0)
      }
      page.write(to: &writer)
    }
  }

  /// Indices of `keys` in their order; equal keys keep theirs.
  ///
  /// A radix sort, because a comparison of random keys costs a mispredicted branch.
  var order: [UInt32] {
    let digit = 11
    var order = [UInt32](keys.indices.lazy.map { UInt32($0) })
    var next = [UInt32](repeating: 0, count: keys.count)
    let all = keys.reduce(0) { $0 | $1 }
    for shift in stride(from: 0, to: 64, by: digit) where all >> UInt64(shift) != 0 {
      var starts = [Int](repeating: 0, count: 1 << digit)
      let mask = UInt64(1 << digit - 1)
      for key in keys { starts[Int(key >> UInt64(shift) & mask)] += 1 }
      var sum = 0
      for value in starts.indices {
        (starts[value], sum) = (sum, sum + starts[value])
      }
      for index in order {
        let value = Int(keys[Int(index)] >> UInt64(shift) & mask)
        next[starts[value]] = index
        starts[value] += 1
      }
      swap(&order, &next)
    }
    return order
  }
}
