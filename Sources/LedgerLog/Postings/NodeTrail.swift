internal import LedgerCore
internal import LedgerFormat

/// What postings of later entries need to know of the entries before them: who created the node in each slot, and the
/// host that it is on.
///
/// The body of its file (``TrailHeader``, magic "ALLOCTRL"): ids of hosts, pools and containers (lists of names),
/// free node slots, creating sequences and host slots plus one (columns).
struct NodeTrail {
  static let kind = TrailKind(magic: Array("ALLOCTRL".utf8), noun: "a trail of nodes")

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
    return TrailHeader.file(
      NodeTrail.kind, ledger: ledger, sequence: sequence, mark: mark, body: body.bytes)
  }

  /// A trail from the bytes of its file.
  init(_ bytes: [UInt8], _ header: TrailHeader) throws(Malformed) {
    let body = Array(bytes[try header.body(of: bytes)])
    var reader = BodyReader(
      body + [UInt8](repeating: 0, count: Column.padding), byteCount: body.count,
      entryCount: header.sequence)
    let names = [try reader.names(), try reader.names(), try reader.names()]
    let free = try reader.column().map { UInt32(truncatingIfNeeded: $0) }
    creators = try reader.column().map { Int64(bitPattern: $0) }
    hosts = try reader.column().map { UInt32(truncatingIfNeeded: $0) &- 1 }
    guard hosts.count == creators.count, reader.isAtEnd,
      let registry = Registry(
        nodeNames: nil, nodeSlotCount: creators.count, hostNames: names[0], poolNames: names[1],
        containerNames: names[2], freeNodeSlots: free)
    else { throw Malformed("the tables do not fit together", at: TrailHeader.byteCount) }
    self.registry = registry
  }
}
