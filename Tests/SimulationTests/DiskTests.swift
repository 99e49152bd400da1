import LedgerPorts
import Simulation
import Testing

@Suite("The simulated disk")
struct DiskTests {
  /// All ways in which a power cut can end for a file `f` that was made durable and then changed.
  private func images(_ change: (SimulatedDisk, any DiskFile) throws -> Void) throws -> Set<[UInt8]>
  {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.open("/f", .create)
    try file.write([UInt8](repeating: 1, count: 1024), at: 0)
    try file.sync()
    try disk.syncDirectory("/")
    try change(disk, file)
    var found: Set<[UInt8]> = []
    for image in try #require(disk.takeMoments().last).images(atMost: 100) {
      let left = try image.open("/f", .read)
      var bytes: [UInt8] = []
      try left.read(at: 0, count: 4096, into: &bytes)
      found.insert(bytes)
    }
    return found
  }

  private func sectors(_ values: UInt8...) -> [UInt8] {
    values.flatMap { [UInt8](repeating: $0, count: 512) }
  }

  @Test("sectors of a write reach the disk each on its own, and all once it is synced")
  func torn() throws {
    let write = sectors(2, 3)
    #expect(
      try images { _, file in try file.write(write, at: 0) }
        == [sectors(1, 1), sectors(2, 1), sectors(1, 3), sectors(2, 3)])
    #expect(
      try images { _, file in
        try file.write(write, at: 0)
        try file.sync()
      } == [write])
  }

  @Test("a file that grows can be there with any part of what was added, or without")
  func grows() throws {
    #expect(
      try images { _, file in try file.write(sectors(2), at: 1024) }
        == [sectors(1, 1), sectors(1, 1, 0), sectors(1, 1, 2)])
  }

  @Test("what was cut off does not come back under what is written in its place")
  func cut() throws {
    #expect(
      try images { _, file in
        try file.resize(to: 512)
        try file.write(sectors(2), at: 512)
      } == [sectors(1, 1), sectors(1), sectors(1, 0), sectors(1, 2)])
  }

  @Test("a sync that fails leaves any part, and the next one does not help")
  func failedSync() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.open("/f", .create)
      try disk.syncDirectory("/")
      disk.arm(.sync, within: 1)
      try file.write(sectors(2, 3), at: 0)
      #expect(throws: DiskError.self) { try file.sync() }
      try file.sync()
      #expect(try #require(disk.takeMoments().last).images(atMost: 10).count == 1)
    }
  }

  @Test("a full disk takes what fits")
  func full() throws {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.open("/f", .create)
    disk.arm(.full(100), within: 1)
    #expect {
      try file.write([UInt8](repeating: 1, count: 500), at: 0)
    } throws: { ($0 as? DiskError)?.kind == .full }
    #expect(try file.byteCount() == 100)
  }
}
