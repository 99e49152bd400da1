import LedgerProofs
import Testing

@Suite("Signed notes")
struct NoteTests {
  // The example of the format's first implementation, golang.org/x/mod/sumdb/note.
  private static let privateKey =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
  private static let publicKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  private static let text =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
  private static let signed =
    text
    + "\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

  private static func note(_ text: String) throws -> SignedNote { try SignedNote(Array(text.utf8)) }

  @Test("the example's keys and signature, byte for byte")
  func example() throws {
    let key = try SignerKey(fileText: NoteTests.privateKey)
    #expect(key.verifier.description == NoteTests.publicKey)
    #expect(key.fileText == NoteTests.privateKey + "\n")
    var note = SignedNote(text: NoteTests.text)
    note.add(try key.sign(note.text))
    #expect(String(decoding: note.bytes, as: UTF8.self) == NoteTests.signed)
    let read = try NoteTests.note(NoteTests.signed)
    #expect(read == note)
    let known = try VerifierKey(NoteTests.publicKey)
    #expect(try read.signers(among: [known]) == [known])
  }

  @Test("a changed text or signature is refused, an unknown signature passed over")
  func checks() throws {
    let known = try VerifierKey(NoteTests.publicKey)
    let other = try SignerKey(name: "other", seed: [UInt8](repeating: 7, count: 32))
    var note = try NoteTests.note(NoteTests.signed)
    #expect(try note.signers(among: [other.verifier]).isEmpty)
    note.add(try other.sign(note.text))
    #expect(try note.signers(among: [known]) == [known])
    #expect(try note.signers(among: [other.verifier, known]) == [other.verifier, known])
    let changed = SignedNote(text: "x" + note.text, signatures: note.signatures)
    #expect(throws: ProofError.self) { try changed.signers(among: [known]) }
    // Of another key by the same name the id differs: it is unknown.
    let namesake = try SignerKey(name: "PeterNeumann", seed: [UInt8](repeating: 9, count: 32))
    #expect(try note.signers(among: [namesake.verifier]).isEmpty)
  }

  @Test(
    "what is no note",
    arguments: [
      "", "a", "a\n", "a\n\nb\n", "a\n\n\u{2014} b\n", "a\n\n\u{2014} b AAAA\n",
      "a\n\n\u{2014} b AAAAAAA= \n", "a\u{1}\n\n", "a\n\n\u{2014} b AAAAAAA=",
      "a\n\n- b AAAAAAA=\n",
    ])
  func malformed(text: String) {
    #expect(throws: ProofError.self) { try NoteTests.note(text) }
  }

  @Test("a note without signatures, and one whose text has empty lines")
  func odd() throws {
    #expect(try NoteTests.note("a\n\n").signatures.isEmpty)
    #expect(try NoteTests.note("a\n\nb\n\n").text == "a\n\nb\n")
  }

  @Test(
    "what is no public key",
    arguments: [
      "", "PeterNeumann", "PeterNeumann+c74f20a3+",
      "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      privateKey,
    ])
  func noPublicKey(text: String) {
    #expect(throws: ProofError.self) { try VerifierKey(text) }
  }

  @Test("every byte of a private key's file matters")
  func noPrivateKey() {
    for place in NoteTests.privateKey.utf8.indices {
      var bytes = Array(NoteTests.privateKey.utf8)
      bytes[place.utf16Offset(in: NoteTests.privateKey)] ^= 1
      #expect(throws: ProofError.self) {
        try SignerKey(fileText: String(decoding: bytes, as: UTF8.self))
      }
    }
  }

  @Test("Base 64 of RFC 4648, and one spelling of each")
  func base64() {
    let vectors = [
      "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
      "foobar": "Zm9vYmFy",
    ]
    for (plain, text) in vectors {
      #expect(Base64.text(of: Array(plain.utf8)) == text)
      #expect(Base64.bytes(of: text) == Array(plain.utf8))
    }
    for wrong in ["Zg=", "Zg", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9-"] {
      #expect(Base64.bytes(of: wrong) == nil)
    }
  }

  @Test("checkpoints: text and back, lines of others passed over")
  func checkpoints() throws {
    let checkpoint = Checkpoint(
      origin: "example.com/fleet", size: 7, root: [UInt8](repeating: 1, count: 32),
      ledger: [UInt8](repeating: 2, count: 16), chainSequence: 5,
      link: [UInt8](repeating: 3, count: 32), hostsRoot: [UInt8](repeating: 4, count: 32))
    #expect(try Checkpoint(checkpoint.text) == checkpoint)
    #expect(try Checkpoint(checkpoint.text + "more of another\n") == checkpoint)
    let lines = checkpoint.text.split(separator: "\n")
    for place in lines.indices {
      var fewer = lines
      fewer.remove(at: place)
      #expect(throws: ProofError.self) {
        try Checkpoint(fewer.map { $0 + "\n" }.joined())
      }
    }
    for wrong in ["+7", "07", "4", "7 "] {
      var changed = lines
      changed[1] = wrong[...]
      #expect(throws: ProofError.self) {
        try Checkpoint(changed.map { $0 + "\n" }.joined())
      }
    }
  }
}
