/// Why a fact was refused; it leaves no trace.
package enum Rejection: Error, Hashable, Sendable {
  /// History does not allow it.
  case contradiction(Contradiction)
  /// The key stands for another fact already.
  case keyReused(first: Int64)
  /// Something else touched the ledger, host or node since.
  case unexpectedSequence(of: String, expected: Int64, actual: Int64)
  /// Its texts are longer than a block can hold.
  case tooLarge(byteCount: Int, limit: Int)

  /// The stable code in answers.
  package var code: String {
    switch self {
    case .contradiction(let reason): reason.code
    case .keyReused: "key_reused"
    case .unexpectedSequence: "unexpected_sequence"
    case .tooLarge: "fact_too_large"
    }
  }

  /// One sentence for people.
  package var message: String {
    switch self {
    case .contradiction(let reason): reason.message
    case .keyReused(let first):
      "the key stands for another fact, which is entry \(first)"
    case .unexpectedSequence(let subject, let expected, let actual):
      "the \(subject) was expected at sequence \(expected) and is at \(actual)"
    case .tooLarge(let byteCount, let limit):
      "the texts of the fact have \(byteCount) bytes, and at most \(limit) can be recorded in one; tell it in several"
    }
  }
}
