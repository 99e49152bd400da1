internal import CommandKit
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
        Syncs and writes fail, the disk runs full, and behind a power cut any part of what was not
        synced is there. What was acknowledged must be there once and whole, and nothing else.
        """,
      options: [
        .value("images", "N", "how many images of power cuts to check", default: "20000"),
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
        .value("seeds", "N", "how many seeds, each of some thousand inputs", default: "10"),
        .value("seed", "N", "the first seed; others follow", default: "1"),
      ]),
  ])

/// Runs what a parsed command asks for; says whether nothing was found.
func simulate(_ command: ParsedCommand) throws -> Bool {
  command.path == ["disk"] ? try simulateDisk(command) : try simulateDecoders(command)
}

private func simulateDecoders(_ command: ParsedCommand) throws(UsageError) -> Bool {
  let first = UInt64(try command.integer("seed", in: 0...Int64.max - 1_000_000_000) ?? 1)
  let count = UInt64(try command.integer("seeds", in: 1...1_000_000_000) ?? 10)
  var inputs = 0
  for seed in first..<first + count {
    print("allocledger-simulate decoders --seeds 1 --seed \(seed)")
    var run = DecoderRun(seed: seed)
    do throws(DecoderRun.Failure) { inputs += try run.run() } catch {
      print("failed: \(error.message)")
      return false
    }
  }
  print("\(inputs) inputs, 0 failures")
  return true
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
