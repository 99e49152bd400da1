import LedgerText
import Testing

@Suite("JSON is read as RFC 8259 has it")
struct JSONReaderTests {
  @Test(
    "what is JSON is read",
    arguments: [
      "{}", "[]", " [ ] ", "null", "true", "false", "0", "-0", "-1", "1.5", "1e3", "1E+3", "1e-3",
      "-0.0e0", "\"\"", "\"a\"", "\"\\u0041\\n\\/\\\\\\\"\"", "\"\\ud83d\\ude00\"", "\"é€😀\"",
      "{\"a\":1}", "{\"a\":{\"b\":[1,2,{\"c\":null}]}}", "\t[1 ,\n2\r]", "\"\u{7F}\"",
      "9223372036854775807", "-9223372036854775808", "123456789012345678901234567890",
      "\"a text that is longer than a few words\"", "[\"\u{10FFFF}\",\"\u{E000}\",\"\u{D7FF}\"]",
    ])
  func accepts(text: String) throws {
    _ = try JSONValue(parsing: text)
  }

  @Test(
    "what is not JSON is refused at the right byte",
    arguments: [
      ("", 0), (" ", 1), ("{", 1), ("[", 1), ("[1", 2), ("[1,]", 3), ("[,1]", 1), ("{,}", 1),
      ("{\"a\"}", 4), ("{\"a\":}", 5), ("{\"a\":1,}", 7), ("{a:1}", 1), ("{'a':1}", 1),
      ("{\"a\" 1}", 5), ("{\"a\":1 \"b\":2}", 7), ("[1 2]", 3), ("[1}", 2), ("{\"a\":1]", 6),
      ("01", 0), ("-01", 1), ("1.", 2), (".5", 0), ("+1", 0), ("-", 1), ("1e", 2), ("1e+", 3),
      ("--1", 1), ("0x10", 1), ("NaN", 0), ("Infinity", 0), ("nul", 3), ("nulL", 3), ("True", 0),
      ("truee", 4), ("\"a", 2), ("\"\\x\"", 2), ("\"\\u12\"", 5), ("\"\\u12G4\"", 5),
      ("\"\t\"", 1), ("\"a\nb\"", 2), ("\"abcdefghij\u{1}\"", 11), ("\"\\ud800\"", 7),
      ("\"\\ud800x\"", 7), ("\"\\udc00\"", 2), ("\"\\ud800\\u0041\"", 2), ("\"\\", 2),
      ("{} x", 3), ("1 2", 2), ("[]]", 2), ("\u{FEFF}{}", 0), ("// c", 0), ("\"a\" \u{A0}", 4),
      ("{\"a\":1,\"a\":2}", 7), ("{\"a\":1,\"\\u0061\":2}", 7),
    ])
  func refuses(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { _ = try JSONValue(parsing: text) }
    #expect(error?.offset == offset)
    #expect(error?.message.hasPrefix("expected ") == true)
  }

  @Test(
    "bytes that are not UTF-8 are refused wherever they stand in a string",
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
      [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3], [0xE2, 0x82],
      [0xF0, 0x9F, 0x98], [0xC3, 0x41], [0xE2, 0x28, 0xA1], [0xFE],
    ] as [[UInt8]])
  func refusesUTF8(bad: [UInt8]) {
    for before in 0..<12 {
      for after in [0, 1, 9] {
        let padding = Array(repeating: UInt8(0x61), count: before)
        let tail = Array(repeating: UInt8(0x62), count: after)
        let bytes = [0x22] + padding + bad + tail + [0x22]
        let error = #expect(throws: JSONError.self) { _ = try JSONValue(bytes) }
        #expect(error?.offset == before + 1)
      }
    }
  }

  @Test("every scalar value passes, verbatim and escaped")
  func allScalars() throws {
    for value in stride(from: UInt32(0x20), through: 0x10FFFF, by: 13) {
      guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
      let text = String(Character(scalar))
      #expect(try JSONValue(parsing: "\"\(text)\"") == .string(text))
      let escaped = text.utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
      #expect(try JSONValue(parsing: "\"x\(escaped)\"") == .string("x" + text))
    }
  }

  @Test("a plain run may have any length and end in anything", arguments: 0..<40)
  func runs(length: Int) throws {
    let run = String(repeating: "r", count: length)
    #expect(try JSONValue(parsing: "\"\(run)\"") == .string(run))
    #expect(try JSONValue(parsing: "\"\(run)\\n\(run)\"") == .string("\(run)\n\(run)"))
    #expect(try JSONValue(parsing: "\"\(run)ü\(run)\"") == .string("\(run)ü\(run)"))
    #expect(throws: JSONError.self) { _ = try JSONValue(parsing: "\"\(run)\u{1F}\(run)\"") }
    #expect(throws: JSONError.self) { _ = try JSONValue(parsing: "\"\(run)") }
  }

  @Test("64 levels pass and 65 do not", arguments: [("[", "]"), ("{\"a\":", "}")])
  func nesting(open: String, close: String) throws {
    func nested(_ levels: Int) -> String {
      String(repeating: open, count: levels - 1) + (open == "[" ? "[]" : "{}")
        + String(repeating: close, count: levels - 1)
    }
    _ = try JSONValue(parsing: nested(64))
    #expect(throws: JSONError.self) { _ = try JSONValue(parsing: nested(65)) }
    #expect(throws: JSONError.self) {
      _ = try JSONValue(parsing: String(repeating: open, count: 100_000))
    }
  }

  @Test("every truncation of a document is refused")
  func truncation() throws {
    let text = "{\"a\":[1,2.5,\"x\\u00e9\",true,null],\"b\":{\"c\":\"d\"}}"
    let bytes = Array(text.utf8)
    _ = try JSONValue(bytes)
    for length in 0..<bytes.count {
      #expect(throws: JSONError.self) { _ = try JSONValue(Array(bytes[..<length])) }
      // What stands behind the range is not looked at.
      #expect(throws: JSONError.self) { _ = try JSONValue(bytes.span, 0..<length) }
    }
  }
}

@Suite("JSON values")
struct JSONValueTests {
  @Test("members keep their order and are found by name")
  func accessors() throws {
    let value = try JSONValue(
      parsing: "{\"b\":[1,2e2,\"s\",true,null,0.5,98765432109876543210],\"a\":{}}")
    #expect(value.members?.map(\.name) == ["b", "a"])
    #expect(value["b"]?[0]?.integer == 1)
    #expect(value["b"]?[1]?.integer == 200)
    #expect(value["b"]?[2]?.string == "s")
    #expect(value["b"]?[3]?.bool == true)
    #expect(value["b"]?[4]?.isNull == true)
    #expect(value["b"]?[5]?.integer == nil)
    #expect(value["b"]?[5]?.digits == "0.5")
    #expect(value["b"]?[6]?.digits == "98765432109876543210")
    #expect(value["b"]?[7] == nil)
    #expect(value["a"]?.elements == nil)
    #expect(value["none"] == nil)
  }

  @Test("what is written is read back, compact and pretty", arguments: [false, true])
  func roundTrip(pretty: Bool) throws {
    let text =
      "{\"a\":[],\"b\":{},\"c\":[1,-2,0.5,\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001é\"],\"d\":[{\"e\":null}]}"
    let value = try JSONValue(parsing: text)
    var writer = JSONWriter(pretty: pretty)
    writer.value(value)
    #expect(try JSONValue(writer.bytes) == value)
    if !pretty { #expect(String(decoding: writer.bytes, as: UTF8.self) == text) }
  }

  @Test("pretty JSON has two spaces a level")
  func pretty() throws {
    var writer = JSONWriter(pretty: true)
    writer.value(try JSONValue(parsing: "{\"a\":[1,{}],\"b\":true}"))
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": true\n}")
  }

  @Test("the writer knows the extremes of 64 bits", arguments: [Int64.min, -1, 0, 9, 10, .max])
  func integers(value: Int64) {
    var writer = JSONWriter()
    writer.integer(value)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == String(value))
  }
}
