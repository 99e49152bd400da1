internal import LedgerCore
internal import LedgerFormat

/// What postings of later entries need to know of the entries before them: who created the node in each slot, and the
/// host that it is on.
///
///     offset  size  field
///     0       8     magic "ALLOCTRL"
///     8       2     version, 1
///     10      2     zero
///     12      16    id of the ledger
///     28      8     sequence of the last entry
///     36      4     the log's mark after that entry's block (`LogMap.mark`)
///     40      4     CRC-32C of the body
///     44      4     CRC-32C of bytes 0..<44
///     48            body: ids of hosts, pools and containers (lists of names), free node slots, creating
///                   sequences and host slots plus one (columns)
struct NodeTrail {
  static let headerByteCount = 48
  private static let magic = Array("ALLOCTRL".utf8)
  private static let version: UInt16 = 1

  var registry = Registry(keepsNodeNames: false)
  /// The sequence of the entry that opened each node slot last.
  var creators: [Int64] = []
  /// The host of the node in each slot; `Slot.none` where there is no node or it is not placed.
  var hosts: [UInt32] = []

  init() {}

  /// Makes room for every slot of the registry.
  mutating func grow() {
    let count = Int(registry.nodeSlotCount)
    guard creators.count < count else { return }
    creators.append(contentsOf: repeatElement(0, count: count - creators.count))
    hosts.append(contentsOf: repeatElement(Slot.none, count: count - hosts.count))
  }

  // MARK: - Bytes

  func bytes(ledger: [UInt8], sequence: Int64, mark: UInt32) -> [UInt8] {
    var body = ByteWriter()
    for names in [registry.hostNames, registry.poolNames, registry.containerNames] {
      NameList.put(names, .planes, to: &body)
    }
    body.put(column: registry.freeNodeSlots.map { UInt64($0) })
    body.put(column: creators.map { UInt64(bitPattern: $0) })
    body.put(column: hosts.map { UInt64($0 &+ 1) })
    var writer = ByteWriter()
    writer.put(NodeTrail.magic)
    writer.put(fixed: NodeTrail.version)
    writer.put(fixed: UInt16(0))
    writer.put(ledger)
    writer.put(fixed: UInt64(bitPattern: sequence))
    writer.put(fixed: mark)
    writer.put(fixed: CRC32C.of(body.bytes))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(body.bytes)
    return writer.bytes
  }

  /// Which entries a trail is of.
  struct Header {
    var ledger: [UInt8]
    var sequence: Int64
    var mark: UInt32
    fileprivate var checksum: UInt32

    init(_ bytes: [UInt8]) throws(Malformed) {
      let span = bytes.span
      guard bytes.count >= NodeTrail.headerByteCount, Array(bytes[0..<8]) == NodeTrail.magic else {
        throw Malformed("this is not a trail of nodes", at: 0)
      }
      var reader = ByteReader(8..<NodeTrail.headerByteCount)
      guard try reader.fixed(UInt16.self, span) == NodeTrail.version,
        try reader.fixed(UInt16.self, span) == 0
      else { throw Malformed("the version is unknown", at: 8) }
      ledger = Array(bytes[try reader.skip(16)])
      sequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      mark = try reader.fixed(UInt32.self, span)
      checksum = try reader.fixed(UInt32.self, span)
      guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<44), sequence >= 1 else {
        throw Malformed("the header's checksum is wrong", at: 0)
      }
    }
  }

  /// A trail from the bytes of its file.
  init(_ bytes: [UInt8], _ header: Header) throws(Malformed) {
    let count = bytes.count - NodeTrail.headerByteCount
    guard CRC32C.of(bytes.span, NodeTrail.headerByteCount..<bytes.count) == header.checksum else {
      throw Malformed("the checksum is wrong", at: NodeTrail.headerByteCount)
    }
    let body = Array(bytes[NodeTrail.headerByteCount...])
    var reader = BodyReader(
      body + [UInt8](repeating: 0, count: Column.padding), byteCount: count,
      entryCount: header.sequence)
    let names = [try reader.names(), try reader.names(), try reader.names()]
    let free = try reader.column().map { UInt32(truncatingIfNeeded: $0) }
    creators = try reader.column().map { Int64(bitPattern: $0) }
    hosts = try reader.column().map { UInt32(truncatingIfNeeded: $0) &- 1 }
    guard hosts.count == creators.count, reader.isAtEnd,
      let registry = Registry(
        nodeNames: nil, nodeSlotCount: creators.count, hostNames: names[0], poolNames: names[1],
        containerNames: names[2], freeNodeSlots: free)
    else { throw Malformed("the tables do not fit together", at: NodeTrail.headerByteCount) }
    self.registry = registry
  }
}
