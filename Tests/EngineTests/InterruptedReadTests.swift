import Foundation
import LedgerPorts
import LinuxHost
import Synchronization
import Testing

/// How often somebody asked whether there is an interruption; there is one from the third time on.
private final class Interruption: Sendable {
  private let looks = Atomic<Int>(0)

  func isNoted() -> Bool { looks.wrappingAdd(1, ordering: .relaxed).newValue > 2 }
}

@Suite("Reading that is interrupted") struct InterruptedReadTests {
  @Test("waiting for bytes ends once the interruption is noted, although no signal ends the call")
  func interrupted() throws {
    let path = NSTemporaryDirectory() + "/allocledger-pipe-\(UUID().uuidString)"
    #expect(unsafe mkfifo(path, 0o600) == 0)
    defer { try? FileManager.default.removeItem(atPath: path) }
    // Open for both, so that opening the other end does not wait, and reading from it does.
    let pipe = try #require(FileHandle(forUpdatingAtPath: path))
    let interruption = Interruption()
    let source = try FileSource(path: path) { interruption.isNoted() }
    var bytes: [UInt8] = []
    #expect(throws: SourceError("interrupted")) { try source.read(appendingTo: &bytes) }
    #expect(bytes.isEmpty)
    try pipe.close()
  }
}
