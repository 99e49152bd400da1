import LedgerPorts
import LinuxHost
import Simulation
import TestSupport
import Testing

@Suite("Decoders of bytes from outside")
struct DecoderTests {
  private static let corpus =
    "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/Fuzzing/corpus"

  @Test("valid bytes that were changed are answered", arguments: Decoder.allCases)
  func changed(decoder: Decoder) throws {
    var run = DecoderRun(decoder, seed: 1)
    #expect(try run.run(inputs: 200) >= 200)
  }

  @Test("what fuzzers found is answered", arguments: Decoder.allCases)
  func corpus(decoder: Decoder) throws {
    let directory = DecoderTests.corpus + "/" + decoder.rawValue
    let names = try LinuxDisk().list(directory)
    #expect(!names.isEmpty)
    for name in names { try decoder.decode(try bytes(of: directory + "/" + name)) }
  }
}
