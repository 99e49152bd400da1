internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension StreamCapture {
  /// How to install.
  package struct Order: Hashable, Sendable {
    package var method: CaptureState.Method
    /// Whether tables shall write whole old rows.
    package var identifies: Bool

    package init(method: CaptureState.Method, identifies: Bool) {
      self.method = method
      self.identifies = identifies
    }
  }

  /// What an installation found.
  package struct Installed: Sendable {
    /// What was taken over as found, where a capture before it ended.
    package var gap: Drained?
    /// How many facts began the ledger.
    package var beginning: Int64 = 0
    /// How many hosts and nodes differ from the ledger without anybody knowing since when.
    package var differing: Int = 0
  }

  /// Begins to catch changes: of an empty ledger the store's contents become the first entries.
  ///
  /// Where a capture before it ended, what differs now is recorded as found between its end and now. Otherwise what differs is drift
  /// that was there before, which is left to validation.
  package mutating func install(
    _ order: Order, into ledger: WritableLedger, wait: () -> Bool
  ) throws(ReconcileError) -> Installed {
    if let state, state.phase == .installed {
      throw .refused("this ledger captures \(store.label) already; see capture status")
    }
    let before = state
    var state = CaptureState(
      store: store.address, method: order.method, server: server, at: clock.now())
    if order.method == .slot {
      if before == nil { try refuseForeignSlot() }
      state.identities = try asking { () throws(StoreError) in try store.tableIdentities() }
    }
    if let before {
      // What the tables wrote before anything was installed, also where an installation was interrupted.
      if before.phase == .installing { state.identities = before.identities }
      state.looked = before.looked
      state.known = before.known
      state.resumes = before.phase == .removed || before.resumes
    }
    state.phase = .installing
    try state.save(directory, disk)
    self.state = state
    var installed = Installed()
    let seen: Observation
    do throws(ReconcileError) {
      seen = try begin(order, &state)
      if ledger.head == 0 { installed.beginning = try record(seen, into: ledger) }
    } catch {
      // A slot that nobody reads would keep the server's log; what cannot be taken back now is taken back by `remove`.
      if before == nil {
        do throws(ReconcileError) { _ = try remove() } catch {}
      }
      throw error
    }
    if state.resumes {
      installed.gap = try take(seen, into: ledger, &state, wait: wait)
      state.resumes = false
    } else {
      for difference in try differences(seen, ledger, state) {
        guard let entity = difference.change.entity else { continue }
        state.known.settle(entity, live: difference.after, ledger: ledger.row(entity))
      }
      installed.differing = state.known.count
    }
    state.phase = .installed
    state.looked = clock.now()
    try state.save(directory, disk)
    self.state = state
    return installed
  }

  /// A slot that this ledger did not make is somebody else's.
  private func refuseForeignSlot() throws(ReconcileError) {
    let status = try asking { () throws(StoreError) in try store.streamStatus(server.slot) }
    guard status == nil else {
      throw .refused(
        "\(store.label): there is a replication slot '\(server.slot)' already, and this ledger did not make it; drop it, or name "
          + "another with --slot")
    }
  }

  private func begin(
    _ order: Order, _ state: inout CaptureState
  ) throws(ReconcileError) -> Observation {
    try asking { () throws(StoreError) in
      guard order.method == .slot else { return try store.observe() }
      let start = try store.beginStream(state.slot, identifies: order.identifies)
      state.place = start.place
      state.seenThrough = start.seenThrough
      state.snapshot = start.snapshot
      return start.seen
    }
  }

  /// Records what the store holds, in one commit.
  private func record(
    _ seen: Observation, into ledger: WritableLedger
  ) throws(ReconcileError) -> Int64 {
    var facts = try FleetFacts(seen, address: store.address, occurred: clock.now())
    while let piece = facts.next() {
      for line in piece.lines {
        do throws(AdmissionFailure) { _ = try ledger.admit(line.item) } catch {
          if case .rejected(let rejection) = error { throw .rejected(rejection) }
          if case .log(let log) = error { throw .log(log) }
        }
      }
    }
    try LedgerEngine.reading { () throws(LogError) in try ledger.commit() }
    return ledger.head
  }

  /// Ends the capture; how far it was is kept, so that another installation knows what it has missed.
  ///
  /// - Returns: the tables that keep writing whole old rows for another slot.
  package mutating func remove() throws(ReconcileError) -> [String] {
    guard var state, state.phase != .removed else {
      throw .refused("this ledger does not capture \(store.label)")
    }
    var kept: [String] = []
    if state.method == .slot {
      state.identities = state.identities.replaced(by: try handedOver(state))
      let (slot, identities) = (state.slot, state.identities)
      kept = try asking { () throws(StoreError) in
        try store.endStream(slot, restoring: identities)
      }
    }
    if state.phase == .installing, !state.resumes {
      // Nothing was ever caught, so that nothing was missed.
      try CaptureState.remove(directory, slot: state.slot, disk)
      self.state = nil
    } else {
      state.phase = .removed
      try state.save(directory, disk)
      self.state = state
    }
    return kept
  }

  /// What another ledger, whose capture ended since the last drain, said that tables wrote before both.
  ///
  /// Only who found tables as another had made them needs it; a stream that is gone says nothing.
  private func handedOver(_ state: CaptureState) throws(ReconcileError) -> [TableIdentity] {
    guard state.identities.contains(where: { $0.kind == "f" }) else { return [] }
    return try asking { () throws(StoreError) in
      guard let status = try store.streamStatus(state.slot), status.health != "lost" else {
        return []
      }
      return try store.peekStream(state.slot, limit: nil) { _ in }.identities
    }
  }
}
