import Foundation
import Testing

/// A line that is no fact, and what is said of it.
private struct Malformed: CustomTestStringConvertible {
  let code: String
  let line: String

  init(_ code: String, _ line: String) {
    self.code = code
    self.line = line
  }

  var testDescription: String { "\(code): \(line.prefix(60))" }
}

private let members = #""host":"h","memory_bytes":1,"disk_bytes":1"#

private func cpu(_ number: String, _ name: String = "cpu_millicores") -> String {
  fact("host_registered", 0, #"\#(members),"\#(name)":\#(number)"#)
}

private let lines = [
  Malformed("malformed_json", "nonsense"),
  Malformed("malformed_json", "{"),
  Malformed("malformed_json", #"{"time":0,"type":"host_registered""#),
  Malformed("malformed_json", "[]"),
  Malformed("malformed_json", #"{"time":0,}"#),
  Malformed("malformed_json", "{} {}"),
  Malformed("malformed_json", #"{"time":0,"time":1,"type":"host_retired","host":"h"}"#),
  Malformed("malformed_json", "{\"time\":0,\"type\":\"host_retired\",\"host\":\"\u{1}\"}"),
  Malformed("malformed_json", #"{"time":0,"type":"host_retired","host":"\ud800"}"#),
  Malformed("malformed_json", cpu("01")),
  Malformed("malformed_json", cpu("NaN")),
  Malformed("malformed_json", String(repeating: "[", count: 100_000)),
  Malformed(
    "malformed_json",
    #"{"time":0,"type":"host_retired","host":"h","x":"# + String(repeating: "[", count: 100_000)),
  Malformed("wrong_type", cpu(#""1""#)),
  Malformed("wrong_type", cpu("true")),
  Malformed("wrong_type", cpu("[1]")),
  Malformed("wrong_type", cpu("1.5")),
  Malformed("wrong_type", #"{"time":0,"type":"host_retired","host":1}"#),
  Malformed("wrong_type", #"{"time":0,"type":7,"host":"h"}"#),
  Malformed("wrong_type", #"{"time":{},"type":"host_retired","host":"h"}"#),
  Malformed("negative_number", cpu("-1")),
  Malformed("negative_number", cpu("-1", "cpu_cores")),
  Malformed("negative_number", cpu("-9223372036854775809")),
  Malformed("number_too_large", cpu("9223372036854775808")),
  Malformed("number_too_large", cpu("1e30")),
  Malformed("number_too_large", cpu("9223372036854775.808", "cpu_cores")),
  Malformed("inexact_cpu", cpu("0.0005", "cpu_cores")),
  Malformed("missing_field", #"{"type":"host_retired","host":"h"}"#),
  Malformed("missing_field", #"{"time":0,"host":"h"}"#),
  Malformed("missing_field", #"{"time":0,"type":"host_retired"}"#),
  Malformed("missing_field", fact("host_registered", 0, members)),
  Malformed("missing_field", fact("node_created", 0, #""node":"n","host":"h""#)),
  Malformed("missing_field", fact("node_moved", 0, #""node":"n""#)),
  Malformed("missing_field", fact("node_upgrade_rolled_back", 0, #""node":"n""#)),
  Malformed("missing_field", fact("worker_scaled", 0, #""pool":"p""#)),
  Malformed("missing_field", fact("entry_voided", 0, #""reason":"x""#)),
  Malformed("missing_field", fact("state_adopted", 0, #""reason":"x""#)),
  Malformed("missing_field", "{}"),
  Malformed("unknown_type", fact("host_painted", 0, #""host":"h""#)),
  Malformed("unknown_type", fact("", 0, #""host":"h""#)),
  Malformed("bad_time", #"{"time":"yesterday","type":"host_retired","host":"h"}"#),
  Malformed("bad_time", #"{"time":"2026-02-30T00:00:00Z","type":"host_retired","host":"h"}"#),
  Malformed("bad_time", #"{"time":"2026-01-01","type":"host_retired","host":"h"}"#),
  Malformed("bad_time", #"{"time":1.5,"type":"host_retired","host":"h"}"#),
  Malformed("bad_time", #"{"time":99999999999999,"type":"host_retired","host":"h"}"#),
  Malformed("empty_id", fact("host_retired", 0, #""host":"""#)),
  Malformed(
    "too_long",
    fact("host_retired", 0, #""host":"\#(String(repeating: "x", count: (1 << 20) + 1))""#)),
]

@Suite("Bad input") struct BadInputTests {
  @Test("a line that is no fact stops an import, with its number and column", arguments: lines)
  private func importStops(bad: Malformed) throws {
    let ledger = try Ledger()
    let ended = try ledger.tryImport([host("h1"), "", bad.line, host("h2")])
    #expect(ended.status == 6)
    let pattern = try Regex("standard input:3:[0-9]+: \(bad.code): ")
    #expect(ended.errors.contains(pattern), "\(ended.errors.prefix(300))")
    #expect(ended.errors.contains("nothing was recorded"))
    #expect(ended.errors.utf8.count < 1_000, "a message does not repeat the input")
    #expect(try ledger.export().isEmpty)
  }

  @Test("append refuses a line that is no fact and goes on", arguments: lines)
  private func appendGoesOn(bad: Malformed) throws {
    let ledger = try Ledger()
    let ended = try ledger.run(
      ["append"], input: [host("h1"), bad.line, host("h2")].joined(separator: "\n"))
    #expect(ended.status == 6)
    #expect(ended.lines.count == 3)
    #expect(try JSON(ended.lines[1])["error"]["code"].text == bad.code, "\(ended.lines[1])")
    #expect(ended.lines[2] == #"{"line":3,"sequence":2}"#)
  }

  @Test(
    "CSV that is none stops an import",
    arguments: [
      ("malformed_csv", "time,type,host\n0,host_retired\n"),
      ("malformed_csv", "time,type,host\n0,host_retired,h,i\n"),
      ("malformed_csv", "time,type,host,host\n"),
      ("malformed_csv", "time,type,host\n0,host_retired,\"h\n"),
      ("malformed_csv", "time,type,host\n0,host_retired,\"h\"x\n"),
      ("missing_field", "when,type,host\n"),
      (
        "wrong_type",
        "time,type,host,cpu_millicores,memory_bytes,disk_bytes\n0,host_registered,h,x,1,1\n"
      ),
      (
        "negative_number",
        "time,type,host,cpu_millicores,memory_bytes,disk_bytes\n0,host_registered,h,-1,1,1\n"
      ),
      ("unknown_type", "time,type,host\n0,host_painted,h\n"),
    ])
  func csv(code: String, text: String) throws {
    let ledger = try Ledger()
    let ended = try ledger.run(["import", "-", "--input", "csv"], input: text)
    #expect(ended.status == 6)
    #expect(ended.errors.contains(": \(code): "), "\(ended.errors)")
    #expect(try ledger.export().isEmpty)
  }

  @Test("bytes that are not UTF-8 are refused with their line")
  func notUTF8() throws {
    let ledger = try Ledger()
    let line = Array((host("h1") + "\n").utf8)
    let bad = line.map { $0 == UInt8(ascii: "1") ? 0xFF : $0 }
    let path = try ledger.scratch.write(line + bad, to: "facts")
    let ended = try ledger.run("import", path)
    #expect(ended.status == 6)
    #expect(ended.errors.contains("\(path):2:"), "\(ended.errors)")
    #expect(try ledger.export().isEmpty)
  }

  @Test("files that are missing, are directories, or cannot be read exit 4")
  func unreadableFiles() throws {
    let ledger = try Ledger()
    let missing = try ledger.run("import", ledger.scratch.file("missing"))
    #expect(missing.status == 4)
    #expect(missing.errors.contains("missing: No such file"))
    let directory = try ledger.run("import", ledger.path)
    #expect(directory.status == 4)
    #expect(directory.errors.contains("Is a directory"))
    #expect(try ledger.export().isEmpty)
  }

  @Test("gzip that is cut anywhere, or damaged, exits 4 and records nothing")
  func badGzip() throws {
    let ledger = try Ledger()
    let scratch = ledger.scratch
    try scratch.write(
      (1...300).map { host("h\($0 &* 2_654_435_761)") }.joined(separator: "\n"), to: "f")
    try #require(Program.shell.run(["-c", "gzip f"], directory: scratch.path).status == 0)
    let whole = try contents(scratch.file("f.gz"))
    for length in [
      2, 3, 9, 10, 11, whole.count / 2, whole.count - 9, whole.count - 8, whole.count - 1,
    ] {
      let path = try scratch.write(Array(whole[..<length]), to: "cut.gz")
      let ended = try ledger.run("import", path)
      #expect(ended.status == 4, "\(length): \(ended.output)")
      #expect(ended.errors.contains("truncated"), "\(ended.errors)")
      #expect(ended.errors.contains("nothing was recorded"))
    }
    for (offset, name) in [
      (whole.count - 6, "checksum"), (whole.count - 2, "length"), (2, "method"),
    ] {
      var bytes = whole
      bytes[offset] ^= 0xFF
      let ended = try ledger.run("import", scratch.write(bytes, to: "bad.gz"))
      #expect(ended.status == 4, "\(name): \(ended.output)")
      #expect(ended.errors.contains("damaged"), "\(ended.errors)")
    }
    let garbage = try ledger.run("import", scratch.write([0x1F, 0x8B] + whole.reversed(), to: "g"))
    #expect(garbage.status == 4)
    // With batches, what came before the damage stays, and the message says how much.
    let batch = try ledger.run(
      "import", "--batch", "10", scratch.write(Array(whole[..<(whole.count / 2)]), to: "half.gz"))
    #expect(batch.status == 4)
    let kept = try ledger.export().count
    #expect(kept > 0 && kept.isMultiple(of: 10))
    #expect(batch.errors.contains("line \(kept + 1) is the first that is not"), "\(batch.errors)")
  }

  @Test("a line of a gigabyte is refused, in bounded memory")
  func hugeLine() throws {
    let ledger = try Ledger()
    let program = Program.allocledger.path
    for (command, status) in [("import -", 6), ("append", 6), ("import - --input csv", 6)] {
      // The limit of 1 GB is on addresses, of which the program itself takes some.
      let script = """
        { echo '\(host("h1"))'; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo '\(host("h2"))'; } \
        | { ulimit -v 1000000; '\(program)' \(command); }
        """
      let ended = try Program.shell.run(
        ["-c", script], environment: ["ALLOCLEDGER_LEDGER": ledger.path])
      #expect(ended.status == status, "\(command): \(ended.errors)")
      if command == "import -" {
        #expect(ended.errors.contains("standard input:2:1: too_long"), "\(ended.errors)")
        #expect(try ledger.export().isEmpty)
      }
      if command == "append" {
        #expect(ended.lines.count == 3)
        #expect(ended.output.contains(#"{"line":2,"error":{"code":"too_long""#))
        #expect(ended.lines.last == #"{"line":3,"sequence":2}"#)
      }
    }
  }

  @Test("what is no ledger exits 4 and is left alone")
  func notALedger() throws {
    let scratch = try Scratch()
    let texts = ["", "hello\n", "allocledger\n", "allocledger x\n", "\u{0}\u{0}\u{0}"]
    for (index, text) in texts.enumerated() {
      let place = scratch.file("\(index)")
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      try scratch.write(text, to: "\(index)/LEDGER")
      for command in [["state"], ["verify"], ["append"], ["import", "-"]] {
        let ended = try Program.allocledger.run(["--ledger", place] + command)
        #expect(ended.status == 4, "\(text) \(command): \(ended.errors)")
        #expect(ended.errors.contains("not a ledger"))
      }
      #expect(files(below: place).count == 1)
    }
    let file = try scratch.write("x", to: "file")
    let ended = try Program.allocledger.run(["--ledger", file, "state"])
    #expect(ended.status == 4)
  }

  @Test("a ledger of a newer version exits 4 and is left alone")
  func newerVersion() throws {
    let ledger = try Ledger(of: [host("h")])
    let manifest = ledger.path + "/LEDGER"
    let text = String(decoding: try contents(manifest), as: UTF8.self)
    try ledger.scratch.write(
      text.replacingOccurrences(of: "allocledger 1\n", with: "allocledger 2\n"),
      to: "ledger/LEDGER")
    for command in ["state", "verify", "append", "export", "init"] {
      let ended = try ledger.run(command)
      #expect(ended.status == (command == "init" ? 6 : 4), "\(command): \(ended.errors)")
      if command != "init" { #expect(ended.errors.contains("version 2"), "\(ended.errors)") }
    }
  }

  @Test("directories that may not be read or written exit 4")
  func forbidden() throws {
    let ledger = try Ledger(of: [host("h")])
    // Root may read everything; the program runs as somebody who may not.
    let asNobody = getuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
    let program = asNobody + "'\(Program.allocledger.path)'"
    func run(_ arguments: String) throws -> Ended {
      try Program.shell.run(
        ["-c", "\(program) \(arguments)"], input: Array(host("h2").utf8),
        environment: ["ALLOCLEDGER_LEDGER": ledger.path])
    }
    #expect(try run("version").status == 0, "the program itself can be run")
    func setMode(_ mode: mode_t, _ path: String) { _ = unsafe chmod(path, mode) }
    let segments = ledger.path + "/log"
    for (place, mode) in [
      (ledger.path, 0o000), (segments, 0o000), (ledger.path + "/LEDGER", 0o000),
    ] {
      setMode(mode_t(mode), place)
      for command in ["state", "verify", "export"] {
        let ended = try run(command)
        #expect(ended.status == 4, "\(place) \(command): \(ended.errors)")
        #expect(ended.errors.contains("Permission denied"), "\(ended.errors)")
      }
      setMode(0o755, place)
    }
    if getuid() == 0 {
      let ended = try run("append")
      #expect(ended.status == 4, "\(ended.errors)")
      #expect(try run("state").status == 0, "reading needs no right to write")
      let made = try run("init --ledger \(ledger.scratch.file("new"))")
      #expect(made.status == 4, "\(made.errors)")
    }
    try ledger.verified()
  }

  @Test("a damaged ledger exits 5 for every command, and salvage copies what is good")
  func damaged() throws {
    let ledger = try Ledger(of: [host("h1")])
    try ledger.record([host("h2")])
    try ledger.record([host("h3")])
    let segment = try #require(files(below: ledger.path + "/log").first)
    var bytes = try contents(segment)
    let whole = bytes
    bytes[bytes.count - 20] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: segment))
    for command in [
      "state", "export", "verify", "usage", "append", "import -", "log", "show host h1",
    ] {
      let ended = try ledger.run(command.split(separator: " ").map(String.init))
      #expect(ended.status == 5, "\(command): \(ended.errors)")
      #expect((ended.errors + ended.output).contains(segment), "\(ended.errors)")
    }
    #expect(try contents(segment) == bytes, "looking changes nothing")
    let target = ledger.scratch.file("saved")
    let salvaged = try ledger.run("salvage", target)
    #expect(salvaged.status == 0, "\(salvaged.errors)")
    #expect(salvaged.output.contains("copied sequences 1 to 2"))
    #expect(salvaged.errors.contains("behind that is damage"))
    let saved = try ledger.run(["verify", "--ledger", target, "-o", "json"])
    #expect(saved.status == 0)
    #expect(try JSON(saved.output)["sequence"].integer == 2)
    try Data(whole).write(to: URL(fileURLWithPath: segment))
    try ledger.verified()
  }
}
