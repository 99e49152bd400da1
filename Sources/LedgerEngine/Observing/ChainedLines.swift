internal import LedgerFormat
package import LedgerPorts
package import LedgerText

/// A file of JSON objects, one a line, that only grows.
///
/// Every line is sealed with a checksum. Its first member, `previous`, is the SHA-256 of the bytes of the line before
/// it, and on the first line that of the ledger's id: lines cannot be changed, taken out, put in or moved to another
/// ledger without it being seen. What is cut from the end is not seen.
///
/// A line that a crash left half written was never acknowledged. It stays where it is, and the next one follows it.
package struct ChainedLines {
  private let path: String
  private let disk: any Disk
  private let origin: [UInt8]

  /// The file at `path`, which need not exist, of the ledger with this id.
  package init(path: String, ledger id: [UInt8], disk: any Disk) {
    self.path = path
    self.disk = disk
    origin = id
  }

  /// Where a file is not what was written.
  package struct Damage: Hashable, Sendable {
    /// The line, from 1.
    package var line: Int
    /// Where the line begins, in bytes.
    package var offset: Int
    /// Whether the line is the last one and was never completed.
    package var isTorn: Bool
  }

  /// The objects of all lines that are what was written, in the order of the file.
  package func read() throws(ReconcileError) -> [JSONValue] { objects(try bytes()) }

  /// What is known of the end of a file: it only grows, so that one as long as this holds nothing else.
  package struct End: Hashable, Sendable {
    fileprivate var byteCount: Int
    /// The digest of the last line.
    fileprivate var link: [UInt8]
  }

  /// Appends objects and makes them durable; other processes wait meanwhile.
  ///
  /// - Parameters:
  ///   - known: the end that was returned last; where it is still the end, the file is not read again.
  ///   - wait: called between looks at a file that another process holds; false gives up.
  ///   - build: gets what the file holds, nil where it ends as is `known`, and returns, for each new line, what writes its members.
  /// - Returns: the end now.
  /// - Throws: `ReconcileError.refused` while another process holds the file, or what `build` throws.
  @discardableResult
  package func append(
    after known: End? = nil, wait: () -> Bool,
    _ build: ([JSONValue]?) throws(ReconcileError) -> [(inout JSONWriter) -> Void]
  ) throws(ReconcileError) -> End {
    let file = try reaching { () throws(DiskError) in try disk.open(path, .updateOrCreate) }
    while try !reaching({ () throws(DiskError) in try file.lock() }) {
      guard wait() else { throw .refused("another process holds \(path)") }
    }
    let byteCount = try reaching { () throws(DiskError) in try file.byteCount() }
    var added: [UInt8] = []
    var previous: [UInt8]
    let new: [(inout JSONWriter) -> Void]
    if let known, known.byteCount == byteCount {
      previous = known.link
      new = try build(nil)
    } else {
      var old: [UInt8] = []
      try reaching { () throws(DiskError) in
        try file.read(at: 0, count: byteCount, into: &old)
      }
      if !old.isEmpty, old.last != 0x0A { added = [0x0A] }
      previous = link(afterLastOf: old)
      new = try build(objects(old))
      // What a crash left half written stays the end for who has nothing to add.
      if new.isEmpty, !added.isEmpty { return End(byteCount: -1, link: previous) }
    }
    if new.isEmpty { return End(byteCount: byteCount, link: previous) }
    for members in new {
      let line = sealed(members, previous)
      added += line + [0x0A]
      previous = SHA256.digest(line)
    }
    try reaching { () throws(DiskError) in
      try file.write(added, at: byteCount)
      try file.sync()
    }
    return End(byteCount: byteCount + added.count, link: previous)
  }

  /// The first line that is not what was written, or nil.
  package func check() throws(ReconcileError) -> Damage? {
    let bytes = try bytes()
    var previous = SHA256.digest(origin)
    var unsealed: Damage?
    var damage: Damage?
    ChainedLines.eachLine(bytes) { line, offset, number, isWhole in
      if damage != nil { return }
      let isIntact = isWhole && SealedLine.isIntact(line)
      if isIntact {
        let links = (try? JSONValue(Array(line)))?["previous"]?.string == hex(previous)
        // A line that was left half written is known by the one that follows it.
        if !links { damage = unsealed ?? Damage(line: number, offset: offset, isTorn: false) }
        unsealed = nil
      } else {
        if let unsealed { damage = unsealed }
        unsealed = Damage(line: number, offset: offset, isTorn: !isWhole)
      }
      previous = SHA256.digest(Array(line))
    }
    return damage ?? unsealed
  }

  private func sealed(_ members: (inout JSONWriter) -> Void, _ previous: [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("previous")
    writer.string(hex(previous))
    members(&writer)
    writer.endObject()
    return SealedLine.of(writer.bytes)
  }

  private func link(afterLastOf bytes: [UInt8]) -> [UInt8] {
    var last: ArraySlice<UInt8>?
    ChainedLines.eachLine(bytes) { line, _, _, _ in last = line }
    return SHA256.digest(last.map { Array($0) } ?? origin)
  }

  private func objects(_ bytes: [UInt8]) -> [JSONValue] {
    var objects: [JSONValue] = []
    ChainedLines.eachLine(bytes) { line, _, _, isWhole in
      guard isWhole, SealedLine.isIntact(line), let object = try? JSONValue(Array(line)) else {
        return
      }
      objects.append(object)
    }
    return objects
  }

  private func bytes() throws(ReconcileError) -> [UInt8] {
    try reaching { () throws(DiskError) in
      var bytes: [UInt8] = []
      guard try disk.exists(path) else { return bytes }
      let file = try disk.open(path, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
      return bytes
    }
  }

  private static func eachLine(
    _ bytes: [UInt8],
    _ body: (_ line: ArraySlice<UInt8>, _ offset: Int, _ number: Int, _ isWhole: Bool) -> Void
  ) {
    var offset = 0
    var number = 1
    while offset < bytes.count {
      let end = bytes[offset...].firstIndex(of: 0x0A)
      body(bytes[offset..<(end ?? bytes.count)], offset, number, end != nil)
      offset = (end ?? bytes.count) + 1
      number += 1
    }
  }
}

func reaching<Value>(_ body: () throws(DiskError) -> Value) throws(ReconcileError) -> Value {
  do throws(DiskError) { return try body() } catch { throw .disk(error) }
}
