internal import LedgerCore
internal import LedgerFormat

/// What tells the order of time from the order of sequence in a group of history: a cache that, with the counters after
/// an entry, tells those at a moment.
///
/// Most rows form a chain in which times never decrease; the others are displaced. A row counts by sequence from its place on, and
/// by time from its time on. A node whose own rows are not in the order of time is *tangled*: by time it may become another,
/// and what differs then are corrections, which have a time and count behind the group.
///
///     offset  size  field
///     0       8     magic "ALLOCLAT"
///     8       2     version, 1
///     10      2     zero
///     12      4     byte count of the tables before compression
///     16      16    id of the ledger
///     32      8     sequence of the first entry
///     40      8     sequence of the last entry
///     48      8     the latest time in the chain so far
///     56      8     earliest time of what is displaced or corrected; 2^63 - 1 for none
///     64      8     latest time of what is displaced or corrected; -2^63 for none
///     72      8     the moment from which on these files do not tell, of all groups so far; 2^63 - 1 for none
///     80      4     the log's mark after the last entry's block (`LogMap.mark`)
///     84      4     CRC-32C of all that follows the header
///     88      4     CRC-32C of bytes 0..<88
///     92            tables, compressed by LZ4 where that is shorter
struct LateGroup {
  /// A row that is not in the chain.
  struct Displaced: Hashable {
    /// Of the entry from the first of the group.
    var distance: UInt32
    var time: Int64
  }

  /// What a host's counters gain at a time.
  struct Event: Hashable {
    /// Of the displaced entry from the first of the group; of a correction the count of entries.
    var distance: UInt32
    var time: Int64
    var host: UInt32
    var difference: Counters
  }

  /// A displaced row that made a host what it is `after`.
  struct Reshaping {
    var distance: UInt32
    var time: Int64
    var host: UInt32
    var before: HostShape
    var after: HostShape
  }

  /// What of a host is not counted.
  struct HostShape {
    var capacity = Resources.zero
    var phase = HostState.Phase.unknown
  }

  /// A row that does not fit in the order of time, or, taken back, one that does since.
  struct Misfit: Hashable {
    var time: Int64
    var isTakenBack: Bool
  }

  /// What corrections of earlier groups amount to.
  struct Standing {
    var counters: [UInt32: Counters] = [:]
    var misfitCount: Int64 = 0
  }

  /// The first row, by time, that does not fit.
  struct FirstMisfit: Hashable {
    var time: Int64
    var sequence: Int64
    var reason: Contradiction
  }

  var firstSequence: Int64
  var nextSequence: Int64
  var chainEnd: Int64
  var irregularFrom: Int64
  /// The latest time in the chain so far, by block.
  var chainEnds: [Int64] = []
  /// By ascending distances.
  var displaced: [Displaced] = []
  /// By ascending times.
  var events: [Event] = []
  /// By ascending distances.
  var reshapings: [Reshaping] = []
  /// By ascending times.
  var misfits: [Misfit] = []
  /// Creating sequences of the nodes whose corrections are in this group, ascending.
  var tangled: [Int64] = []
  /// Before this group.
  var standing = Standing()
  /// Of all groups so far.
  var firstMisfit: FirstMisfit?

  var entryCount: UInt32 { UInt32(nextSequence - firstSequence) }

  /// The times of all that is displaced or corrected.
  var times: (earliest: Int64, latest: Int64) {
    var times: (earliest: Int64, latest: Int64) = (.max, .min)
    for time in displaced.lazy.map(\.time) + events.lazy.map(\.time) + misfits.lazy.map(\.time) {
      times = (min(times.earliest, time), max(times.latest, time))
    }
    return times
  }

  /// What stands in the header.
  struct Header {
    static let byteCount = 92
    static let magic = Array("ALLOCLAT".utf8)
    static let version: UInt16 = 1

    var ledger: [UInt8]
    var firstSequence: Int64
    var lastSequence: Int64
    var chainEnd: Int64
    var earliest: Int64
    var latest: Int64
    var irregularFrom: Int64
    var mark: UInt32
    var rawByteCount: Int
    var checksum: UInt32

    init(_ bytes: [UInt8]) throws(Malformed) {
      let span = bytes.span
      guard bytes.count >= Header.byteCount, Array(bytes[0..<8]) == Header.magic else {
        throw Malformed("these are no late entries", at: 0)
      }
      var reader = ByteReader(8..<Header.byteCount)
      guard try reader.fixed(UInt16.self, span) == Header.version,
        try reader.fixed(UInt16.self, span) == 0
      else { throw Malformed("the version is unknown", at: 8) }
      rawByteCount = Int(try reader.fixed(UInt32.self, span))
      ledger = Array(bytes[try reader.skip(16)])
      var numbers: [Int64] = []
      for _ in 0..<6 { numbers.append(Int64(bitPattern: try reader.fixed(UInt64.self, span))) }
      (firstSequence, lastSequence, chainEnd) = (numbers[0], numbers[1], numbers[2])
      (earliest, latest, irregularFrom) = (numbers[3], numbers[4], numbers[5])
      mark = try reader.fixed(UInt32.self, span)
      checksum = try reader.fixed(UInt32.self, span)
      guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<88) else {
        throw Malformed("the header's checksum is wrong", at: 0)
      }
      guard firstSequence >= 1, lastSequence >= firstSequence,
        lastSequence - firstSequence < Int64(UInt32.max) - 1, rawByteCount <= 1 << 30
      else { throw Malformed("the header is impossible", at: 32) }
    }
  }
}
