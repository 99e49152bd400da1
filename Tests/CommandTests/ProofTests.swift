import Foundation
import Testing

@Suite("Checkpoints and proofs")
struct ProofTests {
  @Test("an independent reader of the formats accepts signatures and every kind of proof")
  func independentReader() throws {
    let notary = try Notary(entries: 600)
    try notary.sign("--at", "seq:300")
    try notary.sign()
    var paths: [String] = []
    for sequence in [1, 2, 256, 257, 300, 512, 513, 599, 600] {
      paths.append(try notary.prove("entry", "\(sequence)", to: "entry-\(sequence).json"))
    }
    for old in [0, 1, 2, 256, 299, 300, 512, 599, 600] {
      paths.append(try notary.prove("consistency", "\(old)", to: "from-\(old).json"))
    }
    for id in ["h1", "h2", "h3", "nowhere"] {
      paths.append(try notary.prove("host", id, to: "host-\(id).json"))
    }
    paths.append(try notary.prove("host", "h1", "--at", "seq:300", to: "then.json"))
    let ended = try python(notary.vkey, paths)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.lines.count == paths.count)
    #expect(ended.lines.contains("host h3 absent at 600"))
    #expect(ended.lines.last == "host h1 present at 300")
    for path in paths {
      let checked = try notary.check(path)
      #expect(checked.status == 0, "\(path): \(checked.errors)")
    }
    // It is not for want of looking: a changed hash is noticed there too.
    let changed = String(decoding: try contents(paths[3]), as: UTF8.self)
      .replacing("\"path\":[\"A", with: "\"path\":[\"B")
      .replacing("\"entry\":\"", with: "\"entry\":\"AAAA")
    let forged = try python(notary.vkey, [try notary.ledger.scratch.write(changed, to: "forged")])
    #expect(forged.status != 0)
  }

  private func python(_ vkey: String, _ paths: [String]) throws -> Ended {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("tools/verify_proof.py").path
    return try Program(path: "/usr/bin/env").run(["python3", script, vkey] + paths)
  }

  @Test("what was proved is said in one sentence")
  func sentences() throws {
    let notary = try Notary(entries: 5)
    try notary.sign()
    let entry = try notary.check(try notary.prove("entry", "3"))
    #expect(entry.output.contains("entry 3 of ledger "))
    #expect(entry.output.contains("at sequence 5 is: node_created, node n3, host h1"))
    #expect(entry.output.hasSuffix("; signed by example.com/fleet\n"))
    let host = try notary.check(try notary.prove("host", "h1"))
    #expect(
      host.output.contains(
        "had at sequence 5 3 nodes, 30 millicores, 3 bytes of memory, 3 bytes of disk"))
    let none = try notary.check(try notary.prove("host", "h9"))
    #expect(none.output.contains("had at sequence 5 no host h9"))
    let json = try JSON(try notary.check(try notary.prove("host", "h1"), "-o", "json").output)
    #expect(json["valid"].bool == true)
    #expect(counterText(json["counters"]) == "3/30/3/3")
  }

  @Test("the empty ledger has the root of no leaves, and no hosts")
  func empty() throws {
    let notary = try Notary(Ledger())
    let lines = try notary.sign().split(separator: "\n")
    #expect(lines[1] == "0")
    #expect(lines[2] == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    #expect(try notary.check(try notary.prove("host", "h1")).status == 0)
    try notary.ledger.verified()
    let entry = try notary.ledger.run("prove", "entry", "1")
    #expect(entry.status == 64, "\(entry.errors)")
    try notary.ledger.record([host("h1")])
    try notary.ledger.verified()
    #expect(try notary.check(try notary.prove("consistency", "0", "1")).status == 6)
    try notary.sign()
    #expect(try notary.check(try notary.prove("consistency", "0", "1")).status == 0)
  }

  @Test("a checkpoint is the same whatever the cache, and whenever it is made")
  func deterministic() throws {
    let notary = try Notary(entries: 700)
    let early = try notary.sign("--at", "seq:450")
    let late = try notary.sign()
    try FileManager.default.removeItem(atPath: notary.ledger.path + "/tree")
    #expect(try notary.sign("--at", "seq:450") == early)
    #expect(try notary.sign() == late)
    let listed = try notary.ledger.run("checkpoint", "list", "-o", "csv").output
    #expect(listed.components(separatedBy: "\r\n").count == 4)
  }

  @Test("a grown ledger needs only its new entries hashed")
  func incremental() throws {
    let notary = try Notary(entries: 700)
    func hashed() throws -> String {
      let made = try notary.ledger.run("checkpoint", "-v", "--key", notary.key)
      return made.errors.split(separator: "\n").first { $0.contains("hashed") }.map(String.init)
        ?? ""
    }
    #expect(try hashed().contains("hashed 700 entries"))
    #expect(try hashed().contains("hashed 0 entries"))
    try notary.grow(from: 701, to: 750)
    #expect(try hashed().contains("hashed 50 entries"))
  }

  @Test("a truncated or changed proof is refused, wherever it is changed")
  func changedProofs() throws {
    let notary = try Notary(entries: 300)
    try notary.sign()
    for proof in [
      try notary.prove("entry", "77", to: "a"), try notary.prove("host", "h2", to: "b"),
      try notary.prove("host", "h7", to: "c"), try notary.prove("consistency", "123", to: "d"),
    ] {
      let bytes = try contents(proof)
      #expect(try notary.check(proof).status == 0)
      for part in 1..<8 {
        let place = bytes.count * part / 8
        let cut = try notary.ledger.scratch.write(Array(bytes[..<place]), to: "changed")
        #expect(try notary.check(cut).status == 6)
        var changed = bytes
        changed[place] = changed[place] == 0x41 ? 0x42 : 0x41
        let path = try notary.ledger.scratch.write(changed, to: "changed")
        let ended = try notary.check(path)
        // A changed byte of what the proof does not rest on, such as the older checkpoint's origin, is not noticed.
        #expect(ended.status == 6 || ended.status == 0 && proof.hasSuffix("d"), "\(ended.output)")
      }
    }
    #expect(try notary.check(notary.ledger.scratch.file("nowhere")).status == 4)
    #expect(try notary.check(try notary.ledger.scratch.write("{}", to: "x")).status == 6)
  }

  @Test("the wrong key, no signature, and signatures by others")
  func keys() throws {
    let notary = try Notary(entries: 20)
    let other = try Notary(notary.ledger, "example.com/witness")
    let unsigned = try notary.prove("entry", "3", to: "unsigned")
    let refused = try notary.check(unsigned)
    #expect(refused.status == 6)
    #expect(refused.errors.contains("not signed by example.com/fleet"))
    let unasked = try Program.allocledger.run(["verify-proof", unsigned])
    #expect(unasked.status == 0)
    #expect(unasked.errors.contains("no key and no checkpoint was given"))

    try notary.sign()
    let proof = try notary.prove("entry", "3")
    #expect(try other.check(proof).status == 6)
    #expect(try notary.check(proof).status == 0)
    // A second signature joins the first; one alone suffices who asks for one.
    let both = try other.sign("--origin", "example.com/fleet")
    #expect(both.components(separatedBy: "\u{2014} ").count == 2)
    let joined = try notary.prove("entry", "3")
    #expect(try notary.check(joined).status == 0)
    #expect(try other.check(joined).status == 0)
    #expect(try other.check(joined, "--vkey", notary.vkey).status == 0)
    let file = try notary.ledger.scratch.write(
      "# keys\n\(notary.vkey)\n\n\(other.vkey)\n", to: "keys")
    let asked = try Program.allocledger.run(["verify-proof", joined, "--vkey-file", file])
    #expect(asked.output.contains("signed by example.com/fleet, example.com/witness"))
    let wrong = try Program.allocledger.run(["verify-proof", joined, "--vkey", "nonsense"])
    #expect(wrong.status == 6)
  }

  @Test("a proof is one of its own ledger and checkpoint alone")
  func otherLedger() throws {
    let notary = try Notary(entries: 20)
    let note = try notary.ledger.scratch.write(try notary.sign(), to: "note")
    let stranger = try Notary(entries: 20)
    let foreign = try stranger.ledger.scratch.write(try stranger.sign(), to: "note")
    let proof = try notary.prove("entry", "3")
    #expect(try notary.check(proof, "--checkpoint", note).status == 0)
    let ended = try notary.check(proof, "--checkpoint", foreign)
    #expect(ended.status == 6)
    #expect(ended.errors.contains("another checkpoint"))
    #expect(try notary.ledger.run("prove", "entry", "3", "--checkpoint", foreign).status == 6)
    #expect(try notary.ledger.run("prove", "consistency", foreign).status == 6)
    #expect(try notary.ledger.run("verify", "--checkpoint", foreign).status == 6)
  }

  @Test("keys are kept from others, and nothing that exists is replaced")
  func keyFiles() throws {
    let notary = try Notary(entries: 3)
    let attributes = try FileManager.default.attributesOfItem(atPath: notary.key)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(try notary.ledger.run("key", "show", notary.key).lines == [notary.vkey])
    let secret =
      String(decoding: try contents(notary.key), as: UTF8.self)
      .split(separator: "+").last.map(String.init) ?? ""
    for arguments in [
      ["key", "show", notary.key], ["checkpoint", "-v", "--key", notary.key],
      ["key", "generate", "x", "--out", notary.key],
    ] {
      let ended = try notary.ledger.run(arguments)
      #expect(!(ended.output + ended.errors).contains(secret.dropLast()))
      if arguments[1] == "generate" { #expect(ended.status == 6) }
    }
    let missing = try notary.ledger.run("checkpoint", "--key", "nowhere.key")
    #expect(missing.status == 4)
    let noKey = try notary.ledger.scratch.write("PRIVATE+KEY+a+b", to: "no.key")
    for mode in [0o644, 0o640, 0o604] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: notary.key)
      let exposed = try notary.ledger.run("checkpoint", "--key", notary.key)
      #expect(exposed.status == 6)
      #expect(exposed.errors.contains("chmod 600"))
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: noKey)
    #expect(try notary.ledger.run("checkpoint", "--key", noKey).status == 6)
    for name in ["", "a b", "a+b", "a\u{7}b"] {
      let ended = try notary.ledger.run("key", "generate", name, "--out", "unused.key")
      #expect(ended.status == 6, "\(name)")
    }
  }
}
