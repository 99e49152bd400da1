internal import CommandKit
internal import LedgerPorts
internal import LinuxHost
internal import Simulation

/// The command line of the simulation.
let simulateCommand = Command(
  "allocledger-simulate",
  summary: "try a ledger on disks that fail, and its decoders on bytes that lie",
  discussion: """
    Everything follows from seeds: a run that fails names the command that repeats it.
    """,
  subcommands: [
    Command(
      "disk", summary: "write ledgers on simulated disks, cut the power, and check what is left",
      discussion: """
        Syncs and writes fail, the disk runs full, bits rot, and behind a power cut any part of what
        was not synced is there. What was acknowledged must be there once and whole, and nothing else.
        """,
      options: [
        .value("images", "N", "how many images of disks to check", default: "20000"),
        .value("seed", "N", "the first seed; others follow", default: "1"),
        .flag("calls", "print what was done with a disk up to a failure"),
      ]),
    Command(
      "decoders", summary: "feed the decoders with bytes that were changed at random",
      discussion: """
        Checksums are made right again, so that what lies below them is reached. A decoder answers
        with a value or an error. The seed is printed before its inputs: where the program crashes,
        the last one repeats it.
        """,
      options: [
        .value("inputs", "N", "how many inputs for each seed", default: "2000"),
        .value("seeds", "N", "how many seeds", default: "10"),
        .value("seed", "N", "the first seed; others follow", default: "1"),
        .value(
          "decoder", "NAME", "this one alone", kind: .choice(Decoder.allCases.map(\.rawValue))),
      ]),
    Command(
      "decode", summary: "feed a decoder with files, as a fuzzer leaves them",
      arguments: [
        Positional("DECODER", "which one", kind: .choice(Decoder.allCases.map(\.rawValue))),
        Positional("FILE", "the bytes", arity: .oneOrMore, kind: .file),
      ]),
    Command(
      "corpus", summary: "write valid inputs of every decoder, for a fuzzer to begin with",
      arguments: [
        Positional("DIRECTORY", "one directory for each decoder is made there", kind: .directory)
      ]),
  ])

/// Runs what a parsed command asks for; says whether nothing was found.
func simulate(_ command: ParsedCommand) throws -> Bool {
  switch command.path {
  case ["disk"]: try simulateDisk(command)
  case ["decoders"]: try simulateDecoders(command)
  case ["decode"]: try decode(command)
  default: try writeCorpus(command)
  }
}

private func simulateDisk(_ command: ParsedCommand) throws(UsageError) -> Bool {
  let wanted = Int(try command.integer("images", in: 1...1_000_000_000) ?? 20_000)
  var seed = UInt64(try command.integer("seed", in: 0...Int64.max - 1_000_000_000) ?? 1)
  var count = 0
  var failures = 0
  let first = seed
  let run = CrashRun(notesCalls: command.flag("calls"))
  while count < wanted, failures < 10 {
    // Where the program crashes, this is the command that repeats it.
    print("allocledger-simulate disk --images 1 --seed \(seed)")
    do throws(CrashRun.Failure) { count += try run.run(seed: seed) } catch {
      failures += 1
      for call in error.calls { print(call) }
      print("failed: \(error.message)")
    }
    seed += 1
  }
  print("\(count) images of \(seed - first) ledgers, \(failures) failures")
  return failures == 0
}

private func simulateDecoders(_ command: ParsedCommand) throws(UsageError) -> Bool {
  let first = UInt64(try command.integer("seed", in: 0...Int64.max - 1_000_000_000) ?? 1)
  let seeds = UInt64(try command.integer("seeds", in: 1...1_000_000_000) ?? 10)
  let inputs = Int(try command.integer("inputs", in: 1...1_000_000_000) ?? 2_000)
  let chosen = try command.choice("decoder", as: Decoder.self)
  var count = 0
  var failures = 0
  for seed in first..<first + seeds {
    for decoder in chosen.map({ [$0] }) ?? Decoder.allCases {
      print(
        "allocledger-simulate decoders --seeds 1 --seed \(seed) --inputs \(inputs) "
          + "--decoder \(decoder.rawValue)")
      var run = DecoderRun(decoder, seed: seed)
      do throws(DecoderRun.Failure) { count += try run.run(inputs: inputs) } catch {
        failures += 1
        print("failed: \(error.message): \(error.bytes)")
      }
    }
  }
  print("\(count) inputs, \(failures) failures")
  return failures == 0
}

private func decode(_ command: ParsedCommand) throws -> Bool {
  let name = command.argument("DECODER") ?? ""
  guard let decoder = Decoder(rawValue: name) else {
    throw command.error("there is no decoder '\(name)'")
  }
  for path in command.arguments("FILE") {
    let file = try LinuxDisk().open(path, .read)
    var bytes: [UInt8] = []
    try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    do { try decoder.decode(bytes) } catch let violation as Violation {
      print("failed: \(path): \(violation.what)")
      return false
    }
  }
  return true
}

private func writeCorpus(_ command: ParsedCommand) throws -> Bool {
  let disk = LinuxDisk()
  for decoder in Decoder.allCases {
    let directory = "\(command.argument("DIRECTORY") ?? ".")/\(decoder.rawValue)"
    try disk.makeDirectory(directory)
    for (number, bytes) in try decoder.samples(seed: 1).enumerated() {
      let file = try disk.open("\(directory)/valid-\(number)", .updateOrCreate)
      try file.resize(to: 0)
      try file.write(bytes, at: 0)
    }
  }
  return true
}
