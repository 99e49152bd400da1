import Foundation
import Testing

/// A small disk of its own, which a script uses at `$DISK`; it goes away with the script.
private func onSmallDisk(_ script: String, input: [UInt8] = []) throws -> Ended {
  let scratch = try Scratch()
  // A namespace of its own, so that a test that fails leaves no mount behind.
  let options = getuid() == 0 ? "-m" : "-rm"
  let whole = """
    set -u
    mount -t tmpfs -o size=2m tmpfs "$DISK" || exit 99
    allocledger() { '\(Program.allocledger.path)' "$@"; }
    export ALLOCLEDGER_LEDGER="$DISK/ledger"
    \(script)
    """
  let ended = try Program(path: "unshare").run(
    [options, "sh", "-c", whole], input: input, environment: ["DISK": scratch.path])
  try #require(ended.status != 99, "a small disk cannot be mounted: \(ended.errors)")
  return ended
}

@Suite("A full disk") struct FullDiskTests {
  @Test("import exits 2 and records nothing")
  func importing() throws {
    let lines =
      [host("h")]
      + (0..<100_000).map { number in
        // Names without a pattern, so that they take room.
        node("\(UInt64(number) &* 0x9E37_79B9_7F4A_7C15)", on: "h", number, (0, 0, 0))
      }
    let ended = try onSmallDisk(
      """
      allocledger init -q || exit 98
      echo '\(host("first"))' | allocledger import - || exit 97
      allocledger import -; echo "status $?"
      allocledger verify || exit 96
      allocledger export | wc -l
      echo '\(host("second"))' | allocledger append
      """, input: Array(lines.joined(separator: "\n").utf8))
    #expect(ended.status == 0, "\(ended.output) \(ended.errors)")
    let said = ended.lines.map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(said.contains("status 2"), "\(said)")
    #expect(said.contains("1"))
    #expect(said.last == #"{"line":1,"sequence":2}"#)
    #expect(ended.errors.contains("full") || ended.errors.contains("No space"), "\(ended.errors)")
    #expect(ended.errors.contains("nothing was recorded"), "\(ended.errors)")
  }

  @Test("append exits 2; exactly what was answered is there")
  func appending() throws {
    let lines = (0..<60_000).map { number in
      node("\(UInt64(number) &* 0x9E37_79B9_7F4A_7C15)", on: nil, number, (0, 0, 0))
    }
    let ended = try onSmallDisk(
      """
      allocledger init -q || exit 98
      allocledger append; echo "status $?"
      allocledger verify >&2 || exit 96
      echo "entries $(allocledger export | wc -l)"
      """, input: Array(lines.joined(separator: "\n").utf8))
    #expect(ended.status == 0, "\(ended.errors)")
    let answers = ended.lines.filter { $0.contains("\"sequence\"") }
    #expect(answers.count > 1_000 && answers.count < 60_000, "\(answers.count)")
    #expect(ended.lines.contains("status 2"))
    #expect(ended.lines.last == "entries \(answers.count)")
    #expect(ended.errors.contains("full") || ended.errors.contains("No space"), "\(ended.errors)")
  }

  @Test("a disk that others fill while append runs")
  func filledMeanwhile() throws {
    let ended = try onSmallDisk(
      """
      allocledger init -q || exit 98
      trap '' PIPE
      mkfifo "$DISK/in"
      allocledger append <"$DISK/in" >"$DISK/out" & writer=$!
      exec 3>"$DISK/in"
      echo '\(host("h1"))' >&3
      while ! grep -q sequence "$DISK/out"; do sleep 0.01; done
      head -c 4000000 /dev/zero >"$DISK/fill" 2>/dev/null
      i=0; while [ $i -lt 3000 ]; do
        echo '{"time":1,"type":"host_registered","host":"'$i'-x","cpu_cores":1,"memory_bytes":1,"disk_bytes":1}'
        i=$((i+1))
      done >&3 2>/dev/null
      exec 3>&-
      wait $writer; echo "status $?"
      rm "$DISK/fill"
      allocledger verify >&2 || exit 96
      echo "entries $(allocledger export | wc -l) of $(grep -c sequence "$DISK/out")"
      """)
    #expect(ended.status == 0, "\(ended.output) \(ended.errors)")
    #expect(ended.lines.first == "status 2", "\(ended.output) \(ended.errors)")
    let counts = ended.output.matches(of: /entries ([0-9]+) of ([0-9]+)/)
    // What was durable but could not be answered, because the answers were on the full disk too, may be there.
    let (entries, answered) = try #require(counts.first.map { (Int($0.1) ?? 0, Int($0.2) ?? -1) })
    #expect(entries >= answered && answered >= 1)
  }

  @Test("init on a full disk exits 2, and works once there is room")
  func initializing() throws {
    let ended = try onSmallDisk(
      """
      head -c 4000000 /dev/zero >"$DISK/fill" 2>/dev/null
      allocledger init; echo "status $?"
      allocledger state; echo "status $?"
      rm "$DISK/fill"
      allocledger init && allocledger verify
      """)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.lines.prefix(2) == ["status 2", "status 4"], "\(ended.output) \(ended.errors)")
    #expect(ended.errors.contains("No space left"), "\(ended.errors)")
  }

  @Test("a file that may not grow: a write that ends in the middle is cut off again")
  func limited() throws {
    let ledger = try Ledger(of: [host("h")])
    let lines = (0..<4_000).map { number in
      node("\(UInt64(number) &* 0x9E37_79B9_7F4A_7C15)", on: "h", number, (0, 0, 0))
    }
    for blocks in [129, 133, 150, 200] {
      // The limit counts blocks of 512 bytes; the signal would end the program.
      let child = try Child(
        .shell,
        ["-c", "trap '' XFSZ; ulimit -f \(blocks); exec '\(Program.allocledger.path)' append"],
        environment: ["ALLOCLEDGER_LEDGER": ledger.path])
      Thread.detachNewThread {
        for line in lines { guard child.send(line + "\n") else { return } }
        child.closeInput()
      }
      let ended = child.end()
      #expect(ended.status == 0 || ended.status == 2 || ended.status == 6, "\(ended.errors)")
      let answered = try ended.lines.compactMap { try JSON($0)["sequence"].integer }
      let next = try ledger.run(["append"], input: "")
      #expect(next.status == 0, "\(next.errors)")
      try ledger.verified()
      let entries = try ledger.export()
      #expect(Int64(entries.count) >= answered.last ?? 1)
    }
  }
}
