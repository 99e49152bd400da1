package import LedgerCore
internal import LedgerFormat

/// Something about a ledger that can be checked without it, together with the checkpoint that it follows from.
package struct Proof: Hashable, Sendable {
  package enum Claim: Hashable, Sendable {
    /// The canonical bytes of the entry of a sequence.
    case entry(sequence: Int64, bytes: [UInt8], path: [[UInt8]])
    /// The ledger of the older checkpoint is the beginning of that of the newer one.
    case consistency(old: SignedNote, path: [[UInt8]])
    /// What a host's counters were, or that there was no such host.
    case host(Name, HostProof)
  }

  /// A checkpoint, signed or not.
  package var note: SignedNote
  package var claim: Claim

  package init(note: SignedNote, claim: Claim) {
    self.note = note
    self.claim = claim
  }

  /// What a proof shows.
  package struct Outcome: Hashable, Sendable {
    package enum Shown: Hashable, Sendable {
      case entry(Entry)
      case consistency(old: Checkpoint)
      case present(HostLeaf)
      case absent(Name)
    }

    package var shown: Shown
    package var checkpoint: Checkpoint
    /// Those of the keys that were asked for; all of them have signed the checkpoint.
    package var signers: [VerifierKey]
  }

  /// Checks the proof and says what it shows.
  ///
  /// `keys`: each of them must have signed the checkpoint. `trusted`: where given, the checkpoint must be that one; for
  /// consistency one of the two.
  /// - Throws: `ProofError.invalid` where the proof is not true or nobody of `keys` vouches for it.
  package func check(
    keys: [VerifierKey], trusted: SignedNote?
  ) throws(ProofError) -> Outcome {
    let checkpoint = try Checkpoint(note.text)
    var note = note
    if let trusted {
      var known = [note.text]
      if case .consistency(let old, _) = claim { known.append(old.text) }
      guard known.contains(trusted.text) else {
        throw .invalid("the proof belongs to another checkpoint than the one given")
      }
      if trusted.text == note.text { for signature in trusted.signatures { note.add(signature) } }
    }
    let shown = try shown(under: checkpoint)
    let signers = try note.signers(among: keys)
    if let missing = keys.first(where: { !signers.contains($0) }) {
      throw .invalid("the checkpoint is not signed by \(missing.name)")
    }
    return Outcome(shown: shown, checkpoint: checkpoint, signers: signers)
  }

  private func shown(under checkpoint: Checkpoint) throws(ProofError) -> Outcome.Shown {
    switch claim {
    case .entry(let sequence, let bytes, let path):
      guard sequence >= 1,
        TreeVerifier.includes(
          Merkle.leaf(bytes), at: sequence - 1, size: checkpoint.size, path: path,
          root: checkpoint.root)
      else { throw .invalid("the entry is not in the tree of the checkpoint") }
      return .entry(try Proof.entry(bytes, sequence))
    case .consistency(let note, let path):
      let old = try Checkpoint(note.text)
      guard old.ledger == checkpoint.ledger else {
        throw .invalid("the two checkpoints are of different ledgers")
      }
      guard
        TreeVerifier.isConsistent(
          old: old.size, old.root, new: checkpoint.size, checkpoint.root, path: path)
      else { throw .invalid("the older checkpoint is not the beginning of the newer one") }
      return .consistency(old: old)
    case .host(let host, let proof):
      guard proof.root(for: host) == checkpoint.hostsRoot else {
        throw .invalid("the counters are not those of the checkpoint's map of hosts")
      }
      if case .present(let leaf) = proof.finding { return .present(leaf) }
      return .absent(host)
    }
  }

  /// The entry of canonical bytes, which must be of this sequence.
  private static func entry(_ bytes: [UInt8], _ sequence: Int64) throws(ProofError) -> Entry {
    let span = bytes.span
    var reader = ByteReader(0..<bytes.count)
    do throws(Malformed) {
      let length = try reader.fixed(UInt32.self, span)
      let own = try reader.fixed(UInt64.self, span)
      let recorded = try reader.fixed(UInt64.self, span)
      guard Int(length) == bytes.count - 4, own == UInt64(sequence) else {
        throw Malformed("they are of another sequence", at: 4)
      }
      return Entry(
        sequence: sequence, recorded: Timestamp(microseconds: Int64(bitPattern: recorded)),
        fact: try FactCodec.fact(span, reader.offset..<bytes.count))
    } catch { throw .invalid("the bytes of the entry: \(error.what)") }
  }
}
