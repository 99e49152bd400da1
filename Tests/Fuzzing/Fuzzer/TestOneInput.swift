internal import Glibc
internal import Simulation

/// The decoder that the environment names.
private let decoder: Decoder? = {
  guard let name = unsafe getenv("ALLOCLEDGER_FUZZ") else { return nil }
  return unsafe Decoder(rawValue: String(cString: name))
}()

var isDecoderKnown: Bool { decoder != nil }

/// What libFuzzer calls with each input; a crash is a finding.
let testOneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt = { bytes, count in
  // Safe: libFuzzer lends so many bytes for the call.
  let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  do { try decoder?.decode(input) } catch {
    fatalError((error as? Violation)?.what ?? "\(error)")
  }
  return 0
}
