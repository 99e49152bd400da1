import Testing
import YAMLText

/// The value of a text.
private func read(_ text: String) throws(YAMLError) -> YAMLNode {
  try YAMLNode(yaml: Array(text.utf8))
}

/// A value in one line, with the line number where each scalar begins.
private func plain(_ node: YAMLNode) -> String {
  switch node.content {
  case .null: "null"
  case .scalar(let text): "\(text)@\(node.line)"
  case .sequence(let nodes): "[" + nodes.map(plain).joined(separator: " ") + "]"
  case .mapping(let members):
    "{" + members.map { "\($0.key)@\($0.line):\(plain($0.value))" }.joined(separator: " ") + "}"
  }
}

@Suite("YAML") struct YAMLTests {
  @Test(
    "values come with their lines",
    arguments: [
      ("", "null"), ("# nothing\n", "null"), ("---\n...\n", "null"), ("~", "null"), ("\"\"", "@1"),
      ("'null'", "null@1"), ("a: 1\nb: x y # why\n", "{a@1:1@1 b@2:x y@2}"),
      ("a:\n  b:\n    - c\n    - 'd: e'\n", "{a@1:{b@2:[c@3 d: e@4]}}"),
      ("{a: [b, ~], c: {}}", "{a@1:[b@1 null] c@1:{}}"), ("a: |\n  b\n  c\n", "{a@1:b\nc\n@1}"),
      ("a: \"\\u00e9\"", "{a@1:é@1}"),
    ])
  func values(text: String, expected: String) throws {
    #expect(try plain(read(text)) == expected)
  }

  @Test(
    "what is wrong is named with its line",
    arguments: [
      ("a: 1\nb: [", 3, "no YAML"), ("a: 1\n\tb: 2\n", 2, "no YAML"), ("a: \u{1}", 1, "no YAML"),
      ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here again; it stands in line 1"),
      ("a: &x 1\n", 1, "anchor"), ("a: 1\nb: *x\n", 2, "alias"), ("a: !!str 1\n", 1, "tag"),
      ("a: 1\n---\nb: 2\n", 2, "a second"), ("[a]: 1\n", 1, "a text as the key"),
      (String(repeating: "[", count: 17), 1, "levels"),
      (String(repeating: "[", count: 100_000), 1, "levels"),
    ])
  func wrong(text: String, line: Int, says: String) throws {
    let error = try #require(throws: YAMLError.self) { try read(text) }
    #expect(error.line == line)
    #expect(error.message.contains(says), "\(error.message)")
  }

  @Test("every beginning of a document, and every changed byte, is a value or an error")
  func noise() {
    let text = Array("a: [b, 'c']\nd:\n  - e: \"f\"\n  - {g: h}\n# i\n".utf8)
    var kept = 0
    for end in text.indices where (try? YAMLNode(yaml: Array(text[..<end]))) != nil { kept += 1 }
    for index in text.indices {
      for byte in UInt8.min ... .max {
        var changed = text
        changed[index] = byte
        if (try? YAMLNode(yaml: changed)) != nil { kept += 1 }
      }
    }
    #expect(kept > 0)
  }
}
