internal import LedgerCore
internal import LedgerLog

/// A point in history as people write it: `seq:N`, `@SECONDS`, or RFC 3339.
enum Point {
  case sequence(Int64)
  case time(Timestamp)

  init(_ text: String) throws(Failure) {
    if text.hasPrefix("seq:"), let sequence = Int64(text.dropFirst(4)), sequence >= 0 {
      self = .sequence(sequence)
    } else if text.hasPrefix("@"), let seconds = Int64(text.dropFirst()),
      let time = Timestamp(seconds: seconds)
    {
      self = .time(time)
    } else if let time = Timestamp(rfc3339: text) {
      self = .time(time)
    } else {
      throw Failure(
        .usage, "'\(text)' is no point in history: write seq:N, @SECONDS or an RFC 3339 time")
    }
  }
}

extension Context {
  /// Whether times are recorded ones.
  var isByRecordedTime: Bool { parsed.value("by") == "recorded" }

  /// What `--at` and `--by` select.
  func selection() throws(Failure) -> Selection {
    guard let text = parsed.value("at") else { return .all }
    return selection(of: try Point(text))
  }

  /// What a point selects.
  func selection(of point: Point) -> Selection {
    switch point {
    case .sequence(let sequence): .sequence(sequence)
    case .time(let time): isByRecordedTime ? .recorded(time) : .occurred(time)
    }
  }
}
