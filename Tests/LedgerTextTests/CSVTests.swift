import LedgerCore
import LedgerText
import Testing

/// The ranges of all records.
func csvRecords(_ bytes: [UInt8]) -> [Range<Int>] {
  var splitter = CSVSplitter()
  var records: [Range<Int>] = []
  while let range = splitter.next(in: bytes.span, isLast: true) { records.append(range) }
  return records
}

/// Reads all records of a table.
private func read(_ text: String) throws(FactError) -> [FactItem] {
  let bytes = Array(text.utf8)
  var reader = CSVReader()
  var items: [FactItem] = []
  for range in csvRecords(bytes) {
    guard reader.hasHeader else {
      try reader.readHeader(bytes.span, range)
      continue
    }
    var item = FactItem()
    if case .fact = try reader.read(bytes.span, range, into: &item) { items.append(item) }
  }
  return items
}

@Suite("facts are read from CSV")
struct CSVTests {
  @Test("quotes, line ends and empty cells")
  func cells() throws {
    let items = try read(
      "\u{FEFF}type,\"time\",host,reason,cpu_cores,memory_bytes,disk_bytes,extra\r\n"
        + "host_registered,1,\"a,\"\"b\"\"\",\"two\nlines\",0.5,1e3,\"7\",\n\n"
        + "host_retired,1970-01-01T00:00:02Z,h,,\"\",,,x")
    #expect(items.count == 2)
    #expect(items[0].fact.host == "a,\"b\"")
    #expect(items[0].fact.rare.reason == "two\nlines")
    #expect(items[0].fact.cpuMillicores == 500)
    #expect(items[0].fact.memoryBytes == 1000)
    #expect(items[0].fact.diskBytes == 7)
    #expect(items[1].fact.occurred.microseconds == 2_000_000)
    #expect(items[1].fact.hasRare == false)
  }

  @Test("an empty cell in quotes is an empty text where there can be one, and absent elsewhere")
  func emptyTexts() throws {
    let items = try read(
      "type,time,node,host,image,name,cpu_millicores,memory_bytes,disk_bytes,key,contradiction,x\n"
        + "node_created,0,n,\"\",\"\",,1,1,1,\"\",\"\",\"\"")
    let fact = try #require(items.first?.fact)
    #expect(fact.attributes.image == "")
    #expect(fact.attributes.name == nil)
    #expect(fact.host == nil)
    #expect(fact.key == nil)
    #expect(fact.rare.contradiction == nil)
  }

  @Test(
    "lists",
    arguments: [
      ("a b", ["a", "b"]), (" a  b ", ["a", "b"]), ("\"[\"\"a b\"\",\"\"c\"\"]\"", ["a b", "c"]),
      ("[]", []), ("a", ["a"]), ("\"a,b c\"", ["a,b", "c"]),
    ] as [(String, [Name])])
  func lists(cell: String, names: [Name]) throws {
    let items = try read("type,time,pool,workers_after,added\nworker_scaled,0,p,1,\(cell)")
    #expect(items.first?.fact.rare.added == names)
  }

  @Test("an empty host of a move takes the node off; a missing column says nothing")
  func moves() throws {
    #expect(try read("type,time,node,host\nnode_moved,0,n,").first?.fact.host == nil)
    let error = #expect(throws: FactError.self) { try read("type,time,node\nnode_moved,0,n") }
    #expect(error?.code == .missingField)
  }

  @Test(
    "what is refused",
    arguments: [
      ("type,host\n", .missingField, 1), ("type,time,type\n", .malformedCSV, 11),
      ("type,time\na,b,c", .malformedCSV, 1), ("type,time,host\na,b", .malformedCSV, 1),
      ("type,time\nx\"y,0", .malformedCSV, 2), ("type,time\n\"x\"y,0", .malformedCSV, 4),
      ("type,time\n\"x,0", .malformedCSV, 1), ("type,time\nx\ry,0", .malformedCSV, 2),
      ("type,time,host\nhost_retired,soon,h", .badTime, 14),
      ("type,time,host\nhost_retired,0,", .missingField, 1),
      ("type,time,host\nhost_melted,0,h", .unknownType, 1),
      ("type,time,sequence\nentry_voided,0,-1", .negativeNumber, 16),
      ("type,time,sequence\nentry_voided,0,x", .wrongType, 16),
      ("type,time,sequence\nentry_voided,0,+1", .wrongType, 16),
      ("type,time,sequence\nentry_voided,0,1 ", .wrongType, 16),
      ("type,time,sequence\nentry_voided,0,99999999999999999999", .numberTooLarge, 16),
      ("type,time,host,present\nstate_adopted,0,h,yes", .wrongType, 19),
      ("type,time,pool,workers_after,added\nworker_scaled,0,p,1,[", .wrongType, 21),
    ] as [(String, FactError.Code, Int)])
  func refused(text: String, code: FactError.Code, column: Int) {
    let error = #expect(throws: FactError.self) { _ = try read(text) }
    #expect(error?.code == code)
    #expect(error?.column == column)
  }

  @Test("bytes that are not UTF-8 are refused")
  func encoding() throws {
    let bytes: [UInt8] = Array("type,time,host\nhost_retired,0,aaaaaaaaaa".utf8) + [0xC0, 0x80]
    let records = csvRecords(bytes)
    var reader = CSVReader()
    var item = FactItem()
    try reader.readHeader(bytes.span, records[0])
    let error = #expect(throws: FactError.self) {
      _ = try reader.read(bytes.span, records[1], into: &item)
    }
    #expect(error?.code == .malformedCSV)
    #expect(error?.column == 26)
  }

  @Test("records are the same, however the bytes arrive", arguments: 1..<12)
  func pieces(size: Int) {
    let text = Array("a,\"b\r\n\"\"c\n\"\r\n\nd\n\"e\n\"".utf8)
    var splitter = CSVSplitter()
    var buffer: [UInt8] = []
    var records: [String] = []
    var taken = 0
    while true {
      while let range = splitter.next(in: buffer.span, isLast: taken == text.count) {
        records.append(String(decoding: buffer[range], as: UTF8.self))
      }
      let done = splitter.start
      splitter.drop(done)
      buffer.removeFirst(done)
      guard taken < text.count else { break }
      let next = min(taken + size, text.count)
      buffer += text[taken..<next]
      taken = next
    }
    #expect(records == ["a,\"b\r\n\"\"c\n\"", "", "d", "\"e\n\""])
  }

  @Test("the columns are those of the reference")
  func columns() {
    #expect(
      CSVWriter.columnNames.joined(separator: " ") == """
        entry recorded time type host node pool container cpu_millicores memory_bytes disk_bytes \
        image config org name protocol protocol_version semantic_version workers_before \
        workers_after last_issued added removed status template cpu_limit memory_limit disk_limit \
        sequence upgrade upgrade_key present nodes capacity_cpu_millicores capacity_memory_bytes \
        capacity_disk_bytes store outcome changes reason key actor source cause contradiction
        """)
  }
}
