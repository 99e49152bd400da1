internal import Glibc
internal import Simulation

/// The decoder that the environment names.
private let decoder: Decoder = {
  guard let name = unsafe getenv("ALLOCLEDGER_FUZZ"),
    let decoder = unsafe Decoder(rawValue: String(cString: name))
  else { fatalError("ALLOCLEDGER_FUZZ names no decoder; see tools/fuzz") }
  return decoder
}()

/// What libFuzzer calls with each input; a crash is a finding.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // Safe: libFuzzer lends so many bytes for the call.
  let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  do { try decoder.decode(input) } catch {
    fatalError((error as? Violation)?.what ?? "\(error)")
  }
  return 0
}
