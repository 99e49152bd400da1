import CommandKit
import Glibc
import Testing

/// What `body` writes to an Output.
func captured(_ body: (Output) throws(OutputError) -> Void) throws -> String {
  var ends: [CInt] = [0, 0]
  // Safe: pipe(2) fills in two descriptors.
  guard unsafe pipe(&ends) == 0 else { throw OutputError.failed(code: errno) }
  defer { close(ends[0]) }
  do {
    defer { close(ends[1]) }
    let output = Output(descriptor: ends[1])
    try body(output)
    try output.flush()
  }
  return readAll(ends[0])
}

/// Everything up to the end of the stream.
func readAll(_ descriptor: CInt) -> String {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4_096)
  while true {
    // Safe: pointer and length are of one array.
    let count = unsafe chunk.withUnsafeMutableBytes { buffer in
      unsafe read(descriptor, buffer.baseAddress, buffer.count)
    }
    guard count > 0 else { break }
    bytes += chunk[..<count]
  }
  return String(decoding: bytes, as: UTF8.self)
}

@Suite struct TableTests {
  static let columns = [Column("host"), Column("cpu", .right), Column("note")]

  @Test("columns are aligned, without spaces at the end of lines")
  func aligned() throws {
    let text = try captured { output throws(OutputError) in
      var table = Table(TableTests.columns)
      try table.add(["höst-1", "1000", "x"], to: output)
      try table.add(["b", "20"], to: output)
      try table.add(["", "", "bad\u{1B}[2J\n"], to: output)
      try table.finish(to: output)
    }
    #expect(
      text == """
        host     cpu  note
        höst-1  1000  x
        b         20
                      bad\\u{1b}[2J\\n

        """)
  }

  @Test("rows beyond the most are counted, not shown")
  func limited() throws {
    let text = try captured { output throws(OutputError) in
      var table = Table([Column("n", .right)], rowsMax: 2)
      for number in 1...5 { try table.add([String(number)], to: output) }
      try table.finish(to: output)
    }
    #expect(text == "n\n1\n2\n… and 3 more\n")
  }

  @Test("a sampled table keeps its widths and lets wide cells push")
  func sampled() throws {
    let text = try captured { output throws(OutputError) in
      var table = Table([Column("a"), Column("b")], sampleRowsMax: 1, usesColor: true)
      try table.add(["xx", "1"], to: output)
      try table.add(["wider", "2"], to: output)
      try table.finish(to: output)
    }
    #expect(text == "\u{1B}[1ma   b\u{1B}[0m\nxx  1\nwider  2\n")
  }

  @Test("a table without rows is its header")
  func empty() throws {
    let text = try captured { output throws(OutputError) in
      var table = Table([Column("a"), Column("b")])
      try table.finish(to: output)
    }
    #expect(text == "a  b\n")
  }
}
