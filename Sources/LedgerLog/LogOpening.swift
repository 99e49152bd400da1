package import LedgerCore
internal import LedgerFormat
package import LedgerPorts

/// A log opened for writing, with all that a writer must know of its past.
package struct OpenedLog {
  package let writer: LogWriter
  package let reader: LogReader
  package let projection: Projection
}

extension LogWriter {
  /// Makes an empty ledger in `directory`.
  package static func create(
    directory: String, manifest: Manifest, disk: any Disk
  ) throws(LogError) {
    let layout = LogLayout(directory: directory)
    guard try !reaching({ () throws(DiskError) in try disk.exists(layout.manifest) }) else {
      throw .exists(path: directory)
    }
    guard try !layout.holdsSegments(disk) else {
      throw .damaged(
        Damage(
          .missing, file: layout.manifest, offset: 0,
          "the directory holds a log whose declaration is lost"))
    }
    try reaching { () throws(DiskError) in
      try disk.makeDirectory(layout.segments)
      let lock = try disk.open(layout.lock, .updateOrCreate)
      try lock.sync()
      // The manifest comes last, when the directory of segments is there durably: what has one is a whole ledger.
      try disk.syncDirectory(directory)
      let temporary = layout.manifest + ".new"
      let file = try disk.open(temporary, .updateOrCreate)
      try file.resize(to: 0)
      try file.write(manifest.bytes, at: 0)
      try file.sync()
      try disk.rename(temporary, to: layout.manifest)
      try layout.keepName(disk)
    }
  }

  /// Locks and recovers the log in `directory`, and replays it.
  ///
  /// - Throws: `LogError.locked` while another process writes, `.damaged` for anything but a torn tail, also for a log
  ///   that ends before one of its checkpoints.
  package static func open<Watcher: ReplayWatcher>(
    directory: String, disk: any Disk, clock: some Clock, process: Int, watcher: inout Watcher
  ) throws(LogError) -> OpenedLog {
    let (reader, lock, messages) = try lockedReader(
      directory: directory, disk: disk, process: process)
    let carrier = reader.map.blocks.lastIndex { $0.frame.flags.contains(.carriesLink) }
    let carried = carrier.map { reader.map.blocks[$0].nextSequence } ?? 1
    let (projection, link) = try reader.replayed(pausingBefore: carried, &watcher)
    let writer = try LogWriter(
      reader, lockFile: lock, clock: clock, process: process, link: link,
      entriesSinceLink: Int(reader.head + 1 - carried),
      recorded: projection.recorded ?? .minimum)
    writer.recovery = messages
    return OpenedLog(writer: writer, reader: reader, projection: projection)
  }

  /// Takes the log up again that `closed` let go, without reading it; nil where others have written meanwhile.
  package static func reopen(_ closed: LogWriter) throws(LogError) -> LogWriter? {
    let (reader, lock, messages) = try lockedReader(
      directory: closed.layout.directory, disk: closed.disk, process: closed.process)
    guard messages.isEmpty, let again = try closed.successor(reader, lock) else { return nil }
    return again
  }

  /// Opens the log anew that `closed` let go; as `open`.
  package static func open<Watcher: ReplayWatcher>(
    after closed: LogWriter, watcher: inout Watcher
  ) throws(LogError) -> OpenedLog {
    try open(
      directory: closed.layout.directory, disk: closed.disk, clock: closed.clock,
      process: closed.process, watcher: &watcher)
  }

  /// Locks and recovers the log in `directory`; `process` is told to who finds it locked.
  static func lockedReader(
    directory: String, disk: any Disk, process: Int
  ) throws(LogError) -> (reader: LogReader, lock: any DiskFile, recovery: [String]) {
    let layout = LogLayout(directory: directory)
    let manifest = try Manifest.read(layout, disk)
    let lock = try reaching { () throws(DiskError) in try disk.open(layout.lock, .updateOrCreate) }
    guard try reaching({ () throws(DiskError) in try lock.lock() }) else {
      throw .locked(path: layout.lock, process: try Watermark.read(lock)?.process)
    }
    let scan = LogScan(disk: disk, layout: layout, manifest: manifest, limit: nil)
    var recovery = Recovery(disk: disk, layout: layout)
    var map = try scan.map()
    try StoredCheckpoints(disk: disk, layout: layout).refuseRolledBack(map, manifest)
    if try recovery.settle(map) { map = try scan.map() }
    let reader = LogReader(disk: disk, layout: layout, manifest: manifest, map: map)
    return (reader, lock, recovery.messages)
  }
}

extension LogLayout {
  /// Makes the names of the manifest and of the ledger itself durable.
  func keepName(_ disk: any Disk) throws(DiskError) {
    try disk.syncDirectory(directory)
    let parent = directory.lastIndex(of: "/").map { String(directory[..<$0]) } ?? "."
    try disk.syncDirectory(parent.isEmpty ? "/" : parent)
  }
}

extension LogReader {
  /// All that a writer must know of the state, and the chain's link after it.
  ///
  /// The entries from `first` on stand behind the last link that a block carries, so they are hashed, and what they call nodes
  /// is known on the way.
  fileprivate func replayed<Watcher: ReplayWatcher>(
    pausingBefore first: Int64, _ watcher: inout Watcher
  ) throws(LogError) -> (projection: Projection, link: [UInt8]) {
    let options = ReplayOptions(keepsNodeNames: true, keepsTouches: true)
    var observer = NoObserver()
    guard head > 0, !map.hasVoids, let block = map.block(of: first) else {
      let whole = try project(.all, options, observer: &observer, watcher: &watcher)
      return (whole, try head == 0 ? Chain.origin : link(at: head))
    }
    let before = try project(
      .sequence(first - 1), options, observer: &observer, watcher: &watcher)
    let registry = before.registry
    let whole = try replayInOrder(
      .all, options, from: (before, block), observer: &observer, watcher: &watcher)
    return (whole, try link(at: head, names: registry))
  }

  /// The chain's link after the commit that holds `sequence`; 0 is the beginning.
  ///
  /// `names`: those of the slots before the entries that are hashed, where they are known.
  ///
  /// - Complexity: constant where that commit's last block carries the link; otherwise one pass over the log for the
  ///   ids, hashing the entries behind the last link that is carried.
  package func link(
    at sequence: Int64, names: Registry? = nil
  ) throws(LogError) -> [UInt8] {
    guard sequence > 0 else { return Chain.origin }
    guard let holder = map.block(of: sequence),
      let last = map.blocks[holder...].firstIndex(where: {
        $0.frame.flags.contains(.endsCommit)
      })
    else { throw .noSuchSequence(sequence, head: head) }
    // Within a block there can be commits that end before its last one.
    let isLast =
      map.blocks[holder].nextSequence == sequence + 1
      && map.blocks[holder].frame.flags.contains(.endsCommit)
    let carrier = map.blocks[...(isLast ? last : holder - 1)].lastIndex {
      $0.frame.flags.contains(.carriesLink)
    }
    var link = Chain.origin
    if let carrier {
      var cursor = cursor(carrier..<carrier + 1)
      link = try cursor.link(of: map.blocks[carrier]) ?? link
    }
    let first = carrier.map { $0 + 1 } ?? 0
    guard first <= last else { return link }
    var chain = Chain(link: link)
    var entries =
      names.map { EntryCursor(self, first..<last + 1, names: $0) }
      ?? EntryCursor(self, 0..<last + 1, hidingBefore: first)
    while var step = try entries.next() {
      chain.add(&step.entry.fact, sequence: step.entry.sequence, recorded: step.entry.recorded)
      guard step.endsCommit else { continue }
      chain.finishCommit()
      if step.entry.sequence >= sequence { break }
    }
    return chain.link
  }
}

extension LogWriter {
  /// A reader that also sees the blocks of the open commit.
  package func readerOfOpenCommit() throws(LogError) -> LogReader {
    let map = try LogScan(disk: disk, layout: layout, manifest: manifest, limit: nil)
      .map(keepsUnfinishedCommit: true)
    return LogReader(disk: disk, layout: layout, manifest: manifest, map: map)
  }
}
