internal import TestSupport

/// One seed's inputs for a decoder: valid bytes, and changes of them.
package struct DecoderRun {
  /// What went wrong, and with which bytes.
  package struct Failure: Error {
    package var message: String
    package var bytes: [UInt8]
  }

  /// How often each of the valid inputs is changed.
  private static let changeCount = 16

  private let decoder: Decoder
  private var mutation: Mutation

  package init(_ decoder: Decoder, seed: UInt64) {
    self.decoder = decoder
    mutation = Mutation(random: TestRandom(seed: seed))
  }

  /// Decodes at least so many inputs and returns how many they were.
  package mutating func run(inputs wanted: Int) throws(Failure) -> Int {
    var count = 0
    while count < wanted {
      let seed = mutation.random.next()
      for sample in try answer([], { try decoder.samples(seed: seed) }) {
        for index in 0...DecoderRun.changeCount {
          let bytes = index == 0 ? sample : mutation.changed(sample)
          try answer(bytes) { try decoder.decode(bytes) }
          count += 1
        }
      }
    }
    return count
  }

  private func answer<Value>(
    _ bytes: [UInt8], _ body: () throws -> Value
  ) throws(Failure) -> Value {
    do { return try body() } catch {
      throw Failure(message: (error as? Violation)?.what ?? "\(error)", bytes: bytes)
    }
  }
}
