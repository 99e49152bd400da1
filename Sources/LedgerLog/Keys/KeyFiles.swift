internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

extension LogLayout {
  /// The file of the keys of `sequences`.
  func keys(_ sequences: ClosedRange<Int64>) -> String {
    history + "/" + LogLayout.sortable(sequences.lowerBound) + "-"
      + LogLayout.sortable(sequences.upperBound) + ".keys"
  }
}

extension LogReader {
  static let keysEnding = ".keys"

  /// The files of keys of the log's first entries, and the paths of others, which mean nothing.
  func keyFiles() -> (files: [KeyFile], others: [String]) {
    let names = (try? disk.list(layout.history)) ?? []
    var others = Set(
      names.filter {
        $0.hasSuffix(LogReader.keysEnding) || $0.hasSuffix(LogReader.keysEnding + ".new")
      }.map { layout.history + "/" + $0 })
    var files: [KeyFile] = []
    while let next = keyFile(from: (files.last?.header.sequences.upperBound ?? 0) + 1, names) {
      others.remove(layout.keys(next.header.sequences))
      files.append(next)
    }
    return (files, others.sorted())
  }

  /// The file that begins with `first` and reaches farthest.
  private func keyFile(from first: Int64, _ names: [String]) -> KeyFile? {
    let beginning = LogLayout.sortable(first) + "-"
    for name in names.reversed()
    where name.hasPrefix(beginning) && name.hasSuffix(LogReader.keysEnding) {
      let path = layout.history + "/" + name
      if let file = try? keyFile(path), layout.keys(file.header.sequences) == path,
        (try? isOfThisLog(file.header)) == true
      {
        return file
      }
    }
    return nil
  }

  /// - Throws: `LogError.damaged` where it has no header.
  func keyFile(_ path: String) throws(LogError) -> KeyFile {
    let file = try reaching { () throws(DiskError) in try disk.open(path, .read) }
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in
      try file.read(at: 0, count: KeyFile.headerByteCount, into: &bytes)
    }
    let header: KeyFile.Header
    do throws(Malformed) { header = try KeyFile.Header(bytes) } catch {
      throw .damaged(Damage(.rotten, file: path, offset: error.offset, error.what))
    }
    return try reaching { () throws(DiskError) in try KeyFile(file, header) }
  }

  /// Whether a file was made of this log's entries: its last ones are here.
  func isOfThisLog(_ header: KeyFile.Header) throws(LogError) -> Bool {
    guard header.ledger == manifest.id, header.sequences.upperBound <= head else { return false }
    var batch = EntryBatch()
    func load(_ sequence: Int64) throws(LogError) -> Int? {
      if sequence < batch.firstSequence || sequence >= batch.nextSequence {
        guard let block = map.block(of: sequence) else { return nil }
        var cursor = BlockCursor(reader: self, block..<block + 1, keepsTexts: false)
        guard try cursor.next(into: &batch) != nil else { return nil }
      }
      return Int(sequence - batch.firstSequence)
    }
    guard let row = try load(header.sequences.upperBound),
      EntryWitness(batch, row).value == header.witness
    else { return false }
    guard header.lastKeyed > 0 else { return true }
    guard let place = try load(header.lastKeyed),
      let keyed = batch.keys.first(where: { $0.row == place })
    else { return false }
    return EntryWitness(header.lastKeyed, keyed.key, fingerprint: keyed.fingerprint).value
      == header.keyWitness
  }
}
