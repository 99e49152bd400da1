import LedgerCore
import LedgerText
import Testing

@Suite("names of types and fields are matched in full")
struct NameLookupTests {
  /// All texts that differ from `name` in one byte, or in length by one.
  private static func near(_ name: String) -> [String] {
    let bytes = Array(name.utf8)
    var found = [name + "x", "x" + name, String(name.dropLast())]
    for index in bytes.indices {
      var changed = bytes
      changed[index] = changed[index] == 0x7A ? 0x79 : 0x7A
      found.append(String(decoding: changed, as: UTF8.self))
    }
    return found
  }

  private func read(_ line: String, _ reader: inout FactReader) throws(FactError) {
    var item = FactItem()
    _ = try reader.read(Array(line.utf8), into: &item)
  }

  @Test("types", arguments: EventType.allCases)
  func types(type: EventType) {
    var reader = FactReader()
    for name in NameLookupTests.near(type.name) {
      let error = #expect(throws: FactError.self) {
        try read("{\"time\":0,\"type\":\"\(name)\"}", &reader)
      }
      #expect(error?.code == .unknownType, "\(name)")
    }
    // The name itself is known, and escapes change nothing.
    for name in [
      type.name, "\\u00" + String(type.name.utf8.first ?? 0, radix: 16) + type.name.dropFirst(),
    ] {
      do {
        try read("{\"time\":0,\"type\":\"\(name)\"}", &reader)
      } catch {
        #expect(error.code == .missingField, "\(name)")
      }
    }
  }

  @Test("fields", arguments: CSVWriter.columnNames)
  func fields(field: String) throws {
    for name in NameLookupTests.near(field) where !CSVWriter.columnNames.contains(name) {
      var reader = FactReader()
      try read("{\"time\":0,\"type\":\"repair_started\",\"\(name)\":{}}", &reader)
      #expect(reader.ignoredFields.names == [Name(name)])
    }
    var reader = FactReader()
    let twice = "{\"\(field)\":0,\"\(field)\":0}"
    #expect(throws: FactError.self) { try read(twice, &reader) }
    #expect(reader.ignoredFields.count == 0)
  }
}
