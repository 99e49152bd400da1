internal import LedgerFormat

/// What a ledger was at one sequence: the text of a C2SP tlog-checkpoint.
///
///     ORIGIN                    who says so
///     SIZE                      the sequence of the last entry, in decimal
///     ROOT                      the root of the tree over all entries, Base 64
///     ledger ID                 the ledger's id, hexadecimal
///     chain SEQUENCE LINK       the chain's link after the last commit that ended by then, hexadecimal
///     hosts ROOT                the root of the map of hosts at that sequence, Base 64
package struct Checkpoint: Hashable, Sendable {
  package var origin: String
  package var size: Int64
  package var root: [UInt8]
  package var ledger: [UInt8]
  package var chainSequence: Int64
  package var link: [UInt8]
  package var hostsRoot: [UInt8]

  package init(
    origin: String, size: Int64, root: [UInt8], ledger: [UInt8], chainSequence: Int64,
    link: [UInt8], hostsRoot: [UInt8]
  ) {
    self.origin = origin
    self.size = size
    self.root = root
    self.ledger = ledger
    self.chainSequence = chainSequence
    self.link = link
    self.hostsRoot = hostsRoot
  }

  package var text: String {
    """
    \(origin)
    \(size)
    \(Base64.text(of: root))
    ledger \(hex(ledger))
    chain \(chainSequence) \(hex(link))
    hosts \(Base64.text(of: hostsRoot))

    """
  }

  /// Reads the text of a note; lines behind those that are known are passed over.
  package init(_ text: String) throws(ProofError) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    guard lines.count >= 3, lines.allSatisfy({ !$0.isEmpty }),
      let size = Checkpoint.number(lines[1]), let root = Checkpoint.hash(lines[2])
    else { throw .malformed("the note is no checkpoint: origin, size and root are missing") }
    func words(_ name: String, _ count: Int) -> [Substring]? {
      let found = lines.dropFirst(3).map { $0.split(separator: " ") }.filter {
        $0.first == name[...]
      }
      return found.count == 1 && found[0].count == count + 1 ? Array(found[0].dropFirst()) : nil
    }
    guard let ledger = words("ledger", 1).flatMap({ unhex($0[0], 16) }),
      let chain = words("chain", 2), let chainSequence = Checkpoint.number(chain[0]),
      chainSequence <= size, let link = unhex(chain[1], SHA256.byteCount),
      let hostsRoot = words("hosts", 1).flatMap({ Checkpoint.hash($0[0]) })
    else { throw .malformed("the checkpoint is not one of a ledger: a line is missing or wrong") }
    self.init(
      origin: String(lines[0]), size: size, root: root, ledger: ledger,
      chainSequence: chainSequence, link: link, hostsRoot: hostsRoot)
    let known = lines.prefix(6).map({ $0 + "\n" }).joined()
    guard self.text == known else {
      throw .malformed("the checkpoint's lines are not in their order")
    }
  }

  /// A whole number without a sign or leading zeros.
  private static func number(_ text: Substring) -> Int64? {
    Int64(text).flatMap { $0 >= 0 && String($0) == text ? $0 : nil }
  }

  private static func hash(_ text: Substring) -> [UInt8]? {
    Base64.bytes(of: text).flatMap { $0.count == Merkle.hashByteCount ? $0 : nil }
  }
}

/// The bytes of exactly `count` pairs of lower-case hexadecimal digits.
private func unhex(_ text: Substring, _ count: Int) -> [UInt8]? {
  let digits = text.compactMap(\.hexDigitValue)
  guard digits.count == 2 * count else { return nil }
  let bytes = (0..<count).map { UInt8(digits[2 * $0] * 16 + digits[2 * $0 + 1]) }
  return hex(bytes) == text ? bytes : nil
}
