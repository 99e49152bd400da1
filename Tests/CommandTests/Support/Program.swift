import Foundation

/// How a program ended, and what it said.
struct Ended {
  /// The exit status; 128 and the number of the signal where one ended the program.
  let status: Int32
  let bytes: [UInt8]
  let errors: String

  var output: String { String(decoding: bytes, as: UTF8.self) }
  /// The lines that are not empty; a text would not be cut at CRLF.
  var lines: [String] { bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) } }
}

/// A program as a user runs it.
struct Program {
  let path: String

  /// The program under test.
  static let allocledger = Program(path: built("allocledger", variable: "ALLOCLEDGER_BIN"))
  static let generator = Program(
    path: built("allocledger-generate", variable: "ALLOCLEDGER_GENERATE_BIN"))
  static let measurer = Program(
    path: built("allocledger-measure", variable: "ALLOCLEDGER_MEASURE_BIN"))
  static let shell = Program(path: "/bin/sh")

  /// Where a product of the package is: what `variable` says, else beside the bundle of tests.
  private static func built(_ name: String, variable: String) -> String {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment[variable], !path.isEmpty { return path }
    if let main = environment["ALLOCLEDGER_BIN"], !main.isEmpty {
      let neighbour = URL(fileURLWithPath: main).deletingLastPathComponent()
        .appendingPathComponent(name).path
      if FileManager.default.isExecutableFile(atPath: neighbour) { return neighbour }
    }
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: bundle).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }

  /// Runs the program to its end; after `seconds` it is killed, and the status is that of SIGKILL.
  ///
  /// `input` is what it finds on its standard input: a file, so that nothing ever blocks.
  func run(
    _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:],
    directory: String? = nil, within seconds: Double = 120
  ) throws -> Ended {
    let source = try makeUnnamedFile()
    let output = try makeUnnamedFile()
    let errors = try makeUnnamedFile()
    defer { for descriptor in [source, output, errors] { close(descriptor) } }
    writeAll(input, to: source)
    lseek(source, 0, SEEK_SET)
    let process = try spawn(
      path, arguments, environment: Program.variables(environment), directory: directory,
      descriptors: (source, output, errors))
    let status = wait(for: process, within: seconds)
    return Ended(
      status: status, bytes: readAll(output),
      errors: String(decoding: readAll(errors), as: UTF8.self))
  }

  /// The environment of the programs that tests run: little, and the same everywhere.
  static func variables(_ more: [String: String]) -> [String] {
    let own = ProcessInfo.processInfo.environment
    var variables = ["PATH": own["PATH"] ?? "/usr/bin:/bin", "LC_ALL": "C"]
    // What sanitizers of the program itself are told.
    for (name, value) in own where name.hasSuffix("SAN_OPTIONS") { variables[name] = value }
    variables.merge(more) { $1 }
    return variables.map { "\($0)=\($1)" }
  }
}

/// Waits for a process and kills it when it takes too long.
func wait(for process: pid_t, within seconds: Double) -> Int32 {
  let deadline = Date().addingTimeInterval(seconds)
  var pause: UInt32 = 200
  var status: CInt = 0
  var isKilled = false
  while true {
    let ended = unsafe waitpid(process, &status, isKilled ? 0 : WNOHANG)
    if ended == process { break }
    if ended < 0, errno != EINTR { return -1 }
    if Date() > deadline {
      kill(process, SIGKILL)
      isKilled = true
    }
    usleep(pause)
    pause = min(pause + pause / 2, 5_000)
  }
  // As in wait(2): the low seven bits are the signal, the next eight the status.
  return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
}
