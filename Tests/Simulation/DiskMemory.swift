/// Files and directories as programs see them, and as a power cut leaves them.
struct DiskMemory {
  /// The names in a directory: those that are durable, and what was changed since, each change on its own.
  struct Names {
    fileprivate(set) var cached: [String: Int] = [:]
    fileprivate var durable: [String: Int] = [:]
    fileprivate var pending: [Change] = []

    fileprivate enum Change {
      case set(String, Int)
      case remove(String)
      case rename(String, String, Int)
    }

    fileprivate static func apply(_ change: Change, to names: inout [String: Int]) {
      switch change {
      case .set(let name, let node): names[name] = node
      case .remove(let name): names[name] = nil
      case .rename(let old, let new, let node):
        names[old] = nil
        names[new] = node
      }
    }

    fileprivate mutating func change(_ change: Change) {
      Names.apply(change, to: &cached)
      pending.append(change)
    }
  }

  static let root = 0
  private var directories: [Int: Names] = [root: Names()]
  private var files: [Int: PageCache] = [:]
  private var nextNode = 1

  subscript(file node: Int) -> PageCache {
    get { files[node] ?? PageCache() }
    _modify {
      yield &files[node, default: PageCache()]
    }
  }

  func isDirectory(_ node: Int) -> Bool { directories[node] != nil }

  func names(_ directory: Int) -> [String] {
    (directories[directory]?.cached ?? [:]).keys.sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
  }

  /// The node of a path from the root.
  func node(_ path: String) -> Int? {
    var node = DiskMemory.root
    for part in path.split(separator: "/") {
      guard let next = directories[node]?.cached[String(part)] else { return nil }
      node = next
    }
    return node
  }

  /// What programs read in the files of a directory, by name.
  func contents(of directory: String) -> [String: [UInt8]] {
    guard let node = node(directory) else { return [:] }
    return (directories[node]?.cached ?? [:]).mapValues { self[file: $0].cached }
  }

  /// A path's directory, which is there, and the name in it.
  func place(_ path: String) -> (directory: Int, name: String)? {
    let parts = path.split(separator: "/")
    guard let name = parts.last,
      let directory = node(parts.dropLast().joined(separator: "/")), isDirectory(directory)
    else { return nil }
    return (directory, String(name))
  }

  mutating func makeFile(_ name: String, in directory: Int) -> Int {
    defer { nextNode += 1 }
    files[nextNode] = PageCache()
    directories[directory]?.change(.set(name, nextNode))
    return nextNode
  }

  mutating func makeDirectory(_ name: String, in directory: Int) {
    directories[nextNode] = Names()
    directories[directory]?.change(.set(name, nextNode))
    nextNode += 1
  }

  mutating func remove(_ name: String, from directory: Int) {
    directories[directory]?.change(.remove(name))
  }

  mutating func rename(_ name: String, to other: String, in directory: Int) {
    guard let node = directories[directory]?.cached[name] else { return }
    directories[directory]?.change(.rename(name, other, node))
  }

  mutating func syncNames(_ directory: Int) {
    guard var names = directories[directory] else { return }
    names.durable = names.cached
    names.pending = []
    directories[directory] = names
  }

  /// A sync of names that failed: some are durable.
  ///
  /// Unlike pages of a file, changes of a directory are not forgotten, because
  /// a journal has them: it is written later, or the file system stops.
  mutating func failSyncNames(_ directory: Int, _ choices: inout Choices) {
    guard let names = directories[directory] else { return }
    directories[directory]?.durable = DiskMemory.durable(names, &choices)
  }

  private static func durable(_ names: Names, _ choices: inout Choices) -> [String: Int] {
    var kept = names.durable
    for change in names.pending where choices.below(2) == 0 { Names.apply(change, to: &kept) }
    return kept
  }

  /// What a power cut leaves; files whose path `isWhole` are left as programs saw them.
  func afterCut(
    _ choices: inout Choices, isWhole: (_ name: String) -> Bool = { _ in false }
  ) -> DiskMemory {
    var memory = DiskMemory()
    memory.nextNode = nextNode
    memory.keep(DiskMemory.root, of: self, &choices, isWhole)
    return memory
  }

  /// All that a power cut can leave, or nil where that is more than `limit`.
  func everyCut(atMost limit: Int, isWhole: (_ name: String) -> Bool) -> [DiskMemory]? {
    var odometer = Odometer()
    var images: [DiskMemory] = []
    repeat {
      var choices = Choices.every(odometer)
      images.append(afterCut(&choices, isWhole: isWhole))
      if images.count > limit { return nil }
      if case .every(let walked) = choices { odometer = walked }
    } while odometer.advance()
    return images
  }

  private mutating func keep(
    _ directory: Int, of former: DiskMemory, _ choices: inout Choices, _ isWhole: (String) -> Bool
  ) {
    guard let names = former.directories[directory] else { return }
    let kept = DiskMemory.durable(names, &choices)
    directories[directory] = Names(cached: kept, durable: kept)
    for (name, node) in kept.sorted(by: { $0.key < $1.key }) {
      if former.isDirectory(node) {
        keep(node, of: former, &choices, isWhole)
      } else if files[node] == nil {
        let file = former[file: node]
        files[node] = isWhole(name) ? file.whole : file.afterCut(&choices)
      }
    }
  }
}
