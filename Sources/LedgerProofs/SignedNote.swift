/// One signature line of a note: `— NAME BASE64`, of the key's ID and the signature.
package struct NoteSignature: Hashable, Sendable {
  package let name: String
  package let id: [UInt8]
  package let bytes: [UInt8]

  fileprivate static let dash = "\u{2014} "

  init(name: String, id: [UInt8], bytes: [UInt8]) {
    self.name = name
    self.id = id
    self.bytes = bytes
  }

  fileprivate init(line: Substring) throws(ProofError) {
    let parts = line.dropFirst(NoteSignature.dash.count).split(
      separator: " ", omittingEmptySubsequences: false)
    guard line.hasPrefix(NoteSignature.dash), parts.count == 2,
      VerifierKey.isName(String(parts[0])), let bytes = Base64.bytes(of: parts[1]),
      bytes.count > VerifierKey.idByteCount
    else { throw .malformed("the note has a line behind its text that is no signature") }
    name = String(parts[0])
    id = Array(bytes.prefix(VerifierKey.idByteCount))
    self.bytes = Array(bytes.dropFirst(VerifierKey.idByteCount))
  }

  fileprivate var line: String { "\(NoteSignature.dash)\(name) \(Base64.text(of: id + bytes))\n" }
}

/// A signed note of C2SP: a text, an empty line, and signatures.
///
/// One without signatures is a note too; nobody vouches for it.
package struct SignedNote: Hashable, Sendable {
  private static let signatureCountMax = 100
  private static let byteCountMax = 1 << 20

  /// Ends with a line feed.
  package let text: String
  package private(set) var signatures: [NoteSignature]

  package init(text: String, signatures: [NoteSignature] = []) {
    self.text = text
    self.signatures = signatures
  }

  /// Reads a note.
  package init(_ bytes: [UInt8]) throws(ProofError) {
    guard bytes.count <= SignedNote.byteCountMax,
      let all = String(validating: bytes, as: UTF8.self),
      all.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" })
    else { throw .malformed("the note is not a text without control characters") }
    let scalars = Array(all.utf8)
    // The last empty line, because a text may have empty lines of its own.
    guard
      let blank = scalars.indices.dropLast().last(where: {
        scalars[$0] == 0x0A && scalars[$0 + 1] == 0x0A
      })
    else { throw .malformed("the note has no empty line behind its text") }
    guard scalars.last == 0x0A else { throw .malformed("the note's last line is cut off") }
    let lines = String(decoding: scalars[(blank + 2)...], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    guard lines.count <= SignedNote.signatureCountMax else {
      throw .malformed("the note has more than \(SignedNote.signatureCountMax) signatures")
    }
    text = String(decoding: scalars[...blank], as: UTF8.self)
    signatures = try lines.map { line throws(ProofError) in try NoteSignature(line: line) }
  }

  package var bytes: [UInt8] { Array((text + "\n" + signatures.map(\.line).joined()).utf8) }

  /// Adds a signature unless it is there already.
  package mutating func add(_ signature: NoteSignature) {
    if !signatures.contains(signature) { signatures.append(signature) }
  }

  /// The keys among `keys` that have signed the note.
  ///
  /// Signatures by other keys are passed over.
  /// - Throws: `ProofError.invalid` where a line claims to be by one of the keys and is not.
  package func signers(among keys: [VerifierKey]) throws(ProofError) -> [VerifierKey] {
    guard keys.isEmpty || Ed25519.isAvailable else { throw .cannotSign }
    var found: [VerifierKey] = []
    for key in keys {
      let own = signatures.filter { $0.name == key.name && $0.id == key.id }
      for signature in own
      where !Ed25519.isValid(signature.bytes, of: Array(text.utf8), publicKey: key.publicKey) {
        throw .invalid("the signature by \(key.name) is not one of this note")
      }
      if !own.isEmpty, !found.contains(key) { found.append(key) }
    }
    return found
  }
}
