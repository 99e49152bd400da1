internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Writes a file of keys whose records come in their order; memory is that of the filter and a few pages.
struct KeyFileWriter {
  private static let pendingByteCountMax = 1 << 20

  private let file: any DiskFile
  private var offset = KeyFile.headerByteCount
  private var pending = ByteWriter()
  private var page = RecordPage(hasNotes: false)
  private var directory = PageDirectory()
  private var filter: KeyFilter
  private var count = 0

  /// Begins the file at `path`, of at most `count` keys.
  init(_ path: String, _ disk: any Disk, count: Int) throws(DiskError) {
    file = try disk.open(path, .updateOrCreate)
    try file.resize(to: 0)
    filter = KeyFilter(count: count)
  }

  mutating func add(_ key: UInt64, row: UInt32) throws(DiskError) {
    if page.isFull { try endPage() }
    page.add(key, row: row)
    filter.insert(key)
    count += 1
  }

  private mutating func endPage() throws(DiskError) {
    guard page.count > 0 else { return }
    let start = pending.bytes.count
    page.write(to: &pending)
    let range = start..<pending.bytes.count
    let checksum = CRC32C.of(pending.bytes.span, range)
    directory.add(byteCount: range.count, checksum: checksum, from: page.firstKey)
    page.begin()
    if pending.bytes.count >= KeyFileWriter.pendingByteCountMax { try writePending() }
  }

  private mutating func writePending() throws(DiskError) {
    try file.write(pending.bytes, at: offset)
    offset += pending.bytes.count
    pending = ByteWriter()
  }

  /// Completes the file, which is not durable yet.
  ///
  /// `keyed`: the witness of the last key; nil where there is none.
  mutating func finish(
    ledger: [UInt8], from first: Int64, to last: EntryWitness, keyed: EntryWitness?
  ) throws(DiskError) -> KeyFile {
    try endPage()
    pending.put(directory.bytes)
    pending.put(filter.bytes)
    try writePending()
    let header = KeyFile.Header(
      ledger: ledger, sequences: first...last.sequence, witness: last.value,
      lastKeyed: keyed?.sequence ?? 0, keyWitness: keyed?.value ?? 0, count: count,
      pages: directory.place(at: KeyFile.headerByteCount), filterByteCount: filter.bytes.count,
      filterChecksum: CRC32C.of(filter.bytes))
    try file.write(header.bytes, at: 0)
    return try KeyFile(file, header, filter)
  }
}

extension KeyFileWriter {
  /// The file of all records of `parts`, which follow each other; memory is that of the filter and a page of each.
  consuming func merging(
    _ parts: [KeyFile], _ finish: (inout KeyFileWriter) throws(DiskError) -> KeyFile
  ) throws(LogError) -> KeyFile {
    var writer = self
    let first = parts[0].header.sequences.lowerBound
    var cursors = parts.map { (cursor: $0.run.cursor, start: $0.header.sequences.lowerBound) }
    var heads: [(key: UInt64, row: UInt32)?] = []
    func next(_ index: Int) throws(LogError) -> (key: UInt64, row: UInt32)? {
      guard let found = try cursors[index].cursor.record() else { return nil }
      let distance = UInt32(truncatingIfNeeded: cursors[index].start - first)
      return (found.key, found.record.row &+ distance)
    }
    for index in cursors.indices { heads.append(try next(index)) }
    while true {
      var least: (key: UInt64, row: UInt32)?
      var place = 0
      for index in heads.indices {
        if let head = heads[index], head.key < least?.key ?? UInt64.max {
          least = head
          place = index
        }
      }
      guard let least else { break }
      try reaching { () throws(DiskError) in try writer.add(least.key, row: least.row) }
      heads[place] = try next(place)
    }
    return try reaching { () throws(DiskError) in try finish(&writer) }
  }
}
