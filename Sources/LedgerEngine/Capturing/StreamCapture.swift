internal import LedgerCore
internal import LedgerForensics
internal import LedgerFormat
package import LedgerLog
package import LedgerPorts

/// The capture of a server's store for one ledger.
///
/// Facts are durable in the ledger before `CaptureState` says so, and that is durable before the server forgets them. Whatever dies in
/// between, the same transactions come again, and their keys and numbers say that they are known.
package struct StreamCapture {
  /// What became of changes that were taken over.
  package struct Tally: Hashable, Sendable {
    package var transactions: Int64 = 0
    package var changes: Int64 = 0
    /// Entries that were recorded.
    package var entries: Int64 = 0
    /// Changes that this program made.
    package var own: Int64 = 0
    package var immaterial: Int64 = 0
    package var outOfBand: Int64 = 0
    /// Changes of transactions that had been recorded before a crash.
    package var repeated: Int64 = 0

    package init() {}

    package static func += (left: inout Tally, right: Tally) {
      left.transactions += right.transactions
      left.changes += right.changes
      left.entries += right.entries
      left.own += right.own
      left.immaterial += right.immaterial
      left.outOfBand += right.outOfBand
      left.repeated += right.repeated
    }
  }

  /// What a step took over.
  package struct Drained: Sendable {
    package var tally = Tally()
    /// What nothing accounts for.
    package var unexplained: [ExplainedChange] = []
    /// Whether nothing was left to take over.
    package var isEnd = true

    init(isEnd: Bool = true) { self.isEnd = isEnd }
  }

  package let store: any StreamingStore
  package let manifest: Manifest
  let directory: String
  let disk: any Disk
  let clock: any Clock
  let server: StreamServer
  package internal(set) var state: CaptureState?
  /// The nodes by id with their images and configs; nil as long as nobody had to ask.
  var details: [Name: LiveNode]?
  /// What is known of the file of changes that nothing accounts for.
  var memory = CaptureLog.Memory()

  /// Looks up the server and how far its capture is; `slot` names another slot than the usual one.
  package init(
    _ store: any StreamingStore, directory: String, manifest: Manifest, slot: String?,
    disk: any Disk, clock: any Clock
  ) throws(ReconcileError) {
    self.store = store
    self.directory = directory
    self.manifest = manifest
    self.disk = disk
    self.clock = clock
    server = try asking { () throws(StoreError) in
      try store.streamServer(ledgerID(manifest), slot: slot)
    }
    state = try CaptureState.read(directory, slot: server.slot, disk)
  }

  /// Looks again how far the capture is: where nobody held the ledger, somebody else may have drained or removed it.
  ///
  /// Where `others` wrote into the ledger meanwhile, what was learnt of it is forgotten.
  package mutating func refresh(afterOthers others: Bool) throws(ReconcileError) {
    if others { details = nil }
    state = try CaptureState.read(directory, slot: server.slot, disk)
  }

  var log: CaptureLog { CaptureLog(directory: directory, manifest: manifest, disk: disk) }

  /// The state of a capture that is installed.
  ///
  /// - Throws: `ReconcileError.refused` where none is.
  package func installed() throws(ReconcileError) -> CaptureState {
    guard let state, state.phase == .installed else {
      throw .refused(
        "this ledger does not capture \(store.label); `allocledger capture install` makes it")
    }
    return state
  }

  /// Makes sure that nothing was lost between what was taken over and what the server still has.
  ///
  /// - Returns: the transaction that the stream must have again, where the server forgot how far it was.
  func checkContinuity(_ state: CaptureState) throws(ReconcileError) -> TransactionOrigin? {
    let server = try asking { () throws(StoreError) in
      try store.streamServer(ledgerID(manifest), slot: state.slot)
    }
    let again =
      "capture remove and capture install begin anew and record what differs as found in between"
    guard state.system == server.system else {
      throw .refused(
        "\(store.label) is another server than the one that is captured (system \(server.system), was \(state.system)): "
          + "it was restored or moved, or two servers share the slot's name '\(state.slot)' (--slot names another); \(again)"
      )
    }
    if state.method == .snapshot { return nil }
    guard state.timeline == server.timeline, server.end >= state.place else {
      throw .refused(
        "\(store.label) was restored: its log ends at \(server.end) on timeline \(server.timeline), and changes up to "
          + "\(state.place) on timeline \(state.timeline) were taken over; \(again)")
    }
    let status = try asking { () throws(StoreError) in try store.streamStatus(state.slot) }
    guard let status else {
      throw .store(
        .unreadable(
          "\(store.label): the replication slot '\(state.slot)' was dropped, and with it every change since "
            + "\(state.looked.rfc3339) that was not drained; \(again)"))
    }
    guard status.health != "lost" else {
      throw .store(
        .unreadable(
          "\(store.label): the server has removed changes that the replication slot '\(state.slot)' needed "
            + "(wal_status lost, max_slot_wal_keep_size), those since \(state.looked.rfc3339); \(again)"
        ))
    }
    guard status.place <= state.place else {
      throw .refused(
        "\(store.label): somebody else has read the replication slot '\(state.slot)' up to \(status.place), and changes after "
          + "\(state.place) are not in the ledger; \(again)")
    }
    return state.last.flatMap { $0.place > status.place ? $0 : nil }
  }
}

/// How the ledger calls itself in the stores that it writes.
func ledgerID(_ manifest: Manifest) -> String { hex(manifest.id) }
