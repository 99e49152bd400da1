package import LedgerCore

/// What a host's drifted counters have cost since they drifted: resources that nobody used, or that nobody counted.
package struct DriftCost: Hashable, Sendable {
  package var since: Timestamp
  package var until: Timestamp
  /// Millicores, bytes of memory and bytes of disk, each times microseconds; below zero where too little was counted.
  package var sums: [Int128]
  /// Entries since then that would have fit, and that the drifted counters would have refused.
  package var refusals: Int

  /// The cost of the drift of `trail`, or nil where no entry of the host has happened since sequence `beginning`.
  init?(_ trail: HostTrail, since beginning: Int64?, until: Timestamp) {
    guard let beginning,
      let first = trail.events.first(where: { $0.sequence >= beginning }), first.occurred <= until
    else { return nil }
    since = first.occurred
    self.until = until
    let length = Int128(until.microseconds - first.occurred.microseconds)
    let drift = trail.live &- trail.projected
    sums = (1...3).map { Int128(drift[$0]) * length }
    let room = Effect(0, trail.capacity)
    refusals = trail.events.count { event in
      let seen = event.after &+ drift
      return event.sequence >= first.sequence && event.effect.hasPositive
        && event.after.fits(in: room) && !seen.fits(in: room)
    }
  }

  /// How long the drift has stood, in microseconds.
  package var duration: Int64 { until.microseconds - since.microseconds }
}

extension Effect {
  fileprivate var hasPositive: Bool { self[1] > 0 || self[2] > 0 || self[3] > 0 }

  fileprivate func fits(in room: Effect) -> Bool {
    (1..<4).allSatisfy { self[$0] <= room[$0] }
  }
}
