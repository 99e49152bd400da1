internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerProofs
internal import LedgerText

extension Context {
  /// The progress in a file; nil where there is none yet.
  func readProgress(_ path: String) throws(Failure) -> Verification.Progress? {
    do throws(DiskError) { guard try disk.exists(path) else { return nil } } catch {
      throw Failure(error)
    }
    let bytes = try read(path)
    guard let value = try? JSONValue(bytes), let sequence = value["sequence"]?.integer,
      let chain = value["chain"]?.string.flatMap(digest(hex:)), chain.count == SHA256.byteCount
    else { throw Failure(.unreadable, "\(path) does not hold the progress of a verification") }
    // Without a tree, as earlier programs left it, the verification begins anew.
    guard let size = value["tree"]?["sequence"]?.integer,
      let texts = value["tree"]?["rows"]?.elements,
      let tree = TreeRows(
        size: size, rows: texts.compactMap { $0.string.flatMap { Base64.bytes(of: $0) } })
    else { return nil }
    return Verification.Progress(sequence: sequence, link: chain, tree: tree)
  }

  func writeProgress(
    _ progress: Verification.Progress, _ path: String
  ) throws(Failure) {
    var json = JSONWriter()
    json.beginObject()
    json.key("schema")
    json.string("allocledger.verify-progress/1")
    json.key("sequence")
    json.integer(progress.sequence)
    json.key("chain")
    json.string(hex(progress.link))
    json.key("tree")
    json.beginObject()
    json.key("sequence")
    json.integer(progress.tree.size)
    json.key("rows")
    json.beginArray()
    for row in progress.tree.rows { json.string(Base64.text(of: row)) }
    json.endArray()
    json.endObject()
    json.endObject()
    json.endLine()
    try write(json.bytes, to: path)
  }
}
