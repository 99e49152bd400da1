import CommandKit
import Testing

@Suite struct HelpTests {
  static let paths: [[String]] = [[], ["state"], ["import"], ["show"], ["host"], ["host", "add"]]

  @Test("no line of help is wider than asked, or ends in a space", arguments: paths, [60, 80, 100])
  func fits(path: [String], width: Int) {
    let text = sample.help(path: path, width: width)
    for line in text.split(separator: "\n" as Character) {
      #expect(line.unicodeScalars.count <= width)
      #expect(!line.hasSuffix(" "))
    }
    #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
  }

  @Test("help shows what is visible and nothing that is hidden")
  func content() {
    let program = sample.help()
    #expect(program.hasPrefix("Usage: ledger [OPTION…] COMMAND …\n\nKeeps a ledger.\n"))
    #expect(program.contains("\n  ledger --example\n"))
    #expect(program.contains("\nCommands on stores:\n  host "))
    #expect(program.contains("  -o, --output FORMAT"))
    #expect(program.contains("(default: table)"))
    #expect(program.contains("[LEDGER_DIR]"))
    #expect(!program.contains("debug-clock"))
    #expect(!sample.help(path: ["host"]).contains("secret"))
    let add = sample.help(path: ["host", "add"])
    #expect(add.hasPrefix("Usage: ledger host add [OPTION…] ID\n"))
    #expect(add.contains("Global options:"))
  }

  @Test("the manual page has every command and only well-formed lines")
  func manPage() {
    let page = sample.manPage(
      ManPageDetails(
        version: "1.2", date: "2026-03-01",
        sections: [("Exit status", ".dot and 'quote' and back\\slash")]))
    #expect(page.hasPrefix(".TH \"LEDGER\" \"1\" \"2026\\-03\\-01\" \"ledger 1.2\""))
    for name in ["state", "import", "show", "host add"] {
      #expect(page.contains(".SS \"\(name)\"\n"))
    }
    #expect(page.contains("\\&.dot and 'quote' and back\\eslash\n"))
    #expect(page.contains("\\fBLEDGER_DIR\\fR"))
    #expect(!page.contains("secret"))
    #expect(page.utf8.allSatisfy { $0 < 0x80 })
  }

  @Test("completion offers commands, options and choices", arguments: Shell.allCases)
  func completion(shell: Shell) {
    let script = sample.completion(for: shell)
    for text in ["validate", "dry-run", "ndjson", "host add"] { #expect(script.contains(text)) }
    #expect(!script.contains("secret"))
    #expect(!script.contains("debug-clock"))
  }
}
