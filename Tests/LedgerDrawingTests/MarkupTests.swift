import LedgerDrawing
import Testing

@Suite("Markup") struct MarkupTests {
  @Test("what would be markup, or steers a reader, is spelled out")
  func escapes() {
    #expect(
      Markup.escaped("<a href='x'>\"&\"</a>")
        == "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;")
    #expect(
      Markup.escaped("a\u{0}b\u{202E}c\u{FFFE}\u{1B}") == "a\u{FFFD}b\u{FFFD}c\u{FFFD}\u{FFFD}")
    #expect(Markup.escaped("h\u{E9}\n\u{1F980}") == "h\u{E9}\n\u{1F980}")
  }

  @Test(
    "numbers have their digits and no others",
    arguments: [
      (0, 0, "0"), (1.25, 1, "1.3"), (-0.04, 1, "0.0"), (-1.5, 1, "-1.5"), (0.05, 2, "0.05"),
      (1_234_567, 0, "1234567"),
    ] as [(Double, Int, String)])
  func numbers(value: Double, decimals: Int, text: String) {
    #expect(Markup.number(value, decimals: decimals) == text)
  }
}
