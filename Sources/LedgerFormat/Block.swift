/// The body of a block before compression: a batch, column by column.
///
///     varint           first sequence
///     signed varint    recorded time (µs since 1970, of the first row)
///     varint           which parts follow: bits of `Parts`
///     commits          varint count of the commits that begin behind the first row; columns of their distances from the one
///                      before, in rows and in recorded time, each minus one
///     column           kinds (one byte each)
///     column           occurred times, as signed distance from the row before (the first: from recorded)
///     column           subject slots of the rows that have one and open none
///     column           host slots plus one (0: not placed) of the rows with a host
///     column           places in the table of shapes, of the rows with numbers
///     column x 3       that table: millicores, memory, disk, each plus one (0: unchanged)
///     column x 3       before, after, last issued, each plus one, of the rows with worker counts
///     attributes       column of places plus one (0: none) of the rows that can have them; varint count;
///                      seven columns of places in the texts plus one
///     origins          column of places plus one of all rows; varint count; actor, source (places in the texts
///                      plus one), cause plus one
///     keys             varint count; column of rows; texts; fingerprints, u64 each
///     details          column of byte counts; canonical facts of the rows that are detailed
///     new ids          of nodes, hosts, pools, containers, each a list of texts, in the order of their rows
///     texts            the list that attributes and origins point into
///
/// Which rows have which columns follows from their kinds (`RowTraits`), so that no column says it again.
/// `Column` and `NameList` describe columns and lists of texts. Every part that `Parts` does not name is absent.
package enum Block {
  /// The most entries in one block.
  package static let entryCountMax = 1 << 16
  /// The most bytes of one block's body before compression.
  package static let rawByteCountMax = 1 << 28

  struct Parts: OptionSet {
    let rawValue: UInt64

    static let attributes = Parts(rawValue: 1)
    static let origins = Parts(rawValue: 2)
    static let keys = Parts(rawValue: 4)
    static let details = Parts(rawValue: 8)
    static let texts = Parts(rawValue: 16)
    static let newNodes = Parts(rawValue: 32)
    static let newHosts = Parts(rawValue: 64)
    static let newPools = Parts(rawValue: 128)
    static let newContainers = Parts(rawValue: 256)
    static let commits = Parts(rawValue: 512)

    static let all = Parts(rawValue: 1023)
  }
}
