internal import LedgerFormat
internal import LedgerPorts

/// Settles the end of a log that a writer left unfinished.
///
/// What is cut off is kept beside the log first.
struct Recovery {
  let disk: any Disk
  let layout: LogLayout
  private(set) var messages: [String] = []

  init(disk: any Disk, layout: LogLayout) {
    self.disk = disk
    self.layout = layout
  }

  /// Makes the log end with a complete commit; says whether anything was changed.
  mutating func settle(_ map: LogMap) throws(LogError) -> Bool {
    var changed = false
    if let unborn = map.unbornSegment {
      try setAside(unborn, from: 0)
      try reaching { () throws(DiskError) in try disk.remove(unborn) }
      messages.append("removed \(unborn): the segment was begun and not completed")
      changed = true
    }
    if case .torn(let segment, let offset, let what) = map.tail {
      // Later segments first, and durably, so that a crash in between leaves a log that ends early and not one with
      // a gap.
      for index in map.segments.indices.reversed() where index > segment {
        let path = map.segments[index].path
        try setAside(path, from: 0)
        try reaching { () throws(DiskError) in
          try disk.remove(path)
          // One by one: of several that are not durable, a power cut could bring back a later one alone.
          try disk.syncDirectory(layout.segments)
        }
        messages.append("removed \(path): it belongs to a commit without an end")
      }
      let path = map.segments[segment].path
      try setAside(path, from: offset)
      try cut(path, to: offset)
      messages.append("cut \(path) at offset \(offset): \(what)")
      changed = true
    }
    try keepNames(map, changed: changed)
    try mark(map)
    return changed
  }

  /// Makes the names of the ledger's files durable where nothing says that they are.
  ///
  /// The writer that made them may have failed to. But behind a block there is a name that was durable once, and a mark was set
  /// behind the name of its own segment.
  private func keepNames(_ map: LogMap, changed: Bool) throws(LogError) {
    let last = map.segments.count - 1
    let held = map.blocks.reversed().prefix { $0.segment == last }.count
    let isProven = held > map.unmarkedEnds.count
    try reaching { () throws(DiskError) in
      if changed || !isProven { try disk.syncDirectory(layout.segments) }
      if map.blocks.isEmpty { try layout.keepName(disk) }
    }
  }

  /// Copies the bytes of a segment from `offset` on into the directory of what was recovered.
  private func setAside(_ path: String, from offset: Int) throws(LogError) {
    let name = path.split(separator: "/").last.map(String.init) ?? "segment"
    try reaching { () throws(DiskError) in
      try disk.makeDirectory(layout.recovered)
      let source = try disk.open(path, .read)
      let size = try source.byteCount()
      var number = 0
      var target = ""
      repeat {
        number += 1
        target = "\(layout.recovered)/\(name)-\(offset)-\(number).torn"
      } while try disk.exists(target)
      let copy = try disk.open(target, .create)
      var piece: [UInt8] = []
      var place = offset
      while place < size {
        try source.read(at: place, count: 1 << 20, into: &piece)
        guard !piece.isEmpty else { break }
        try copy.write(piece, at: place - offset)
        place += piece.count
      }
      try copy.sync()
      try disk.syncDirectory(layout.recovered)
      try disk.syncDirectory(layout.directory)
    }
  }

  private func cut(_ path: String, to offset: Int) throws(LogError) {
    try reaching { () throws(DiskError) in
      let file = try disk.open(path, .update)
      try file.resize(to: offset)
      try file.sync()
    }
  }

  /// Sets the end marks that a writer did not come to, once the blocks are surely durable.
  ///
  /// Behind a sync that failed, the system takes for written what never reached the disk. So all that the last writer
  /// can have left in that state is written once more: blocks without marks, and the marks of the commit before.
  private func mark(_ map: LogMap) throws(LogError) {
    let segment = map.segments.count - 1
    guard let last = map.blocks.last, last.segment == segment else { return }
    let ends = map.unmarkedEnds.filter { $0 <= last.end }
    let lastMarked =
      map.blocks.lastIndex { $0.segment != segment || $0.end < ends.first ?? Int.max } ?? -1
    try reaching { () throws(DiskError) in
      let file = try disk.open(map.segments[segment].path, .update)
      for index in map.blocks[...lastMarked].indices.reversed() {
        let block = map.blocks[index]
        guard block.segment == segment,
          index == lastMarked || !block.frame.flags.contains(.endsCommit)
        else { break }
        try file.write(Frame.endMark, at: block.end - Frame.endMark.count)
      }
      var bytes: [UInt8] = []
      for block in map.blocks[(lastMarked + 1)...] {
        let count = block.frame.byteCount - Frame.endMark.count
        try file.read(at: block.offset, count: count, into: &bytes)
        try file.write(bytes, at: block.offset)
      }
      try file.sync()
      guard !ends.isEmpty else { return }
      for end in ends { try file.write(Frame.endMark, at: end - Frame.endMark.count) }
      try file.sync()
    }
  }
}
