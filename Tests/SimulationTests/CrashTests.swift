import LedgerCore
import LedgerEngine
import LedgerLog
import LedgerPorts
import LedgerProofs
import LedgerText
import Simulation
import TestSupport
import Testing

@Suite("Ledgers through power cuts")
struct CrashTests {
  private static let directory = "/ledger"
  private static let layout = LogLayout(directory: directory)

  private func make(_ disk: SimulatedDisk) throws(LogError) {
    try LogWriter.create(
      directory: CrashTests.directory,
      manifest: Manifest(id: [UInt8](1...16), created: moment(0), policy: .atDeletion), disk: disk)
  }

  private func open(_ disk: SimulatedDisk) throws(LogError) -> WritableLedger {
    try WritableLedger(
      directory: CrashTests.directory, disk: disk, clock: FakeClock(moment(1)), process: 1)
  }

  private func append(_ ledger: WritableLedger) throws {
    _ = try ledger.admit(FactItem(fact: .pool("p", from: nil, to: 1)))
    try ledger.commit()
  }

  private func reader(_ disk: SimulatedDisk) throws(LogError) -> LogReader {
    try LogReader(directory: CrashTests.directory, disk: disk) { false }
  }

  /// All disks that a power cut can leave now.
  private func images(_ disk: SimulatedDisk) throws -> [SimulatedDisk] {
    let images = try #require(disk.takeMoments().last).images(atMost: 500)
    try #require(!images.isEmpty)
    return images
  }

  @Test("what was acknowledged is there, and nothing else", arguments: [3, 4, 24] as [UInt64])
  func survives(seed: UInt64) throws {
    #expect(try CrashRun().run(seed: seed) > 10)
  }

  @Test("a segment whose name did not become durable gets it before anything is written there")
  func name() throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      try make(disk)
      let first = try open(disk)
      // The directory fails: create, write, sync, sync of the directory.
      disk.arm(.sync, after: 3)
      #expect(throws: LogError.self) { try append(first) }
      first.writer.close()
      let ledger = try open(disk)
      try append(ledger)
      ledger.writer.close()
      for image in try images(disk) { #expect(try reader(image).head == 1) }
    }
  }

  @Test("a ledger that was made on a failing disk is there once something was appended")
  func made() throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      // The last sync of the ledger's directory, behind the rename of its manifest.
      disk.arm(.sync, after: 9)
      #expect(throws: LogError.self) { try make(disk) }
      let ledger = try open(disk)
      try append(ledger)
      ledger.writer.close()
      for image in try images(disk) { #expect(try reader(image).head == 1) }
    }
  }

  @Test("a checkpoint is there although an earlier one could not be kept")
  func checkpoint() throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      try make(disk)
      let ledger = try open(disk)
      try append(ledger)
      ledger.writer.close()
      let none = [UInt8](repeating: 0, count: 32)
      let checkpoint = Checkpoint(
        origin: "o", size: 1, root: none, ledger: [UInt8](1...16), chainSequence: 1, link: none,
        hostsRoot: none)
      let stored = StoredCheckpoints(disk: disk, layout: CrashTests.layout)
      let note = SignedNote(text: checkpoint.text)
      disk.arm(.sync, after: 1)
      #expect(throws: LogError.self) { try stored.store(note, checkpoint) }
      let path = try stored.store(note, checkpoint)
      for image in try images(disk) {
        #expect(try StoredCheckpoints(disk: image, layout: CrashTests.layout).paths() == [path])
      }
    }
  }
}
