/// What a generated fleet's history looks like.
package struct FleetOptions: Sendable {
  /// Another seed is another history.
  package var seed: UInt64
  /// How many hosts there ever are.
  package var hostCount: Int
  /// How many facts, hosts included.
  package var eventCount: Int
  /// The beginning, in microseconds since the epoch.
  package var startMicroseconds: Int64
  /// How long the history lasts.
  package var days: Int
  /// How many of a hundred facts occurred a little before their place in the file says.
  package var latePercent: Int

  /// A fleet; the beginning is 2026-01-01T00:00:00Z unless another is given.
  package init(
    seed: UInt64 = 1, hostCount: Int = 10, eventCount: Int = 1_000,
    startMicroseconds: Int64 = 1_767_225_600_000_000, days: Int = 90, latePercent: Int = 0
  ) {
    self.seed = seed
    self.hostCount = hostCount
    self.eventCount = eventCount
    self.startMicroseconds = startMicroseconds
    self.days = days
    self.latePercent = latePercent
  }
}
