internal import CommandKit
internal import FleetGenerator
internal import Glibc

let output = Output()
guard let count = WorkloadOptions.eventCount(named: CommandLine.arguments[1]) else { exit(64) }
try WorkloadHistory(WorkloadOptions(eventCount: count)).forEachLine { line throws(OutputError) in
  try output.write(line)
}
try output.flush()
