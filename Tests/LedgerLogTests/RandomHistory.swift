import LedgerCore
import LedgerEngine
import LedgerLog
import LedgerText
import LinuxHost
import TestSupport

private let types: [EventType] = [
  .hostRegistered, .hostResized, .nodeCreated, .nodeCreated, .nodeCreated, .nodeUpgraded,
  .nodeMoved, .nodeDeleted, .nodeDeletionRequested, .workerScaled, .entryVoided,
]

/// A ledger of random facts, late ones and voids of all kinds among them, in commits of several sizes.
func randomHistory(
  _ scratch: Scratch, seed: UInt64, _ policy: ReleasePolicy, late: Bool, voids: Bool,
  adopts: Bool = false
) throws -> LogReader {
  let disk = LinuxDisk()
  let path = scratch.directory + "/ledger"
  let id = [UInt8](repeating: 7, count: 16)
  try LogWriter.create(
    directory: path, manifest: Manifest(id: id, created: moment(0), policy: policy), disk: disk)
  let writable = try WritableLedger(
    directory: path, disk: disk, clock: FakeClock(moment(1_000)), process: 1)
  var facts = RandomFacts(seed: seed)
  var random = TestRandom(seed: seed)
  for step in 0..<600 {
    let kind = types[random.below(types.count)]
    let type = adopts && random.chance(20) ? .stateAdopted : kind
    var fact = facts.next(type == .entryVoided ? .nodeCreated : type)
    if type == .entryVoided {
      guard voids, random.chance(3), writable.head > 0 else { continue }
      fact = .void(Int64(1 + random.below(Int(writable.head))))
    }
    let delay = late ? random.below(200) : 0
    fact.occurred = moment(Int64(step - delay))
    // What history does not allow is not recorded; the rest is the history to select from.
    do throws(AdmissionFailure) { _ = try writable.admit(FactItem(fact: fact)) } catch {
      if case .log(let log) = error { throw log }
    }
    if random.chance(9) { try writable.commit() }
  }
  try writable.commit()
  writable.writer.close()
  return try LogReader(directory: path, disk: disk) { false }
}
