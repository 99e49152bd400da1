internal import CommandKit
internal import LedgerLog
internal import LedgerProofs
internal import LinuxHost

/// `--vkey` and `--vkey-file`, which name the public keys that have to have signed.
let keyOptions: [Option] = [
  .value("vkey", "KEY", "a public key that must have signed", isRepeatable: true),
  .value(
    "vkey-file", "FILE", "public keys that must have signed, one a line", kind: .file,
    isRepeatable: true),
]

extension Command {
  static let key = Command(
    "key", summary: "make and show the keys that sign checkpoints", section: "Integrity",
    subcommands: [
      Command(
        "generate", summary: "make a private key, and print its public key",
        discussion: """
          NAME becomes the origin of the checkpoints that the key signs: the name of a place of yours on the web without \
          the scheme, such as example.com/fleet. The file is readable by its owner alone (mode 0600); nothing that exists \
          is replaced. The key is an Ed25519 key as C2SP signed-note keeps it.
          """,
        arguments: [Positional("NAME", "the name that stands beside the signatures")],
        options: [
          .value(
            "out", "FILE", "where the private key is kept", kind: .file,
            default: "the last part of NAME with .key behind it")
        ]),
      Command(
        "show", summary: "print the public key of a private one",
        arguments: [Positional("FILE", "the file of the private key", kind: .file)]),
    ])
}

extension Context {
  func runKey() throws(Failure) -> ExitCode {
    parsed.path.last == "generate" ? try generateKey() : try showKey()
  }

  private func generateKey() throws(Failure) -> ExitCode {
    let name = parsed.argument("NAME") ?? ""
    let key = try proving { () throws(ProofError) in
      try SignerKey(name: name, seed: randomIdentity() + randomIdentity())
    }
    let path = parsed.value("out") ?? (name.split(separator: "/").last.map { $0 + ".key" } ?? "")
    guard !path.isEmpty else { throw Failure(.usage, "say with --out where the key is kept") }
    do throws(SecretFile.Failure) {
      try SecretFile.create(Array(key.fileText.utf8), at: path)
    } catch { throw Failure(error) }
    messages.note("kept the private key in \(path)")
    return try print(key.verifier)
  }

  private func showKey() throws(Failure) -> ExitCode {
    try print(try signerKey(parsed.argument("FILE") ?? "").verifier)
  }

  private func print(_ key: VerifierKey) throws(Failure) -> ExitCode {
    try printing { () throws(OutputError) in try output.line(key.description) }
    return .clean
  }

  /// Reads a private key.
  func signerKey(_ path: String) throws(Failure) -> SignerKey {
    let bytes: [UInt8]
    do throws(SecretFile.Failure) { bytes = try SecretFile.read(path) } catch {
      throw Failure(error)
    }
    return try proving { () throws(ProofError) in
      do throws(ProofError) {
        return try SignerKey(fileText: String(decoding: bytes, as: UTF8.self))
      } catch {
        guard case .malformed(let what) = error else { throw error }
        throw .malformed("\(path): \(what)")
      }
    }
  }

  /// The public keys of `--vkey` and `--vkey-file`, each once.
  func verifierKeys() throws(Failure) -> [VerifierKey] {
    var texts = parsed.values("vkey")
    for path in parsed.values("vkey-file") {
      let lines = String(decoding: try read(path), as: UTF8.self).split(separator: "\n")
        .map { String($0.trimmingSpaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
      guard !lines.isEmpty else { throw Failure(.refused, "\(path) holds no public key") }
      texts += lines
    }
    var keys: [VerifierKey] = []
    for text in texts {
      let key = try proving { () throws(ProofError) in
        do throws(ProofError) { return try VerifierKey(text) } catch {
          throw .malformed("'\(text)' is no public key: \(error.message)")
        }
      }
      if !keys.contains(key) { keys.append(key) }
    }
    return keys
  }
}

extension Failure {
  fileprivate init(_ error: SecretFile.Failure) {
    switch error {
    case .disk(let disk): self.init(disk)
    case .exposed(let path, let mode):
      self.init(
        .refused,
        "\(path) is a private key that others may use (mode 0\(String(mode, radix: 8))): run chmod 600, and "
          + "make a new key if others could read it")
    case .exists(let path):
      self.init(.refused, "\(path) exists already; a key is never replaced")
    }
  }

  init(_ error: ProofError) { self.init(.refused, error.message) }
}

/// Runs something about proofs and tells its error as a command's.
func proving<Value>(_ body: () throws(ProofError) -> Value) throws(Failure) -> Value {
  do throws(ProofError) { return try body() } catch { throw Failure(error) }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var rest = drop { $0.isWhitespace }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}
