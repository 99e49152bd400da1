/// What follows from a row's kind, as bits in a table of all 256 kinds: loops over rows look it up.
package enum RowTraits {
  /// The row gives a new node the next free slot.
  @inlinable package static var opens: UInt16 { 1 }
  /// The row gives its node's slot back.
  @inlinable package static var closes: UInt16 { 2 }
  /// The row's subject is a node.
  @inlinable package static var node: UInt16 { 4 }
  /// The row's subject is a host, pool or container.
  @inlinable package static var named: UInt16 { 8 }
  /// The row's subject slot is stored: it has one, and does not get it from the list of free slots.
  @inlinable package static var storesSubject: UInt16 { 16 }
  /// The row has a host beside its subject.
  @inlinable package static var host: UInt16 { 32 }
  /// The row has a resource triple.
  @inlinable package static var shape: UInt16 { 64 }
  /// The row has the numbers of a worker pool.
  @inlinable package static var workers: UInt16 { 128 }
  /// The row can have node attributes.
  @inlinable package static var attributes: UInt16 { 256 }
  /// The kind cannot stand in a log.
  @inlinable package static var invalid: UInt16 { 512 }

  /// The traits of every kind.
  package static let table: [UInt16] = (0...255).map { traits(of: UInt8($0)) }

  /// Of every kind: zero where its rows' subject is a worker pool, all ones otherwise.
  static let notPool: [UInt32] = (0...255).map { kind in
    table[kind] & named != 0 && RowKind.subject(of: UInt8(kind)) == .pool ? 0 : UInt32.max
  }

  /// All ones where `traits` have `trait`, zero otherwise.
  package static func mask(_ traits: UInt16, _ trait: UInt16) -> UInt32 {
    traits & trait == 0 ? 0 : UInt32.max
  }

  private static func traits(of kind: UInt8) -> UInt16 {
    let code = kind & RowKind.codeMask
    guard code >= 1, code <= RowKind.codeMax, kind & 0x20 == 0,
      let type = RowKind.type(of: kind)
    else { return invalid }
    let isDetailed = kind & RowKind.detailed != 0
    if kind & RowKind.contradicted != 0 {
      return isDetailed && code < RowKind.adoptedNewNode ? 0 : invalid
    }
    // An adoption that is not contradicted says by its kind what it adopts.
    guard isDetailed || !type.isDetailed, code != EventType.stateAdopted.rawValue else {
      return invalid
    }
    var traits: UInt16 = 0
    if RowKind.opensNode(kind) { traits |= opens }
    if RowKind.closesNode(kind) { traits |= closes }
    switch RowKind.subject(of: kind) {
    case .node: traits |= node
    case nil: break
    default: traits |= named
    }
    if traits & (node | named) != 0, traits & opens == 0 { traits |= storesSubject }
    if RowKind.hasHost(kind) { traits |= host }
    if RowKind.hasShape(kind) { traits |= shape }
    if RowKind.hasWorkers(kind) { traits |= workers }
    if RowKind.hasAttributes(kind) { traits |= attributes }
    return traits
  }
}
