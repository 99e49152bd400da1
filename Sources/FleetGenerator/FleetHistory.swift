/// A history of everything that can happen to a fleet, each fact allowed by the ones before it.
///
/// Imported alone into an empty ledger, the n-th line gets sequence n; roll-backs rely on it. Hosts
/// stay within what they offer. Late facts never occur before the last fact about the same entity, so
/// that the history is also valid in the order of occurrence.
package struct FleetHistory: Sendable {
  private let options: FleetOptions

  /// The history of a fleet; numbers that make no sense stop the program.
  package init(_ options: FleetOptions) {
    precondition(options.hostCount > 0, "a fleet needs a host")
    precondition(options.eventCount >= 0 && options.days > 0, "a history needs room")
    precondition((0...100).contains(options.latePercent), "a percentage is 0 to 100")
    self.options = options
  }

  /// Calls `body` with each fact, a line of JSON with its line feed.
  package func forEachLine<Failure: Error>(
    _ body: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var fleet = Fleet(options)
    for index in 0..<options.eventCount {
      fleet.step(index)
      try body(fleet.line.bytes)
    }
  }

  /// The whole history at once.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    forEachLine { line in bytes += line }
    return bytes
  }
}
