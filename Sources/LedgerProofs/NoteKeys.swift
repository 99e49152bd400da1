internal import LedgerFormat

/// A public key as C2SP signed-note writes it: `NAME+ID+KEY`.
///
/// ID is eight hexadecimal digits, the beginning of SHA-256 over the name, a line feed, and what KEY is the Base 64 of: a
/// byte 1, for Ed25519, and the 32 bytes of the key.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
  static let algorithm: UInt8 = 1
  static let idByteCount = 4

  package let name: String
  package let publicKey: [UInt8]

  /// Nil when the name cannot stand in a note.
  init?(name: String, publicKey: [UInt8]) {
    guard VerifierKey.isName(name), publicKey.count == Ed25519.keyByteCount else { return nil }
    self.name = name
    self.publicKey = publicKey
  }

  /// Reads a key as people hand it on.
  ///
  /// - Throws: `ProofError.malformed` with what is wrong.
  package init(_ text: String) throws(ProofError) {
    let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let bytes = Base64.bytes(of: parts[2]), let first = bytes.first else {
      throw .malformed("a public key is written NAME+ID+KEY")
    }
    guard first == VerifierKey.algorithm else {
      throw .malformed("the key is of kind \(first), but only 1, Ed25519, is known")
    }
    guard let key = VerifierKey(name: String(parts[0]), publicKey: Array(bytes.dropFirst())) else {
      throw .malformed("the name or the length of the key is wrong")
    }
    guard hex(key.id) == parts[1] else { throw .malformed("the key's ID is not that of the key") }
    self = key
  }

  /// Whether `name` is not empty, and has neither spaces nor plus nor control characters.
  package static func isName(_ name: String) -> Bool {
    !name.isEmpty && name != "PRIVATE"
      && name.unicodeScalars.allSatisfy {
        !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 && $0.value != 0x7F
      }
  }

  package var id: [UInt8] {
    Array(
      SHA256.digest(Array("\(name)\n".utf8) + [VerifierKey.algorithm] + publicKey)
        .prefix(VerifierKey.idByteCount))
  }

  package var description: String {
    "\(name)+\(hex(id))+\(Base64.text(of: [VerifierKey.algorithm] + publicKey))"
  }
}

/// A private key: `PRIVATE+KEY+NAME+ID+SEED`, as the tools for signed notes keep it.
///
/// It is not printable on purpose; `fileText` is for the one file that holds it.
package struct SignerKey: Sendable {
  private static let prefix = "PRIVATE+KEY+"

  package let verifier: VerifierKey
  private let seed: [UInt8]

  /// A key of 32 random bytes.
  package init(name: String, seed: [UInt8]) throws(ProofError) {
    guard Ed25519.isAvailable else { throw .cannotSign }
    guard let publicKey = Ed25519.publicKey(of: seed) else {
      throw .malformed("a private key has 32 bytes")
    }
    guard let verifier = VerifierKey(name: name, publicKey: publicKey) else {
      throw .malformed(
        "a key's name has no spaces, no + and no control characters, and is not empty")
    }
    self.verifier = verifier
    self.seed = seed
  }

  /// Reads the file of a key.
  package init(fileText text: String) throws(ProofError) {
    let line = text.hasSuffix("\n") ? text.dropLast() : text[...]
    guard line.hasPrefix(SignerKey.prefix) else {
      throw .malformed("the file holds no private key (\(SignerKey.prefix)NAME+ID+KEY)")
    }
    let parts = line.dropFirst(SignerKey.prefix.count).split(
      separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let bytes = Base64.bytes(of: parts[2]),
      bytes.first == VerifierKey.algorithm
    else { throw .malformed("the private key is not whole") }
    try self.init(name: String(parts[0]), seed: Array(bytes.dropFirst()))
    guard hex(verifier.id) == parts[1] else {
      throw .malformed("the private key's ID is not that of the key")
    }
  }

  /// What the file of the key holds.
  package var fileText: String {
    "\(SignerKey.prefix)\(verifier.name)+\(hex(verifier.id))+"
      + "\(Base64.text(of: [VerifierKey.algorithm] + seed))\n"
  }

  /// The signature line of `text`.
  package func sign(_ text: String) throws(ProofError) -> NoteSignature {
    guard let signature = Ed25519.sign(Array(text.utf8), seed: seed) else { throw .cannotSign }
    return NoteSignature(name: verifier.name, id: verifier.id, bytes: signature)
  }
}

/// Why a note, checkpoint, key or proof is not accepted.
package enum ProofError: Error, Hashable, Sendable {
  /// The bytes are not what they should be.
  case malformed(String)
  /// They are, and what they say is not true or not vouched for.
  case invalid(String)
  /// This program was built without libcrypto.
  case cannotSign

  /// In words.
  package var message: String {
    switch self {
    case .malformed(let what), .invalid(let what): what
    case .cannotSign:
      "this program was built without OpenSSL and can neither sign nor check signatures; use one that was built with it"
    }
  }
}
