import Foundation

/// A directory of one test, removed with it.
final class Scratch: Sendable {
  let path: String

  init() throws {
    // Programs print paths without the slash that the directory's name may end with.
    let directory = URL(fileURLWithPath: NSTemporaryDirectory()).path
    var template = Array((directory + "/allocledger-test-XXXXXX").utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw SystemFailure("make a directory") }
    path = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Other users run the program in some tests.
    _ = unsafe chmod(path, 0o755)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// Makes a file and returns its path.
  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }

  /// Makes a file and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

/// All bytes of a file.
func contents(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// The regular files below a directory, sorted.
func files(below directory: String) -> [String] {
  let names = (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []
  return names.map { directory + "/" + $0 }.filter { path in
    let type = try? FileManager.default.attributesOfItem(atPath: path)[.type]
    return type as? FileAttributeType == .typeRegular
  }.sorted()
}
