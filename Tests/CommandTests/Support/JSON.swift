import Foundation

/// A JSON document as tests look at it.
struct JSON: Equatable, CustomStringConvertible {
  let value: Any?

  init(_ text: String) throws {
    value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
  }

  private init(value: Any?) { self.value = value }

  subscript(_ name: String) -> JSON { JSON(value: (value as? [String: Any])?[name]) }
  subscript(_ index: Int) -> JSON {
    let list = list
    return list.indices.contains(index) ? list[index] : JSON(value: nil)
  }

  var list: [JSON] { (value as? [Any] ?? []).map { JSON(value: $0) } }
  var members: [String: JSON] {
    (value as? [String: Any] ?? [:]).mapValues { JSON(value: $0) }
  }
  var text: String? { value as? String }
  var bool: Bool? { value as? Bool }
  var isNull: Bool { value is NSNull }
  /// Whether there is nothing, not even null.
  var isMissing: Bool { value == nil }
  var integer: Int64? {
    // A text is no number, also where Foundation would convert it.
    guard value is NSNumber else { return nil }
    return (value as? NSNumber)?.int64Value
  }

  var description: String {
    guard let value else { return "nothing" }
    let data = try? JSONSerialization.data(
      withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
  }

  static func == (left: JSON, right: JSON) -> Bool { left.description == right.description }
}
